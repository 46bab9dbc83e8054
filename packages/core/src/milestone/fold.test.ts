import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrailRow } from "../store/counter-repository.js";
import { fold } from "./fold.js";
import { thresholds } from "./thresholds.js";

const key = { tenant: "default", metric: "m", subject: "acme", period: "lifetime" };
const speaking = (values: readonly number[], name = "m1") => ({ name, policy: thresholds(...values), speaks: true });

function trailOf(amounts: readonly number[], cuts: readonly number[] = [], from = 0): TrailRow[] {
  const rows: TrailRow[] = [];
  let value = from;
  let start = 0;
  for (const end of [...cuts, amounts.length]) {
    const part = amounts.slice(start, end);
    if (part.length === 0) continue;
    const ids = part.map((_, i) => `e${start + i + 1}`);
    rows.push({
      rev: rows.length + 1,
      from: value,
      ids,
      amounts: part,
      occurredAts: part.map((_, i) => new Date(start + i)),
    });
    value += part.reduce((sum, amount) => sum + amount, 0);
    start = end;
  }
  return rows;
}
let ids = 0;
const newId = () => `c${++ids}`;

describe("fold", () => {
  it("names the event that passed each level, its time, and the values around it", () => {
    const { crossings } = fold(key, [speaking([1, 3])], { state: {}, trail: trailOf([1, 1, 5]) }, newId);
    expect(crossings).toMatchObject([
      { threshold: "1", eventId: "e1", previous: 0, value: 1, reachedAt: new Date(0), state: "pending", arming: 1 },
      { threshold: "3", eventId: "e3", previous: 2, value: 7, reachedAt: new Date(2), state: "pending", arming: 1 },
    ]);
  });

  it("records every level that one event jumps over and says the highest", () => {
    const { crossings } = fold(key, [speaking([1, 10, 100])], { state: {}, trail: trailOf([50]) }, newId);
    expect(crossings.map((c) => [c.threshold, c.state])).toEqual([
      ["1", "superseded"],
      ["10", "pending"],
    ]);
  });

  it("keeps crossings of a milestone that nobody is told of, silently", () => {
    const quiet = { ...speaking([1]), speaks: false };
    expect(fold(key, [quiet], { state: {}, trail: trailOf([1]) }, newId).crossings[0]?.state).toBe("silent");
  });

  it("keeps milestones and levels apart from what every object has", () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      const { crossings, state } = fold(key, [speaking([1, 3], name)], { state: {}, trail: trailOf([1, 1, 1]) }, newId);
      expect(crossings.map((c) => c.threshold)).toEqual(["1", "3"]);
      expect(Object.keys(state)).toEqual([name]);
    }
    const falling = ["a", "constructor"].map(
      (threshold, i) => ({ threshold, at: 5 + i * 15, direction: "falling" }) as const,
    );
    const policy = { key: "falling", levels: () => falling };
    const { crossings } = fold(
      key,
      [{ name: "m", policy, speaks: true }],
      { state: {}, trail: trailOf([10, -6, 16, 5, -10]) },
      newId,
    );
    expect(crossings.map((c) => [c.threshold, c.value])).toEqual([
      ["a", 4],
      ["constructor", 15],
    ]);
  });

  it("starts a milestone it has never met from the value of that moment", () => {
    const { crossings } = fold(key, [speaking([10, 20])], { state: {}, trail: trailOf([5], [], 15) }, newId);
    expect(crossings.map((c) => c.threshold)).toEqual(["20"]);
  });

  it("gives the same crossings and events for any split into batches and evaluations", () => {
    const scenario = fc.record({
      amounts: fc.array(fc.integer({ min: -30, max: 40 }), { minLength: 1, maxLength: 40 }),
      cuts: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 10 }),
      stops: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    });
    fc.assert(
      fc.property(scenario, ({ amounts, cuts, stops }) => {
        const milestones = [speaking([1, 20, 50, 100], "a"), speaking([-5, 33, 34], "b")];
        const whole = fold(key, milestones, { state: {}, trail: trailOf(amounts) }, newId);

        const rows = trailOf(
          amounts,
          [...cuts].sort((x, y) => x - y).filter((cut) => cut < amounts.length),
        );
        let state: Readonly<Record<string, unknown>> = {};
        const seen: unknown[] = [];
        for (let start = 0; start < rows.length; ) {
          let end = start + 1;
          while (end < rows.length && !stops[end % stops.length]) end++;
          const part = fold(key, milestones, { state, trail: rows.slice(start, end) }, newId);
          state = JSON.parse(JSON.stringify(part.state)) as Readonly<Record<string, unknown>>;
          seen.push(...part.crossings);
          start = end;
        }
        const plain = (list: readonly unknown[]) => list.map((crossing) => ({ ...(crossing as object), id: "" }));
        expect(plain(seen)).toEqual(plain(whole.crossings));
      }),
      { numRuns: 1_000 },
    );
  });
});
