import { describe, expect, it } from "vitest";
import { every } from "../policies/every.js";
import { fallingBelow } from "../policies/falling-below.js";
import { percentOfLimit } from "../policies/percent-of-limit.js";
import { powersOf } from "../policies/powers-of.js";
import { thresholds } from "../policies/thresholds.js";
import { thresholdsOf } from "../policies/thresholds-of.js";
import { withNearest } from "../policies/with-nearest.js";
import type { Level, MilestonePolicy } from "../policy.js";
import { checkPolicy, type PolicyCheckOptions } from "./check-policy.js";

const max = Number.MAX_SAFE_INTEGER;
const rising = (at: number, more: Partial<Level> = {}): Level => {
  return { threshold: String(at), at, direction: "rising", ...more };
};
const host = (levels: MilestonePolicy["levels"], more: Partial<MilestonePolicy> = {}): MilestonePolicy => {
  return { key: "host", levels, ...more };
};
const over = (...levels: Level[]) => host(({ from, to }) => withNearest(levels, from, to));
const limits = (...values: number[]) => values.map((limit) => ({ limit }));

describe("checkPolicy", () => {
  const accepted: readonly (readonly [MilestonePolicy, PolicyCheckOptions?])[] = [
    [thresholds(1, 1_000, 1_000_000)],
    [thresholds(-5, { at: 10, rearmAt: { percent: 50 } }, { at: max, rearmAt: -max })],
    [every(1)],
    [every(1, { rearmAt: 0 })],
    [every(100, { from: -1_000, rearmAt: { below: 250 }, code: "hundred" })],
    [every(7, { from: -50, to: 77 }), { from: -max, to: max }],
    [powersOf(10)],
    [powersOf(2, { rearmAt: { percent: 25 } })],
    [percentOfLimit(50, { percent: 80, rearmAt: 12.5 }, 100, 200), { contexts: limits(0, 1, 7, 101, 10 ** 9, max) }],
    [fallingBelow(100, { at: 50, rearmAt: 120 }, { at: -10, rearmAt: { above: 1 } })],
    [thresholdsOf(), { contexts: [{ thresholds: [] }, {}] }],
    [thresholdsOf({ default: [9] }), { contexts: [{ thresholds: [5, { at: 70, rearmAt: 3 }] }, {}] }],
    [host(() => [])],
    [host(() => [rising(3), rising(-4), rising(3, { threshold: "other", direction: "falling", rearmAt: 9 })])],
    [host(() => [rising(2), rising(1)].sort(() => Math.random() - 0.5))],
  ];
  const named = accepted.map(([policy, options = {}]) => ({ policy, options }));
  it.each(named)("accepts $policy.key with $options, after a few hundred questions", ({ policy, options }) => {
    const report = checkPolicy(policy, options);
    const contexts = options.contexts?.length ?? 1;
    expect(report).toMatchObject({ seed: 1, steps: 300 * contexts });
    expect(report.ranges).toBeGreaterThan(100 * contexts);
    expect(report.ranges).toBeLessThan(500 * contexts); // some 30 ms a context
  });

  let calls = 0;
  const shared: { levels?: Level[] } = {};
  type Rejected = readonly [why: string, policy: MilestonePolicy, message: RegExp, options?: PolicyCheckOptions];
  const rejected: readonly Rejected[] = [
    [
      "that tells of no level beyond its range",
      host(({ from, to }) => [10, 20].filter((at) => from <= at && at <= to).map((at) => rising(at))),
      /levels\(\{ from: 0, to: 0 \}\) must also hold the nearest level beyond its end, "10" rising at 10, as levels\(\{ from: -100, to: 100 \}\) does/,
    ],
    [
      "that sees a level far away only when it is asked there",
      host(({ from, to }) => (from <= 1e9 && 1e9 <= to ? [rising(1e9)] : [])),
      /levels\(\{ from: -100, to: 100 \}\) must also hold the nearest level beyond its end, "1000000000"/,
    ],
    [
      "that tells of the second nearest level beyond its range",
      host(({ to }) => [50, 150, 250].filter((at) => at <= to || at === 250).map((at) => rising(at))),
      /must also hold the nearest level beyond its end, "50"/,
    ],
    [
      "that tells of no more than five levels",
      host((range, context) => every(10).levels(range, context).slice(0, 5)),
      /levels\(\{ from: -100, to: 310 \}\) must hold "60" rising at 60, as levels\(\{ from: \d+, to: \d+ \}\) does/,
    ],
    [
      "that is left to chance",
      host(() => (Math.random() < 0.5 ? [rising(10)] : [])),
      /must have the same answer each time/,
    ],
    ["that counts its calls", host(() => [rising(++calls)]), /it held "1" rising at 1 only the first time/],
    [
      "that goes by what it was asked before",
      host(() => (++calls < 300 ? [rising(10), rising(20)] : [rising(10)])),
      /must hold "20"|must have the same answer|must pass|must also hold/,
    ],
    [
      "that mixes up what it knows of one subject with another's",
      host(
        (_, { subject }) => {
          shared.levels ??= [rising(subject.length)];
          const { levels } = shared;
          if (subject === "a longer one") shared.levels = [rising(12)];
          return levels;
        },
        { contextual: true },
      ),
      /must have the same answer each time; it held "5" rising at 5 only the first time \(seed 1, context {"subject":"a longer one"}\)/,
      { contexts: [{ subject: "short" }, { subject: "a longer one" }] },
    ],
    [
      "with one name for two levels",
      host(() => [rising(1), rising(2, { threshold: "1" })]),
      /threshold "1" is there twice/,
    ],
    [
      "with one name for two levels that are never told of together",
      host(({ from, to }) =>
        withNearest([rising(10), rising(200)], from, to)
          .slice(-1)
          .map((level) => ({ ...level, threshold: "x" })),
      ),
      /"x" must name one level; levels\(\{ from: 0, to: 0 \}\) holds "x" rising at 10, and levels\(\{ from: 10, to: 10 \}\) holds "x" rising at 200/,
    ],
    [
      "that moves a level with the range",
      host(({ to }) => [rising(to + 1, { threshold: "next" })]),
      /"next" must name one level/,
    ],
    [
      "that arms again on the wrong side",
      over(rising(10, { rearmAt: 10 })),
      /rearmAt of "10" must be a safe integer below its at/,
    ],
    ["that answers later", host(() => Promise.resolve([]) as never), /must return an array of levels/],
    [
      "that throws",
      host(() => {
        throw new Error("no such table");
      }),
      /levels\(\) threw: no such table/,
    ],
    [
      "that changes the question",
      host((range) => [rising(++(range as { from: number }).from)]),
      /levels\(\) threw: Cannot assign/,
    ],
    [
      "that reads for whom it is asked and does not say so",
      host((_, { subject }) => [rising(subject.length)]),
      /levels\(\) reads context.subject, so the policy must say contextual: true/,
    ],
    [
      "that reads a limit and does not say so",
      host((_, { limit = 5 }) => [rising(limit)]),
      /levels\(\) reads context.limit, so the policy must say needs: \["limit"\]/,
    ],
    ["without a key", { ...every(1), key: "" }, /policy.key: a text that names the policy/],
    ["that is none", null as never, /policy: an object with a method levels\(\)/],
  ];
  const wrong = rejected.map(([why, policy, message, options = {}]) => ({ why, policy, message, options }));
  it.each(wrong)("rejects a policy $why", ({ policy, message, options }) => {
    expect(() => checkPolicy(policy, options)).toThrow(
      expect.objectContaining({ code: "policy_failed", message: expect.stringMatching(message) }),
    );
  });

  it("names the seed and the context with what went wrong, and says the same again with them", () => {
    const policy = host(
      (range, { limit }) =>
        every(limit!)
          .levels(range, {} as never)
          .slice(0, 9),
      { needs: ["limit"] },
    );
    const message = () => {
      try {
        checkPolicy(policy, { seed: 77, contexts: limits(3) });
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    expect(message()).toMatch(/\(seed 77, context {"limit":3}\)$/);
    expect(message()).toBe(message());
  });

  it.each([
    [percentOfLimit(50), {}, "contexts[0].limit"],
    [percentOfLimit(50), { contexts: [{ limit: 5 }, {}] }, "contexts[1].limit"],
    [percentOfLimit(50), { contexts: [{ limit: -1 }] }, "contexts[0].limit"],
    [thresholdsOf(), {}, "contexts[0].thresholds"],
    [every(1), { contexts: [] }, "contexts"],
    [every(1), { contexts: [{ subjct: "acme" }] }, "contexts[0].subjct"],
    [every(1), { from: 5, to: 5 }, "to"],
    [every(1), { to: 1.5 }, "to"],
    [every(1), { steps: -1 }, "steps"],
    [every(1), { seed: 2 ** 32 }, "seed"],
    [every(1), { sead: 1 }, "sead"],
  ] as readonly (readonly [MilestonePolicy, PolicyCheckOptions, string])[])(
    "refuses to check %j with %j",
    (policy, options, path) => {
      expect(() => checkPolicy(policy, options)).toThrow(expect.objectContaining({ code: "invalid_options", path }));
    },
  );
});
