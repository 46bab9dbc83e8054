import type { CounterKey } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { LevelsOwner } from "../store/levels-repository.js";
import type { LimitSubject } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import type { AppliedLimit } from "./course.js";
import type { Milestone } from "./milestone.js";
import type { LevelSpec } from "./policies/level-spec.js";
import type { AppliedLevels } from "./stored-levels.js";

/** What counters are measured against, as it was read; a commit shows that it was seen. */
export interface Measures extends Pick<CounterEvaluation, "limitsSeen" | "levelsSeen"> {
  readonly limits: readonly AppliedLimit[];
  /** By milestone. */
  readonly levels: ReadonlyMap<string, readonly AppliedLevels[]>;
}

/** The applied limits and stored levels of the subjects of these counters, where their milestones need them. */
export async function measuresOf<Counter extends CounterKey>(
  store: Store,
  counters: readonly { readonly counter: Counter; readonly milestones: readonly Milestone[] }[],
): Promise<ReadonlyMap<Counter, Measures>> {
  const subjects = new Map<string, LimitSubject>();
  const owners = new Map<string, LevelsOwner>();
  for (const { counter, milestones } of counters) {
    const { tenant, metric, subject } = counter;
    if (milestones.some(needsLimit)) subjects.set(subjectKey(counter), { tenant, metric, subject });
    for (const owner of ownersOf(counter, milestones)) owners.set(ownerKey(owner), owner);
  }
  const limits = subjects.size === 0 ? [] : await store.limits.of({ subjects: [...subjects.values()] });
  const levels = owners.size === 0 ? [] : await store.levels.of({ owners: [...owners.values()] });
  const limitsBySubject = groupedBy(
    limits.filter(({ applied }) => applied),
    subjectKey,
  );
  const levelsByOwner = groupedBy(
    levels.filter(({ applied }) => applied),
    ownerKey,
  );

  return new Map(
    counters.map(({ counter, milestones }) => {
      const known = limitsBySubject.get(subjectKey(counter)) ?? [];
      const seen = ownersOf(counter, milestones).map((owner) => ({
        owner,
        versions: levelsByOwner.get(ownerKey(owner)) ?? [],
      }));
      const byMilestone = new Map<string, AppliedLevels[]>();
      for (const { owner, versions } of seen) {
        const specs = versions.map(({ subject, version, levels: list }) => {
          return { subject, version, levels: list as readonly LevelSpec[] | null };
        });
        byMilestone.set(owner.milestone, [...(byMilestone.get(owner.milestone) ?? []), ...specs]);
      }
      const levelsSeen = seen.map(({ owner: { milestone, subject }, versions }) => {
        return { milestone, subject, applied: versions.length };
      });
      return [
        counter,
        {
          ...{ limits: known, levels: byMilestone },
          ...(milestones.some(needsLimit) && { limitsSeen: known.length }),
          ...(levelsSeen.length > 0 && { levelsSeen }),
        },
      ];
    }),
  );
}

function needsLimit({ policy }: Milestone): boolean {
  return policy.needs?.includes("limit") ?? false;
}

function ownersOf({ tenant, subject }: CounterKey, milestones: readonly Milestone[]): readonly LevelsOwner[] {
  return milestones
    .filter(({ policy }) => policy.needs?.includes("thresholds"))
    .flatMap(({ name: milestone }) => [
      { tenant, milestone, subject },
      { tenant, milestone, subject: "" },
    ]);
}

function groupedBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function subjectKey({ tenant, metric, subject }: LimitSubject): string {
  return `${tenant}\0${metric}\0${subject}`;
}

function ownerKey({ tenant, milestone, subject }: LevelsOwner): string {
  return `${tenant}\0${milestone}\0${subject}`;
}
