import type { TrailRow } from "../store/counter-repository.js";
import type { Arming } from "./arming.js";
import type { AppliedLimit, FoldedMilestone } from "./course.js";

/** Of two versions that are in force the one counts that came into force last, then the one that was set last. */
export function outranks(a: AppliedLimit, b: AppliedLimit): boolean {
  return (a.effectiveFrom.getTime() - b.effectiveFrom.getTime() || a.version - b.version) > 0;
}

/**
 * The limit at the beginning of the trail: the one its levels were measured against last or, for a counter that is new
 * to it, the one in force before those that the trail tells of. One that waited for its first limit begins with it.
 */
export function limitAtFirst(
  measured: readonly FoldedMilestone[],
  counter: {
    readonly state: Readonly<Record<string, unknown>>;
    readonly trail: readonly TrailRow[];
    readonly limits: readonly AppliedLimit[];
  },
  end: number,
): AppliedLimit | undefined {
  const { state, trail, limits } = counter;
  const versions = measured.flatMap(({ name }) => (state[name] as Arming | undefined)?.limit ?? []);
  const known = limits.find(({ version }) => version === Math.max(...versions));
  if (known !== undefined) return known;
  const inForce = limits.filter(({ effectiveFrom }) => effectiveFrom.getTime() < end);
  const told = trail.map(({ limitVersion }) => limitVersion);
  const before = inForce.filter(({ version }) => !told.includes(version));
  const [best] = before.sort((a, b) => (outranks(a, b) ? -1 : 1));
  return best ?? inForce.find(({ version }) => version === told.find((each) => each !== null));
}
