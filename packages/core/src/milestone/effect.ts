import { describeError, MilepostError } from "../errors.js";
import type { Effect } from "../store/crossing-repository.js";
import type { NewCrossing } from "./crossing.js";
import { isSqlStatement, type SqlStatement } from "./sql.js";

/** What an effect answers: statements to run with what it was told of, or nothing. */
export type EffectAnswer = SqlStatement | readonly SqlStatement[] | null | undefined | false;

/** A counter, as `onPeriodEnd` and `onLimit` are told of it. */
export interface CounterFacts {
  readonly tenant: string;
  readonly milestone: string;
  readonly metric: string;
  readonly subject: string;
  /** The period's key. */
  readonly period: string;
  readonly value: number;
  /** 0 when the policy measures against no limit. */
  readonly limitVersion: number;
  readonly limit: number | null;
}

/** What a host wants run in the transaction that stores what it is told of. */
export interface Effects {
  readonly effect?: (crossing: NewCrossing) => EffectAnswer;
  readonly onPeriodEnd?: (counter: CounterFacts) => EffectAnswer;
  readonly onLimit?: (counter: CounterFacts) => EffectAnswer;
}

/** The moment at which a host's effect is asked what to run. */
export type EffectMoment =
  | { readonly kind: "crossing"; readonly milestone: Effects; readonly crossing: NewCrossing }
  | {
      readonly kind: "limit" | "period-end";
      readonly milestone: Effects;
      readonly facts: CounterFacts;
    };

/** Asks the host what to run; throws `effect_failed` where its function throws, or answers with something else. */
export function effectsOf(moments: readonly EffectMoment[]): readonly Effect[] {
  return moments.flatMap((moment) => {
    const crossing = moment.kind === "crossing" ? moment.crossing.id : null;
    return statementsOf(moment).map((statement): Effect => ({ crossing, statement }));
  });
}

function statementsOf(moment: EffectMoment): readonly SqlStatement[] {
  const name = { crossing: "effect", limit: "onLimit", "period-end": "onPeriodEnd" }[moment.kind];
  let answer: EffectAnswer;
  try {
    answer = asked(moment);
  } catch (cause) {
    throw effectFailed(`${name}() threw: ${describeError(cause)}`, cause);
  }
  const statements =
    answer === null || answer === undefined || answer === false ? [] : isSqlStatement(answer) ? [answer] : answer;
  if (Array.isArray(statements) && statements.every(isSqlStatement)) return statements;
  // of an async function, whose own failure would end the process
  if (answer instanceof Promise) answer.catch(() => {});
  throw effectFailed(`${name}() must answer sql\`…\`, a list of them, or nothing; it may not be async`);
}

function asked(moment: EffectMoment): EffectAnswer {
  if (moment.kind === "crossing") return moment.milestone.effect?.(moment.crossing);
  const { kind, milestone, facts } = moment;
  return kind === "limit" ? milestone.onLimit?.(facts) : milestone.onPeriodEnd?.(facts);
}

function effectFailed(why: string, cause?: unknown): MilepostError {
  return new MilepostError("effect_failed", why, { path: "effect", cause });
}
