import type { CounterKey } from "../store/counter-repository.js";
import type { Band } from "../store/definition-repository.js";
import type { Limit } from "../store/limit-repository.js";
import { type Arming, afterEdit, freshArming, type Passed, quietBand, type Step, step } from "./arming.js";
import type { CrossingBirth, NewCrossing } from "./crossing.js";
import type { CounterFacts, EffectMoment, Effects } from "./effect.js";
import { levelsOf } from "./levels.js";
import type { Milestone } from "./milestone.js";
import { nextChange } from "./next-change.js";
import type { NewNotice } from "./notice.js";
import type { LevelSpec } from "./policies/level-spec.js";
import type { Level, MilestonePolicy, PolicyContext } from "./policy.js";
import type { OpenCrossing } from "./said-crossings.js";
import { type AppliedLevels, type LevelsVersions, levelsAtFirst, levelsInForce, sameLevels } from "./stored-levels.js";
import { keepingOpen, Telling } from "./telling.js";

/** What folding needs to know of a milestone. */
export interface FoldedMilestone
  extends Pick<Milestone, "name" | "policy" | "onJump" | "minInterval" | "onAdopt">,
    Effects {
  /** What becomes of a crossing that is to be said: nobody may have to be told, or not any more. */
  readonly said: "pending" | "silent" | "expired";
  /** Milliseconds between reminders; absent: none. */
  readonly remindEvery?: number;
  /** Whether it is said when a level that was said is armed again. */
  readonly resolves?: boolean;
  /** The generations it came and last changed with. */
  readonly added: number;
  readonly changed: number;
  /** When crossings of it were said to the subject's people, in any of its periods; of a lifetime its counter knows. */
  readonly saidAt?: readonly Date[];
  /** The applied versions of its stored levels, of the subject and of the tenant. */
  readonly levels?: readonly AppliedLevels[];
}

export type AppliedLimit = Pick<Limit, "version" | "amount" | "effectiveFrom" | "createdAt">;

/** What is the same for all milestones of one counter. */
export interface CourseOf extends CounterKey {
  /** When counting began in the counter's span, and where it ends, in milliseconds since the epoch. */
  readonly from: number;
  readonly end: number;
  readonly newId: () => string;
  readonly now: () => Date;
  /** Versions of stored levels that the trail is still to tell of. */
  readonly toldLevels: readonly LevelsVersions[];
}

/** What a fold finds, in the order in which it happened. */
export interface Findings {
  readonly crossings: NewCrossing[];
  readonly notices: NewNotice[];
  readonly moments: EffectMoment[];
}

/** Where a course begins. */
export interface CourseStart {
  /** What the counter remembers of the milestone. */
  readonly known: Arming | undefined;
  /** What counts as the highest value held, for one that remembers nothing. */
  readonly high: number;
  readonly value: number;
  readonly limit: AppliedLimit | undefined;
}

type CrossingFacts = Pick<NewCrossing, "arming" | "skipped" | "previous" | "value" | "eventId" | "reachedAt" | "state">;

/** One counter's way through the levels of one milestone: what is armed, and what came of each step. */
export class Course {
  readonly milestone: FoldedMilestone;
  readonly #of: CourseOf;
  readonly #findings: Findings;
  #arming: Arming;
  readonly #telling: Telling;
  #limit: AppliedLimit | undefined;
  #thresholds: readonly LevelSpec[] | undefined;

  constructor(
    milestone: FoldedMilestone,
    of: CourseOf,
    findings: Findings,
    { known, high, value, limit }: CourseStart,
  ) {
    this.milestone = milestone;
    this.#of = of;
    this.#findings = findings;
    this.#telling = new Telling(milestone, of, findings);
    const before = known ?? freshArming(high);
    // also of one that was removed and came back: whatever it missed lies behind
    this.#arming = { ...before, high: Math.max(before.high, value) };
    if (milestone.policy.needs?.includes("thresholds")) {
      const levels = this.#arming.levels ?? levelsAtFirst(milestone, of.toldLevels);
      this.#thresholds = levelsInForce(milestone.levels ?? [], levels);
      this.#arming = { ...this.#arming, levels };
    }
    // nothing of a period that is over when it is looked at first reached the host, so nothing is to be taken back; the
    // same where this came to the milestone later than its end
    if (milestone.onPeriodEnd !== undefined && before.end === undefined) {
      this.#set({ end: this.#over ? "told" : "awaited" });
    }
    if (!this.measured) return;
    this.#limit = limit!;
    if (known?.limit !== limit!.version) this.#react(value);
    this.#set({ limit: limit!.version });
  }

  get arming(): Arming {
    return this.#arming;
  }

  /** Whether its levels depend on the limit. */
  get measured(): boolean {
    return this.milestone.policy.needs?.includes("limit") ?? false;
  }

