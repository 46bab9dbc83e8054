import type { CounterKey, TrailRow } from "../store/counter-repository.js";
import type { Band } from "../store/definition-repository.js";
import { type Arming, freshArming, narrowest, quietBand, step } from "./arming.js";
import type { NewCrossing } from "./crossing.js";
import type { MilestonePolicy, PolicyContext } from "./policy.js";

/** What folding needs to know of a milestone. */
export interface FoldedMilestone {
  readonly name: string;
  readonly policy: MilestonePolicy;
  /** Whether anybody is to be told: without, its crossings are born `silent`. */
  readonly speaks: boolean;
}

export interface Fold {
  readonly upTo: number;
  readonly band: Band;
  readonly state: Readonly<Record<string, Arming>>;
  readonly crossings: readonly NewCrossing[];
}

/**
 * Folds a counter's trail, in the order of its revs, through the levels of its milestones. Pure: what a crash or
 * another evaluator makes of the result is decided by the commit.
 *
 * A step that stays within the band of the moment calls no policy. Of several levels of one milestone passed by one
 * event the last is said and the others are `superseded`, so any split of the events into batches says the same.
 */
export function fold(
  key: CounterKey,
  milestones: readonly FoldedMilestone[],
  counter: { readonly state: Readonly<Record<string, unknown>>; readonly trail: readonly TrailRow[] },
  newId: () => string,
): Fold {
  const { tenant, metric, subject, period } = key;
  const context: PolicyContext = { tenant, subject, period };
  const crossings: NewCrossing[] = [];
  let value = counter.trail[0]!.from;
  // without a prototype: a milestone may be named like one of its members
  const state: Record<string, Arming> = Object.create(null);
  for (const { name } of milestones) {
    state[name] = Object.hasOwn(counter.state, name) ? (counter.state[name] as Arming) : freshArming(value);
  }
  const bandNow = () =>
    narrowest(milestones.map(({ name, policy }) => quietBand(policy, context, state[name]!, value)));
  let band = bandNow();

  for (const row of counter.trail) {
    row.amounts.forEach((amount, i) => {
      const previous = value;
      value += amount;
      if ((band.below === null || value > band.below) && (band.above === null || value < band.above)) return;
      for (const { name, policy, speaks } of milestones) {
        const { passed, arming } = step(policy, context, state[name]!, previous, value);
        state[name] = arming;
        passed.forEach(({ level, arming: count }, place) => {
          const said = place === passed.length - 1;
          crossings.push({
            id: newId(),
            tenant,
            milestone: name,
            metric,
            subject,
            period,
            threshold: level.threshold,
            limitVersion: 0,
            arming: count,
            at: level.at,
            direction: level.direction,
            previous,
            value,
            eventId: row.ids[i]!,
            reachedAt: row.occurredAts[i]!,
            state: !speaks ? "silent" : said ? "pending" : "superseded",
          });
        });
      }
      band = bandNow();
    });
  }
  return { upTo: counter.trail.at(-1)!.rev, band, state, crossings };
}
