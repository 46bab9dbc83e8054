import type { LevelSpec } from "./policies/level-spec.js";

/** A version of stored levels that evaluations measure by; `subject` is "" for the tenant's. */
export interface AppliedLevels {
  readonly subject: string;
  readonly version: number;
  /** null: none any more. */
  readonly levels: readonly LevelSpec[] | null;
}

/** A version that a trail tells of. */
export interface LevelsVersions {
  readonly milestone: string;
  readonly subject: string;
  readonly version: number;
}

/** Versions by whose they are; 0 before the first. */
export interface LevelsKnown {
  readonly own: number;
  readonly tenant: number;
}

/** What a counter begins with that was not measured by any: the latest versions that its trail is not still to tell of. */
export function levelsAtFirst(
  { name, levels = [] }: { readonly name: string; readonly levels?: readonly AppliedLevels[] },
  told: readonly LevelsVersions[],
): LevelsKnown {
  const latest = (ofTenant: boolean) => {
    const applied = levels.filter(({ subject }) => (subject === "") === ofTenant);
    const before = applied.filter(({ subject, version }) => {
      return !told.some((each) => each.milestone === name && each.subject === subject && each.version === version);
    });
    return Math.max(0, ...before.map(({ version }) => version));
  };
  return { own: latest(false), tenant: latest(true) };
}

/** The levels that these versions come to: the subject's own, or else the tenant's; undefined if neither has any. */
export function levelsInForce(
  versions: readonly AppliedLevels[],
  { own, tenant }: LevelsKnown,
): readonly LevelSpec[] | undefined {
  const ofSubject = versions.find(({ subject, version }) => subject !== "" && version === own)?.levels;
  const ofTenant = versions.find(({ subject, version }) => subject === "" && version === tenant)?.levels;
  return ofSubject ?? ofTenant ?? undefined;
}

export function sameLevels(a: readonly LevelSpec[] | undefined, b: readonly LevelSpec[] | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