  band(value: number): Band {
    return quietBand(this.milestone.policy, this.#context, this.#arming, value);
  }

  /** When it is to be looked at although no event came, in milliseconds since the epoch; infinite: never. */
  get wakeAt(): number {
    const { onPeriodEnd, policy, remindEvery = 0 } = this.milestone;
    const { end: told, remindAt = Number.POSITIVE_INFINITY } = this.#arming;
    const { end } = this.#of;
    // each of them lies ahead once it was woken for, or it would be woken for ever
    return Math.min(
      onPeriodEnd !== undefined && told === "awaited" ? end : Number.POSITIVE_INFINITY,
      remindEvery > 0 && remindAt < end ? remindAt : Number.POSITIVE_INFINITY,
      nextChange(policy, this.#context) ?? Number.POSITIVE_INFINITY,
    );
  }

  /** One event's step from `previous` to `value`. */
  take(event: { readonly id: string; readonly occurredAt: Date }, previous: number, value: number): void {
    this.#look(event.occurredAt.getTime());
    this.#step(previous, value, { eventId: event.id, reachedAt: event.occurredAt });
  }

  /** What the counter has behind it where it meets the milestone. A level that was crossed before keeps its crossing. */
  adopt(value: number, moment: number): void {
    const { name, onAdopt, said } = this.milestone;
    const { crossings } = this.#findings;
    this.#look(moment);
    const found = crossings.filter(({ milestone }) => milestone === name);
    const known = (this.#arming.open ?? []).filter(({ limitVersion }) => limitVersion === (this.#limit?.version ?? 0));
    const crossed = new Set([...found, ...known].map(({ threshold }) => threshold));
    const behind = this.#levelsBehind(value).filter(({ level }) => !crossed.has(level.threshold));
    const reachedAt = this.#of.now();
    const told = onAdopt === "notify" && said !== "silent" && behind.length > 0;
    const births = told ? this.#births(behind, reachedAt, "highest") : [];
    behind.forEach(({ level, skipped }, place) => {
      const about = { arming: 1, skipped, previous: value, value, eventId: "", reachedAt };
      this.#record(level, { ...about, state: births[place] ?? "adopted" });
    });
    this.#spend(behind);
  }

  /** Its levels are others than before: what lies behind is adopted. Of a level that is gone nothing more is said. */
  edit(value: number, moment: number): void {
    this.#look(moment);
    const { open = [] } = this.#arming;
    this.#arming = keepingOpen(
      this.#arming,
      open.filter((each) => this.#levelOf(each) !== undefined),
    );
    this.adopt(value, moment);
    // what an edit puts ahead of a value that has come down again is waited for; what was crossed keeps its crossing
    this.#arming = afterEdit(this.milestone.policy, this.#context, this.#arming, value);
  }

  /** Another limit arms all levels again: those that the value has passed already are crossed at once. */
  measureAgainst(next: AppliedLimit, value: number): void {
    this.#limit = next;
    const { said, at, remindAt, open = [], end } = this.#arming;
    const kept = { ...(said !== undefined && { said }), ...(at !== undefined && { at }), ...(end && { end }) };
    const talk = { ...(open.length > 0 && { open }), ...(remindAt !== undefined && { remindAt }) };
    this.#arming = { ...freshArming(value), limit: next.version, ...kept, ...talk };
    this.#react(value);
    const reachedAt = new Date(Math.max(next.effectiveFrom.getTime(), next.createdAt.getTime()));
    this.#look(reachedAt.getTime());
    const passed = this.#levelsBehind(value);
    const places = new Map(passed.map(({ level }) => [level.threshold, level.at]));
    const over = open.filter(({ threshold, direction }) => direction === "rising" && !places.has(threshold));
    const left = open.filter((each) => !over.includes(each));
    this.#arming = keepingOpen(
      this.#arming,
      left.map((each) => ({ ...each, at: places.get(each.threshold) ?? each.at })),
    );
    this.#telling.resolve(over, value, reachedAt);
    this.#spend(passed);
    this.#recordPassed(passed, { previous: value, value, eventId: "", reachedAt }, 1);
  }

  /** A version of stored levels holds from here on. */
  measureBy({ subject, version }: LevelsVersions, value: number): void {
    const { levels: versions = [], policy } = this.milestone;
    const known = this.#arming.levels;
    const which = subject === "" ? "tenant" : "own";
    if (!policy.needs?.includes("thresholds") || known === undefined || version <= known[which]) return;
    const levels = { ...known, [which]: version };
    const thresholds = levelsInForce(versions, levels);
    const same = sameLevels(thresholds, this.#thresholds);
    this.#set({ levels });
    this.#thresholds = thresholds;
    if (!same) this.edit(value, this.#of.now().getTime());
  }

  /** The engine was woken at `at`: what time alone brings. */
  wake(at: number, value: number): void {
    const { policy, onPeriodEnd } = this.milestone;
    const { end } = this.#of;
    this.#look(Math.min(at, end));
    if (policy.moving && at < end) this.#step(value, value, { eventId: "", reachedAt: new Date(at) });
    if (at >= end && onPeriodEnd !== undefined && this.#arming.end === "awaited") {
      this.#findings.moments.push({ kind: "period-end", milestone: this.milestone, facts: this.#facts(value) });
      this.#set({ end: "told" });
    }
    this.#arming = this.#telling.wake(this.#arming, at, value, (open) => this.#levelOf(open));
  }

  #step(previous: number, value: number, about: { readonly eventId: string; readonly reachedAt: Date }): void {
    const { passed, cleared, arming }: Step = step(this.milestone.policy, this.#context, this.#arming, previous, value);
    this.#arming = arming;
    const { open = [] } = arming;
    const over = open.filter(({ threshold }) => cleared.includes(threshold));
    if (over.length > 0)
      this.#arming = keepingOpen(
        arming,
        open.filter((each) => !over.includes(each)),
      );
    this.#telling.resolve(over, value, about.reachedAt);
    this.#recordPassed(passed, { previous, value, ...about });
  }

  #recordPassed(
    passed: readonly Passed[],
    about: Pick<CrossingFacts, "previous" | "value" | "eventId" | "reachedAt">,
    arming?: number,
  ): void {
    if (passed.length === 0) return;
    const births = this.#births(passed, about.reachedAt, this.milestone.onJump);
    passed.forEach(({ level, arming: count, skipped }, place) => {
      const crossing = this.#record(level, { arming: arming ?? count, skipped, ...about, state: births[place]! });
      const { effect } = this.milestone;
      if (effect !== undefined && this.#takesEffect) {
        this.#findings.moments.push({ kind: "crossing", milestone: this.milestone, crossing });
      }
    });
  }

  #record(level: Level, about: CrossingFacts): NewCrossing {
    const { tenant, metric, subject, period, newId } = this.#of;
    const { threshold, at, direction, code = null, severity = null } = level;
    const where = { tenant, milestone: this.milestone.name, metric, subject, period, threshold };
    const limited = { limitVersion: this.#limit?.version ?? 0, limitAmount: this.#limit?.amount ?? null };
    const crossing: NewCrossing = { id: newId(), ...where, ...limited, at, direction, code, severity, ...about };
    this.#findings.crossings.push(crossing);
    if (crossing.state === "pending") {
      this.#arming = this.#telling.open(this.#arming, crossing, level.rearmAt !== undefined || this.measured);
    }
    return crossing;
  }

  /** The level of an open crossing, as the policy has it now; undefined: it is gone. One that moves may lie elsewhere. */
  #levelOf({ threshold, at }: OpenCrossing): Level | undefined {
    const { policy } = this.milestone;
    const levels = levelsOf(policy, { from: at, to: at }, this.#context);
    return levels.find((level) => level.threshold === threshold && (policy.moving || level.at === at));
  }

  #births(passed: readonly Passed[], reachedAt: Date, onJump: Milestone["onJump"]): readonly CrossingBirth[] {
    const { births, arming } = this.#telling.births(this.#arming, passed, reachedAt, onJump);
    this.#arming = arming;
    return births;
  }

  /** Rising levels between where counters start and where this one is: as if one event had passed them. */
  #levelsBehind(value: number): readonly Passed[] {
    if (value <= 0) return [];
    const { passed } = step(this.milestone.policy, this.#context, freshArming(0), 0, value);
    return passed.filter(({ level }) => level.direction === "rising");
  }

  /** Of levels that move it is remembered which were passed; of others the highest value tells. */
  #spend(passed: readonly Passed[]): void {
    if (!this.milestone.policy.moving || passed.length === 0) return;
    const spent = Object.fromEntries(passed.map(({ level }) => [level.threshold, level.at]));
    this.#set({ spent: { ...this.#arming.spent, ...spent } });
  }

