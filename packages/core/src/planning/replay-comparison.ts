import type { Crossing, CrossingKey } from "../milestone/crossing.js";
import { periodOf, spanOf } from "../milestone/period.js";
import type { StoredCounter } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { RetainedEvent } from "../store/event-repository.js";
import { crossingKeyText } from "../store/memory/memory-crossings.js";
import { counterKeyText } from "../store/tally.js";

/** What a replay found, and what is recorded. */
export interface Compared<Found extends Crossing> {
  readonly definition: InstalledDefinition;
  readonly events: readonly RetainedEvent[];
  readonly complete: boolean;
  /** By the text of their key, as they are stored. */
  readonly counters: ReadonlyMap<string, StoredCounter>;
  readonly found: readonly Found[];
  /** Recorded before the events were read: those had no others to cause them. */
  readonly before: readonly Crossing[];
  /** Recorded when all was done: what is not among them was not recorded meanwhile either. */
  readonly after: readonly Crossing[];
}

export interface Comparison<Found> {
  readonly same: number;
  readonly missing: readonly Found[];
  readonly unexpected: readonly Crossing[];
  readonly leftOut: number;
}

/** Compares by the crossings' keys; what cannot be told apart from a difference is left out. */
export function compare<Found extends Crossing>(compared: Compared<Found>): Comparison<Found> {
  const { events, complete, counters, found, before, after } = compared;
  const judged = judgedSpans(compared);
  const installed = new Map(compared.definition.milestones.map((milestone) => [milestone.name, milestone]));
  const replayed = new Set(events.map(({ id }) => id));
  const recorded = new Map([...before, ...after].map((crossing) => [crossingKeyText(crossing), crossing]));
  const keys = new Set(found.map(crossingKeyText));

  const isJudged = ({ milestone, period }: CrossingKey) => installed.has(milestone) && judged(period);
  /** What is on its way: the counter has not been evaluated to here, or has not met the milestone. */
  const isComing = (crossing: Found): boolean => {
    const counter = counters.get(counterKeyText(crossing));
    if (counter === undefined) return false;
    if (installed.get(crossing.milestone)!.changed > counter.generation) return true;
    const waits = counter.trail.flatMap(({ ids }) => ids);
    return counter.due && (crossing.eventId === "" || waits.includes(crossing.eventId));
  };

  const result = { same: 0, missing: [] as Found[], unexpected: [] as Crossing[], leftOut: 0 };
  for (const crossing of found) {
    const known = recorded.get(crossingKeyText(crossing));
    if (!isJudged(crossing) || (known !== undefined && isAdopted(known))) result.leftOut++;
    else if (known !== undefined) result.same++;
    else if (isComing(crossing)) result.leftOut++;
    else result.missing.push(crossing);
  }
  for (const crossing of before) {
    if (keys.has(crossingKeyText(crossing))) continue;
    const unknown = !complete && !replayed.has(crossing.eventId);
    if (isAdopted(crossing) || !isJudged(crossing) || unknown) result.leftOut++;
    else result.unexpected.push(crossing);
  }
  return result;
}

/** What a counter had behind it when it met a milestone: no event caused it, and no limit. */
function isAdopted({ state, eventId, limitVersion }: Crossing): boolean {
  return state === "adopted" || (eventId === "" && limitVersion === 0);
}

/**
 * Which counters are known from their beginning. A calendar period that came later has a first span that is partial; and
 * where events were forgotten, only spans that began after the first that is left are whole.
 */
function judgedSpans({ definition, events, complete }: Compared<Crossing>): (period: string) => boolean {
  const begun = Math.min(...events.map(({ occurredAt }) => occurredAt.getTime()));
  return (key) => {
    const { start } = spanOf(key);
    if (start === Number.NEGATIVE_INFINITY) return true;
    const period = periodOf(key);
    const { since } = definition.births.find((birth) => birth.period === period) ?? {};
    const ever = definition.milestones.some(({ birth, added }) => birth.period === period && added === 1);
    const fed = ever || since === undefined || start >= Date.parse(since);
    return fed && (complete || start >= begun);
  };
}
