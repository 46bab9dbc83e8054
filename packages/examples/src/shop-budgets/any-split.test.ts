import BetterSqlite3 from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, inject, test } from "vitest";
import { ownDatabase } from "../example-process.js";
import { monthEnd, monthStart } from "./calendar.js";
import type { Increment, IncrementsOf } from "./increments.js";
import { openWorld, type World } from "./months-under-test.js";
import { byMonthAndShop, type ShopMonth } from "./shop-month.js";

const shops = [
  { id: 1, name: "One", online: true },
  { id: 2, name: "Two", online: false },
];
const utc = "UTC";

/** A month and how its spend is cut: where in the amount, and when in the month, in millionths. */
interface CutMonth extends ShopMonth {
  readonly cuts: readonly number[];
  readonly times: readonly number[];
}

const part = fc.nat(999_999);
const cutMonths: fc.Arbitrary<readonly CutMonth[]> = fc
  .tuple(
    ...["2020-06", "2020-07"].flatMap((month) =>
      shops.map(({ id: shop }) =>
        fc.record({
          shop: fc.constant(shop),
          month: fc.constant(month),
          budget: fc.integer({ min: 1, max: 2_000 }),
          spent: fc.nat(2_500),
          cuts: fc.array(part, { maxLength: 12 }),
          times: fc.array(part, { minLength: 13, maxLength: 13 }),
        }),
      ),
    ),
  )
  .map((months) => months.sort(byMonthAndShop));

function incrementsOf(months: readonly CutMonth[]): IncrementsOf {
  return ({ shop, month }) => {
    const { spent, cuts, times } = months.find((each) => each.shop === shop && each.month === month)!;
    const [start, end] = [monthStart(month, utc).getTime(), monthEnd(month, utc).getTime()];
    const ends = [...new Set([...cuts.map((cut) => Math.floor((spent * cut) / 1e6)), spent])].sort((a, b) => a - b);
    const at = [...times].sort((a, b) => a - b);
    const steps = ends.filter((cents) => cents > 0);
    return steps.map((cents, i): Increment => {
      const time = new Date(start + Math.floor(((end - start) * at[i]!) / 1e6));
      return { id: `${shop}/${month}/${i}`, shop, cents: cents - (steps[i - 1] ?? 0), at: time };
    });
  };
}

/** When a shop's spend of a month first was so many percent of its budget. */
function reachedAt(month: CutMonth, percent: number, increments: Iterable<Increment>): Date | undefined {
  let spent = 0;
  for (const { cents, at } of increments) {
    spent += cents;
    if (spent * 100 >= percent * month.budget) return at;
  }
  return undefined;
}

/** What must come of the months, found without the engine. */
function expected(months: readonly CutMonth[]) {
  const split = incrementsOf(months);
  const crossings: string[] = [];
  const changes: string[] = [];
  const online = new Map(shops.map(({ id, online: is }) => [id, is]));
  for (const month of months) {
    const increments = [...split({ ...month, splits: 1, seed: 1 }, utc)];
    const turn = (is: boolean, at: Date) => {
      if (online.get(month.shop) !== is) changes.push(`${at.toISOString()} ${month.shop} ${is}`);
      online.set(month.shop, is);
    };
    turn(true, monthStart(month.month, utc));
    for (const percent of [50, 100]) {
      const at = reachedAt(month, percent, increments);
      if (at === undefined) continue;
      crossings.push(`${month.shop} ${month.month} ${percent}% ${at.toISOString()}`);
      if (percent === 100) turn(false, at);
    }
  }
  return { crossings: crossings.sort(), changes: changes.sort(), online: [...online.values()] };
}

async function found({ database, ...world }: World): Promise<ReturnType<typeof expected>> {
  const crossings = (await world.crossings()).map(
    ({ subject, period, threshold, reachedAt: at }) =>
      `${subject} ${period.slice(-7)} ${threshold} ${at.toISOString()}`,
  );
  const changes = (await database.tables.changes()).map(
    ({ shop, at, online }) => `${at.toISOString()} ${shop} ${online}`,
  );
  const online = (await database.tables.shops()).map((shop) => shop.online);
  return { crossings: crossings.sort(), changes: changes.sort(), online };
}

describe("any split of any spend gives the crossings of a plain count, and the shops that they leave online", () => {
  test("on SQLite, where nothing else touches a shop", async () => {
    const check = async (months: readonly CutMonth[]) => {
      const world = await openWorld({ shops });
      const db = new BetterSqlite3(world.database.name.replace("SQLite ", ""));
      try {
        db.exec(`CREATE TABLE touched (shop INTEGER, online INTEGER);
          CREATE TRIGGER touch AFTER UPDATE ON shops BEGIN INSERT INTO touched VALUES (NEW.id, NEW.online); END`);
        await world.run(months, { incrementsOf: incrementsOf(months) });
        expect(await found(world)).toEqual(expected(months));
        const touched = db.prepare("SELECT shop, online FROM touched ORDER BY rowid").raw().all();
        const changed = db.prepare("SELECT shop, online FROM shop_changes ORDER BY id").raw().all();
        expect(touched).toEqual(changed);
      } finally {
        db.close();
        await world.close();
      }
    };
    await fc.assert(fc.asyncProperty(cutMonths, check), { numRuns: 25 });
  });

  test("on Postgres", async () => {
    const check = async (months: readonly CutMonth[]) => {
      const own = await ownDatabase(inject("databaseUrl"));
      const world = await openWorld({ shops, url: own.url });
      try {
        await world.run(months, { incrementsOf: incrementsOf(months) });
        expect(await found(world)).toEqual(expected(months));
      } finally {
        await world.close();
        await own.drop();
      }
    };
    await fc.assert(fc.asyncProperty(cutMonths, check), { numRuns: 4 });
  });
}, 300_000);
