import type { RetainedEvent } from "../store/event-repository.js";
import type { Limit } from "../store/limit-repository.js";

/** A version that came into force, and directly before which event: an index, the number of events for after the last. */
export interface LimitPlace {
  readonly limit: Limit;
  readonly before: number;
}

/** What is known of a subject's past beside its limits. */
export interface Past {
  /** In the order of their effect. */
  readonly events: readonly Pick<RetainedEvent, "rev" | "occurredAt">[];
  /** The lifetime counter's rev up to which these are the events that are left. */
  readonly rev: number;
  /** Whether from the first of them on no event of the subject is missing. */
  readonly unbroken: boolean;
}

/**
 * Where a subject's applied limits came into force among its retained events.
 *
 * A version that is applied to a counter takes a rev of it, as a batch of events does. So where no event is missing, the
 * revs without events are the latest versions, and the others came before the first event. Otherwise, and if there are
 * more such revs than versions, the times decide: a version goes before the first event that occurred when it was in force.
 */
export function limitPlaces({ events, rev, unbroken }: Past, limits: readonly Limit[]): readonly LimitPlace[] {
  const applied = limits
    .filter((limit) => limit.applied)
    .sort((a, b) => inForce(a) - inForce(b) || a.version - b.version);
  const gaps = revsWithoutEvents(events, rev);
  const early = applied.length - gaps.length;
  const byRev = unbroken && early >= 0;
  return applied.map((limit, i) => {
    if (!byRev) return { limit, before: orEnd(events, ({ occurredAt }) => occurredAt.getTime() >= inForce(limit)) };
    const gap = gaps[i - early];
    return { limit, before: gap === undefined ? 0 : orEnd(events, (event) => event.rev > gap) };
  });
}

/** When counters could be told of it first. */
function inForce({ effectiveFrom, createdAt }: Limit): number {
  return Math.max(effectiveFrom.getTime(), createdAt.getTime());
}

function revsWithoutEvents(events: readonly Pick<RetainedEvent, "rev">[], last: number): readonly number[] {
  const gaps: number[] = [];
  let next = events[0]?.rev ?? last + 1;
  for (const { rev } of [...events, { rev: last + 1 }]) {
    for (; next < rev; next++) gaps.push(next);
    next = rev + 1;
  }
  return gaps;
}

function orEnd<T>(items: readonly T[], isIt: (item: T) => boolean): number {
  const index = items.findIndex(isIt);
  return index < 0 ? items.length : index;
}