  /** A limit holds that did not before. */
  #react(value: number): void {
    if (this.milestone.onLimit === undefined || !this.#takesEffect) return;
    this.#findings.moments.push({ kind: "limit", milestone: this.milestone, facts: this.#facts(value) });
  }

  #facts(value: number): CounterFacts {
    const { tenant, metric, subject, period } = this.#of;
    const { version: limitVersion = 0, amount: limit = null } = this.#limit ?? {};
    return { tenant, milestone: this.milestone.name, metric, subject, period, value, limitVersion, limit };
  }

  #look(at: number): void {
    if (this.milestone.policy.moving) this.#set({ at: Math.max(at, this.#arming.at ?? this.#of.from) });
  }

  #set(to: Partial<Arming>): void {
    this.#arming = { ...this.#arming, ...to };
  }

  /** Not after the period, by the clock or because its end was told of. */
  get #takesEffect(): boolean {
    return !this.#over && this.#arming.end !== "told";
  }

  get #over(): boolean {
    return this.#of.now().getTime() >= this.#of.end;
  }

  get #context(): PolicyContext {
    const { tenant, subject, period, from, end } = this.#of;
    const { policy }: { policy: MilestonePolicy } = this.milestone;
    return {
      ...{ tenant, subject, period },
      ...(this.#limit !== undefined && { limit: this.#limit.amount }),
      ...(this.#thresholds !== undefined && { thresholds: this.#thresholds }),
      ...(policy.needs?.includes("span") &&
        Number.isFinite(end) && { span: { from, end, at: this.#arming.at ?? from } }),
    };
  }
}
