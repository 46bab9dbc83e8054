import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { daysOf, monthEnd, monthStart } from "./calendar.js";
import { incrementCount, randomIncrements, SpendOfMonth } from "./increments.js";
import type { PlannedMonth } from "./shop-month.js";

const planned: fc.Arbitrary<PlannedMonth> = fc.record({
  shop: fc.integer({ min: 1, max: 9 }),
  month: fc.constantFrom("2020-02", "2020-03", "2020-06", "2020-10"),
  budget: fc.constant(1),
  spent: fc.nat(100_000),
  splits: fc.integer({ min: 1, max: 300 }),
  seed: fc.nat(),
});
const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/Sao_Paulo");

describe("random increments", () => {
  test("are a month's whole spend, in the order of time, and the same again", () => {
    fc.assert(
      fc.property(planned, zone, (month, where) => {
        const all = [...randomIncrements(month, where)];
        expect(all).toHaveLength(incrementCount(month));
        expect(all.reduce((sum, { cents }) => sum + cents, 0)).toBe(month.spent);
        expect(all.every(({ cents }) => Number.isSafeInteger(cents) && cents > 0)).toBe(true);
        expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
        const times = all.map(({ at }) => at.getTime());
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(times[0] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(monthStart(month.month, where).getTime());
        expect(times.at(-1) ?? 0).toBeLessThan(monthEnd(month.month, where).getTime());
        expect([...randomIncrements(month, where)]).toEqual(all);
      }),
    );
  });

  test("are others with another seed", () => {
    const month = { shop: 1, month: "2020-06", budget: 1, spent: 10_000, splits: 5, seed: 1 };
    expect([...randomIncrements({ ...month, seed: 2 }, "UTC")]).not.toEqual([...randomIncrements(month, "UTC")]);
  });

  test("are handed out on their days, shops together", () => {
    fc.assert(
      fc.property(fc.array(planned, { minLength: 1, maxLength: 4 }), zone, (months, where) => {
        const [{ month }] = months as [PlannedMonth];
        const shops = months.map((each, i) => ({ ...each, shop: i + 1, month }));
        const spend = new SpendOfMonth(shops, randomIncrements, where);
        const days = daysOf(month, where);
        expect(days[0]!.start).toEqual(monthStart(month, where));
        expect(days.at(-1)!.end).toEqual(monthEnd(month, where));
        const handed = days.flatMap((day) => {
          const some = spend.on(day);
          expect(some.every(({ at }) => day.start <= at && at < day.end)).toBe(true);
          return some;
        });
        const ids = shops.flatMap((each) => [...randomIncrements(each, where)]).map(({ id }) => id);
        expect(handed.map(({ id }) => id).sort()).toEqual(ids.sort());
      }),
    );
  });
});
