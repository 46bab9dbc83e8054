import type { CounterKey } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import type { CrossingState, NewCrossing } from "./crossing.js";
import { crossingPages } from "./crossing-pages.js";
import type { Milestone } from "./milestone.js";
import { lifetime } from "./period.js";

type About = Pick<NewCrossing, "tenant" | "subject" | "milestone">;

/** Those of crossings that somebody was told of, or was to be. */
const saidStates: readonly CrossingState[] = ["pending", "leased", "announced", "unaddressed", "failed"];

/** When crossings of milestones with a `minInterval` were said to a subject's people: as stored, and in the step under way. */
export class SaidTimes {
  readonly #store: Store;
  readonly #times = new Map<string, Date[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reads those of a counter's milestones, in any period. A lifetime's counter knows by itself. */
  async read({ tenant, subject, period }: CounterKey, milestones: readonly Milestone[]): Promise<void> {
    if (period === lifetime) return;
    for (const { name: milestone, minInterval } of milestones) {
      const about = { tenant, subject, milestone };
      if (minInterval === 0 || this.#times.has(keyOf(about))) continue;
      const times: Date[] = [];
      for await (const page of crossingPages(this.#store, { ...about, states: saidStates })) {
        times.push(...page.map(({ reachedAt }) => reachedAt));
      }
      this.#times.set(keyOf(about), times);
    }
  }

  of(about: About): readonly Date[] | undefined {
    return this.#times.get(keyOf(about));
  }

  /** Those of another period of the subject are to know of these. */
  add(crossings: readonly NewCrossing[]): void {
    for (const crossing of crossings) {
      if (crossing.state === "pending") this.#times.get(keyOf(crossing))?.push(crossing.reachedAt);
    }
  }
}

function keyOf({ tenant, subject, milestone }: About): string {
  return `${tenant}\0${subject}\0${milestone}`;
}
