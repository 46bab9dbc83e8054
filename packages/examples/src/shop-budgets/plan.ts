import type { Milepost } from "@milepost/core";
import { CommandError } from "../command.js";
import type { ShopsDatabase } from "./database.js";
import { moneyText } from "./money.js";
import type { Options } from "./options.js";
import { byMonthAndShop, type PlannedMonth, type ShopMonth } from "./shop-month.js";
import { shopNumbered } from "./shops.js";

const defaultSplits = 20;
const defaultSeed = 1;

/**
 * Stores what the shops' months bring, and answers all that the database has, by month and shop. A month that it knew keeps
 * its increments; one that it knew otherwise is a `CommandError`.
 */
export async function planMonths(
  { tables, setting }: ShopsDatabase,
  given: readonly ShopMonth[],
  { splits = defaultSplits, seed = defaultSeed, input }: Options,
): Promise<readonly PlannedMonth[]> {
  const known = await tables.months();
  for (const month of given) {
    const other = known.find(({ shop, month: name }) => shop === month.shop && name === month.month);
    const field = (["budget", "spent"] as const).find((each) => other !== undefined && other[each] !== month[each]);
    if (field === undefined) continue;
    const which = `shop ${month.shop}, month ${month.month}: ${field} ${moneyText(month[field])}`;
    const where = input === undefined ? "" : `--input ${input}: `;
    throw new CommandError(`${where}${which} is ${moneyText(other![field])} in ${setting}. Take another database.`);
  }
  const ids = new Set(given.map(({ shop }) => shop));
  await tables.addShops([...ids].map(shopNumbered));
  await tables.addMonths([...given].sort(byMonthAndShop).map((month) => ({ ...month, splits, seed })));
  return tables.months();
}

/** Whom the engine writes to: the owner of each shop. */
export async function storeOwners(milepost: Milepost, { tables }: ShopsDatabase): Promise<void> {
  const shops = await tables.shops();
  await milepost.subjects.put(
    shops.map(({ id, name }) => ({
      ...{ id: String(id), name },
      members: [{ address: `owner@shop-${id}.example.com`, name, role: "owner" }],
    })),
  );
}
