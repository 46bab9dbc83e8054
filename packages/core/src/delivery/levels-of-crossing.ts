import type { Crossing } from "../milestone/crossing.js";
import { type LevelSpec, risingLevels } from "../milestone/policies/level-spec.js";
import type { StoredLevels } from "../store/levels-repository.js";

/**
 * The version of stored levels that a crossing's level was one of: of those that held one after the other until it was
 * recorded, the last that has the level. A crossing does not name it, as it names its limit's. Null where none has it, as
 * of a policy's own levels.
 *
 * `versions` are those of its subject and of its tenant, in any order.
 */
export function levelsOfCrossing(versions: readonly StoredLevels[], crossing: Crossing): StoredLevels | null {
  const known = versions
    .filter(({ createdAt, applied }) => applied && createdAt <= crossing.createdAt)
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || b.version - a.version);
  for (let place = 0; place < known.length; place++) {
    const held = inForce(known.slice(place));
    if (held !== undefined && hasLevel(held, crossing)) return held;
  }
  return null;
}

/** Of versions, the latest first: the subject's, or else the tenant's. */
function inForce(versions: readonly StoredLevels[]): StoredLevels | undefined {
  const latest = (ofTenant: boolean) => {
    const version = versions.find(({ subject }) => (subject === "") === ofTenant);
    return version?.levels === null ? undefined : version;
  };
  return latest(false) ?? latest(true);
}

function hasLevel({ levels }: StoredLevels, { threshold, at }: Crossing): boolean {
  const specs = levels as readonly LevelSpec[];
  return risingLevels(specs, "levels").some((level) => level.threshold === threshold && level.at === at);
}
