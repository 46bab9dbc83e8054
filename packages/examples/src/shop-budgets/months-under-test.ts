import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Crossing, type MemoryNotifier, type Milepost, memoryNotifier } from "@milepost/core";
import { monthStart } from "./calendar.js";
import { openDatabase, type ShopsDatabase } from "./database.js";
import type { Increment, IncrementsOf } from "./increments.js";
import { storeOwners } from "./plan.js";
import { type MonthsRun, runMonths } from "./run-months.js";
import { budgetMilestone, createShopBudgets } from "./shop-budgets.js";
import type { PlannedMonth, ShopMonth } from "./shop-month.js";
import type { Shop } from "./shops.js";
import { type VirtualClock, virtualClock } from "./virtual-clock.js";

// For tests: the example without its command line, in a database of its own.

export interface World {
  readonly milepost: Milepost;
  readonly database: ShopsDatabase;
  readonly clock: VirtualClock;
  readonly notifier: MemoryNotifier;
  /** Lets these months pass; each shop is known by its number. */
  run(months: readonly ShopMonth[], how?: Partial<MonthsRun>): Promise<"done" | "stopped">;
  crossings(): Promise<readonly Crossing[]>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly url?: string | undefined;
  readonly file?: string;
  readonly zone?: string;
  readonly shops: readonly Shop[];
  readonly remindDays?: number;
}

export async function openWorld({ url, file, zone = "UTC", shops, remindDays }: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "shop-budgets-"));
  const database = openDatabase({ url, file: file ?? join(folder, "shops.db") });
  await database.migrate();
  await database.tables.addShops(shops);
  const stored = await database.tables.clock(zone);
  const clock = virtualClock(database.tables, stored.now, monthStart("2020-06", zone));
  const notifier = memoryNotifier();
  const { store } = database;
  const milepost = createShopBudgets({ store, notifier, zone, now: clock.now, remindDays });
  await milepost.migrate();
  await storeOwners(milepost, database);
  return {
    ...{ milepost, database, clock, notifier },
    run: (months, how = {}) => runMonths(milepost, { zone, clock, months: months.map(planned), ...how }),
    crossings: () => milepost.crossings.list({ milestone: budgetMilestone, limit: 1_000 }),
    async close() {
      await milepost.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function planned(month: ShopMonth): PlannedMonth {
  return { splits: 10, seed: 1, ...month };
}

/** What a shop spends, as `[day of the month, cents]` by `shop/month`. */
export function spendOn(
  spend: Readonly<Record<string, readonly (readonly [day: number, cents: number])[]>>,
): IncrementsOf {
  return ({ shop, month }) =>
    (spend[`${shop}/${month}`] ?? []).map(([day, cents], i): Increment => {
      const at = new Date(`${month}-${String(day).padStart(2, "0")}T12:00:00Z`);
      return { id: `${shop}/${month}/${i + 1}`, shop, cents, at };
    });
}
