import type { PlannedMonth } from "./shop-month.js";
import type { Shop } from "./shops.js";

/** Runs one statement of a dialect that both databases have; answers its rows. */
export type Query = (
  text: string,
  values?: readonly (string | number | null)[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** A shop went online or offline. */
export interface ShopChange {
  readonly shop: number;
  readonly at: Date;
  readonly online: boolean;
  readonly why: string;
}

/** How far time has come, in which zone. */
export interface StoredClock {
  readonly zone: string;
  /** Null before the first month. */
  readonly now: Date | null;
}

/** The example's own tables. What the milestone's statements change is only read here, once it has its first row. */
export interface ShopTables {
  /** Adds those that are not there yet. */
  addShops(shops: readonly Shop[]): Promise<void>;
  shops(): Promise<readonly Shop[]>;
  /** In the order in which they happened. */
  changes(): Promise<readonly ShopChange[]>;
  /** Adds those that are not there yet: the others keep their plan. */
  addMonths(months: readonly PlannedMonth[]): Promise<void>;
  /** By month and shop. */
  months(): Promise<readonly PlannedMonth[]>;
  /** Of the database's first run; the given zone is that of a new one. */
  clock(zone: string): Promise<StoredClock>;
  setClock(now: Date): Promise<void>;
}

export function shopTables(query: Query): ShopTables {
  return {
    async addShops(shops) {
      for (const { id, name, online } of shops) {
        await query(
          "INSERT INTO shops (id, name, online) VALUES ($1, $2, CAST($3 AS integer) = 1) ON CONFLICT (id) DO NOTHING",
          [id, name, Number(online)],
        );
      }
    },
    async shops() {
      const rows = await query("SELECT id, name, online FROM shops ORDER BY id");
      return rows.map(({ id, name, online }) => ({
        ...{ id: Number(id), name: String(name) },
        online: Boolean(online),
      }));
    },
    async changes() {
      const rows = await query("SELECT shop, at, online, why FROM shop_changes ORDER BY at, id");
      return rows.map(({ shop, at, online, why }) => ({
        ...{ shop: Number(shop), at: new Date(at as string | Date) },
        ...{ online: Boolean(online), why: String(why) },
      }));
    },
    async addMonths(months) {
      for (const { shop, month, budget, spent, splits, seed } of months) {
        await query(
          `INSERT INTO shop_months (shop, month, budget, spent, splits, seed) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (shop, month) DO NOTHING`,
          [shop, month, budget, spent, splits, seed],
        );
      }
    },
    async months() {
      const rows = await query("SELECT shop, month, budget, spent, splits, seed FROM shop_months ORDER BY month, shop");
      return rows.map(({ shop, month, budget, spent, splits, seed }) => ({
        ...{ shop: Number(shop), month: String(month), budget: Number(budget), spent: Number(spent) },
        ...{ splits: Number(splits), seed: Number(seed) },
      }));
    },
    async clock(zone) {
      await query("INSERT INTO shop_clock (id, zone) VALUES (1, $1) ON CONFLICT (id) DO NOTHING", [zone]);
      const [row] = await query("SELECT zone, now FROM shop_clock");
      const now = row!.now as string | Date | null;
      return { zone: String(row!.zone), now: now === null ? null : new Date(now) };
    },
    async setClock(now) {
      await query("UPDATE shop_clock SET now = $1", [now.toISOString()]);
    },
  };
}
