import type { Milepost } from "@milepost/core";
import { adSpend, monthOfPeriod } from "./shop-budgets.js";

const all = { metric: adSpend, limit: 10_000 } as const;

/** What a run before could not evaluate, because the database refused an effect, is tried again at once. */
export async function releaseParked(milepost: Milepost): Promise<void> {
  for (const { metric, subject, period } of await milepost.parked.list(all)) {
    await milepost.parked.release({ metric, subject, period, by: "shop-budgets", why: "a new run" });
  }
}

/** A line for each shop's month whose crossings are not recorded, because what they do to the shop fails. */
export async function parkedShops(milepost: Milepost): Promise<readonly string[]> {
  const parked = await milepost.parked.list(all);
  return parked.map(
    ({ subject, period, detail }) => `shop ${subject}, ${monthOfPeriod(period)}: not evaluated, ${detail}`,
  );
}
