import type { TrailRow } from "../store/counter-repository.js";
import type { Arming } from "./arming.js";
import type { AppliedLimit, FoldedMilestone } from "./course.js";

/** Of two versions that are in force the one counts that came into force last, then the one that was set last. */
export function outranks(a: AppliedLimit, b: AppliedLimit): boolean {
  return (a.effectiveFrom.getTime() - b.effectiveFrom.getTime() || a.version - b.version) > 0;
}

type Measured = Pick<FoldedMilestone, "name" | "policy" | "changed">;

interface Met {
  readonly state: Readonly<Record<string, unknown>>;
  readonly generation: number;
}

/**
 * The limit at the beginning of the trail: the one its levels were measured against last or, for a counter that is new
 * to it, the one in force before those that the trail tells of. One that waited for its first limit begins with it.
 */
export function limitAtFirst(
  measured: readonly Measured[],
  counter: Met & {
    readonly trail: readonly TrailRow[];
    readonly later?: readonly TrailRow[];
    readonly limits: readonly AppliedLimit[];
  },
  end: number,
): AppliedLimit | undefined {
  const { trail, limits, later = [] } = counter;
  const last = measuredAgainst(measured, counter);
  const known = limits.find(({ version }) => version === last);
  if (known !== undefined) return known;
  const inForce = limits.filter(({ effectiveFrom }) => effectiveFrom.getTime() < end);
  const told = [...trail, ...later].map(({ limitVersion }) => limitVersion);
  const before = inForce.filter(({ version }) => !told.includes(version));
  const [best] = before.sort((a, b) => (outranks(a, b) ? -1 : 1));
  return best ?? inForce.find(({ version }) => version === told.find((each) => each !== null));
}

/**
 * The version that a counter's levels were measured against last. What is kept of a milestone that was edited since, or
 * that was removed and came back, tells nothing: other versions may have come into force without it.
 */
function measuredAgainst(milestones: readonly Measured[], { state, generation }: Met): number | undefined {
  const met = milestones.filter(({ policy, changed }) => policy.needs?.includes("limit") && changed <= generation);
  return met.flatMap(({ name }) => (state[name] as Arming | undefined)?.limit ?? [])[0];
}

/**
 * Whether the limit that a counter begins with shows only in what its trail does not tell of: then all of the trail has to
 * be known, also what was appended to it before its limits were read.
 */
export function beginsWithoutLimit(milestones: readonly Measured[], counter: Met): boolean {
  return measuredAgainst(milestones, counter) === undefined;
}
