import { describe, expect, it } from "vitest";
import { anyone } from "../policies/count-through.js";
import { thresholds } from "../policies/thresholds.js";
import type { Level, MilestonePolicy } from "../policy.js";
import { shortestProblem, walkProblem } from "./walk.js";

const everywhere = { from: -1_000, to: 1_000 };
const honest = thresholds(10, { at: 20, rearmAt: 12 });
const all = honest.levels(everywhere, anyone);
const without = (leftOut: (level: Level, from: number, to: number) => boolean): MilestonePolicy => ({
  key: "host",
  levels: ({ from, to }, context) => honest.levels({ from, to }, context).filter((level) => !leftOut(level, from, to)),
});
const problem = (policy: MilestonePolicy, ...values: number[]) => walkProblem(policy, anyone, all, values);

describe("walkProblem", () => {
  it("finds nothing wrong with a policy that tells of all its levels", () => {
    expect(problem(honest, 0, 25, 11, 30, -5, 12, 30)).toBeUndefined();
  });

  it("tells of a level that is passed unnoticed", () => {
    const blind = without(({ at }, from, to) => at === 20 && to - from > 20);
    expect(problem(blind, 5, 30)).toBe(
      'a counter that goes 5 -> 30 must pass "10", "20" with its last step, and passes "10"',
    );
  });

  it("tells of a level that lies within what is thought quiet", () => {
    const shortSighted = without(({ at }, from, to) => at < from || at > to);
    expect(problem(shortSighted, 5, 10)).toBe(
      'a counter that goes 5 -> 10 must pass "10" with its last step, and is thought quiet between null and null',
    );
  });

  it("tells of a level that is armed again unnoticed, and of the arming", () => {
    const blind = without(({ at }, from) => at === 20 && from === 30);
    expect(problem(blind, 0, 30, 11)).toBe(
      'a counter that goes 0 -> 30 -> 11 must arm "20" again with its last step, and is thought quiet between null and null',
    );
    const stubborn: MilestonePolicy = { key: "host", levels: () => thresholds(10, 20).levels(everywhere, anyone) };
    expect(problem(stubborn, 0, 30, 5, 30)).toBe(
      'a counter that goes 0 -> 30 -> 5 -> 30 must pass "20" (arming 2) with its last step, and is thought quiet between null and null',
    );
  });
});

describe("shortestProblem", () => {
  it("leaves out of a way what does not matter", () => {
    const blind = without(({ at }, from, to) => at === 20 && to - from > 20);
    const way = [0, 3, -7, 5, 9, 2, 31, 4, 12, 8];
    expect(shortestProblem(way, (values) => problem(blind, ...values))).toMatch(
      /^a counter that goes -?\d+ -> 31 must/,
    );
    expect(shortestProblem(way, (values) => problem(honest, ...values))).toBeUndefined();
  });
});
