import { describeError, MilepostError } from "../errors.js";
import { keyProblem } from "../text-key.js";
import { type Level, type MilestonePolicy, type PolicyContext, severities } from "./policy.js";

export type Range = { readonly from: number; readonly to: number };

/**
 * Asks a policy for its levels and checks what it says: a host's policy is code from outside. Throws `policy_failed`,
 * also for what the policy itself threw.
 */
export function levelsOf(policy: MilestonePolicy, range: Range, context: PolicyContext): readonly Level[] {
  if (policy.needs?.includes("limit") && context.limit === undefined) {
    throw failed(policy, "it needs a limit, and none is known");
  }
  if (policy.needs?.includes("span") && context.span === undefined) {
    throw failed(policy, "it needs a calendar period: give its milestone one");
  }
  let levels: readonly Level[];
  try {
    levels = policy.levels(range, context);
  } catch (cause) {
    throw failed(policy, `levels() threw: ${describeError(cause)}`, cause);
  }
  if (!Array.isArray(levels)) throw failed(policy, "levels() must return an array of levels, not a promise or nothing");
  const names = new Set<string>();
  for (const level of levels as readonly Level[]) {
    const problem = levelProblem(level);
    if (problem !== undefined) throw failed(policy, `levels(): ${problem}`);
    if (names.has(level.threshold)) throw failed(policy, `levels(): threshold "${level.threshold}" is there twice`);
    if (policy.moving && (level.direction === "falling" || level.rearmAt !== undefined)) {
      throw failed(policy, `its levels move, but "${level.threshold}" falls or arms again`);
    }
    if (policy.oneWay && (level.direction === "falling" || level.rearmAt !== undefined)) {
      throw failed(policy, `it is oneWay, but "${level.threshold}" falls or arms again`);
    }
    names.add(level.threshold);
  }
  return levels;
}

/** Levels taken in at once; more than these that one event passes have no crossing of their own. */
export const mostLevels = 10_000;

/**
 * The levels of a range from one end to the other, in parts: a policy may have one at every value, and a range a billion
 * values. The parts grow, because most policies have a few levels in any range.
 */
export function* levelsInParts(
  policy: MilestonePolicy,
  { from, to }: Range,
  context: PolicyContext,
  begin: "from" | "to",
): Generator<readonly Level[], void, undefined> {
  let size = mostLevels;
  for (let done = 0; done <= to - from; ) {
    const [first, last] = [done, Math.min(to - from, done + size - 1)];
    const part = begin === "from" ? { from: from + first, to: from + last } : { from: to - last, to: to - first };
    const levels = levelsOf(policy, part, context).filter(({ at }) => part.from <= at && at <= part.to);
    yield levels;
    done += size;
    if (levels.length < mostLevels) size *= 16;
  }
}

/**
 * Finds the mistake that loses crossings in silence: a policy that answers with the levels inside the range only. Asked
 * about the empty range at 0 it must name the nearest level above, if a wider range shows that there is one.
 */
export function refuseShortSighted(policy: MilestonePolicy, context: PolicyContext): void {
  const above = (range: Range) => levelsOf(policy, range, context).some(({ at }) => at > 0);
  if (above({ from: 0, to: 10_000 }) && !above({ from: 0, to: 0 })) {
    throw failed(policy, "levels() must also return the nearest level beyond either end of the range");
  }
}

function levelProblem(level: Level): string | undefined {
  if (typeof level !== "object" || level === null) return "a level is an object";
  const { threshold, at, direction, rearmAt, code, severity } = level;
  const name = typeof threshold === "string" ? keyProblem(threshold) : "must be a text";
  if (name !== undefined) return `threshold ${name}`;
  if (!Number.isSafeInteger(at)) return `at of "${threshold}" must be a safe integer`;
  if (direction !== "rising" && direction !== "falling") return `direction of "${threshold}" must be rising or falling`;
  if (code !== undefined) {
    const problem = typeof code === "string" ? keyProblem(code) : "must be a text";
    if (problem !== undefined) return `code of "${threshold}" ${problem}`;
  }
  if (severity !== undefined && !severities.includes(severity)) {
    return `severity of "${threshold}" must be one of ${severities.join(", ")}`;
  }
  if (rearmAt === undefined) return undefined;
  const beyond = direction === "rising" ? rearmAt < at : rearmAt > at;
  return Number.isSafeInteger(rearmAt) && beyond
    ? undefined
    : `rearmAt of "${threshold}" must be a safe integer ${direction === "rising" ? "below" : "above"} its at`;
}

export function failed(policy: MilestonePolicy, why: string, cause?: unknown): MilepostError {
  return new MilepostError("policy_failed", `Policy ${policy.key}: ${why}`, { path: "policy", cause });
}
