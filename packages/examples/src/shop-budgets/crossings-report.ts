import type { CounterState, Crossing, Limit, Milepost } from "@milepost/core";
import { pages } from "../pages.js";
import { budgetsOf, inForce } from "./budgets.js";
import { dateIn, monthEnd, monthStart } from "./calendar.js";
import { adSpend, budgetMilestone, monthOfPeriod } from "./shop-budgets.js";
import type { PlannedMonth } from "./shop-month.js";
import type { ShopChange } from "./shop-tables.js";
import type { Shop } from "./shops.js";

/** A recorded crossing, beside what its shop spent in the whole of the month. */
export interface ReportedCrossing {
  readonly shop: number;
  readonly month: string;
  readonly percent: number;
  /** Cents: all of the month so far, and the budget that the crossing was measured against. */
  readonly spent: number;
  readonly budget: number;
  /** 1 for a shop's first budget; rises with each. */
  readonly version: number;
  readonly reachedAt: Date;
}

/** All that were ever recorded, by month, shop, budget and percentage: the same however the spend was split. */
export async function reportedCrossings(milepost: Milepost): Promise<readonly ReportedCrossing[]> {
  const spent = await spentByMonth(milepost);
  const crossings: ReportedCrossing[] = [];
  const list = (page: object) => milepost.crossings.list({ milestone: budgetMilestone, ...page });
  for await (const { subject, period, threshold, limitAmount, limitVersion, reachedAt } of pages<Crossing>(list)) {
    const month = monthOfPeriod(period);
    crossings.push({
      ...{ shop: Number(subject), month, percent: Number.parseInt(threshold, 10) },
      ...{ spent: spent.get(`${subject} ${month}`) ?? 0, budget: limitAmount!, version: limitVersion, reachedAt },
    });
  }
  return crossings.sort(
    (a, b) =>
      (a.month < b.month ? -1 : a.month > b.month ? 1 : 0) ||
      a.shop - b.shop ||
      a.version - b.version ||
      a.percent - b.percent,
  );
}

/** Cents, by shop and month. */
async function spentByMonth(milepost: Milepost): Promise<ReadonlyMap<string, number>> {
  const spent = new Map<string, number>();
  const limit = 1_000;
  for (let after: CounterState | undefined; ; ) {
    const page = await milepost.counters.list({ metric: adSpend, limit, ...(after && { after }) });
    for (const { subject, period, value } of page) spent.set(`${subject} ${monthOfPeriod(period)}`, value);
    after = page.at(-1);
    if (page.length < limit) return spent;
  }
}

/** A shop's month as a person reads it: a line for each budget that was in force in it. */
export interface MonthLine {
  readonly shop: Shop;
  readonly budget: number;
  readonly spent: number;
  /** The local dates on which 50% and 100% of this budget were reached. */
  readonly half: string | undefined;
  readonly all: string | undefined;
  /** Whether the shop is online at the month's end; of its last budget only. */
  readonly online: boolean | undefined;
}

export interface MonthReport {
  readonly month: string;
  readonly lines: readonly MonthLine[];
}

export interface Reported {
  readonly months: readonly PlannedMonth[];
  readonly zone: string;
  readonly shops: readonly Shop[];
  readonly changes: readonly ShopChange[];
}

export async function monthReports(milepost: Milepost, reported: Reported): Promise<readonly MonthReport[]> {
  const { months, zone, shops } = reported;
  const crossings = await reportedCrossings(milepost);
  const spent = await spentByMonth(milepost);
  const budgets = new Map<number, readonly Limit[]>();
  for (const { id } of shops) budgets.set(id, await budgetsOf(milepost, id));
  return [...new Set(months.map(({ month }) => month))].map((month): MonthReport => {
    const [start, end] = [monthStart(month, zone), monthEnd(month, zone)];
    const here = shops.filter(({ id }) => months.some((each) => each.shop === id && each.month === month));
    const lines = here.flatMap((shop) => {
      const held = inForce(budgets.get(shop.id)!, start, end);
      return held.map(({ amount, version }, place): MonthLine => {
        const reached = (percent: number) => {
          const found = crossings.find(
            (each) =>
              each.shop === shop.id && each.month === month && each.version === version && each.percent === percent,
          );
          return found && dateIn(zone, found.reachedAt);
        };
        const online = place === held.length - 1 ? onlineBefore(end, shop, reported.changes) : undefined;
        const amounts = { budget: amount, spent: spent.get(`${shop.id} ${month}`) ?? 0 };
        return { shop, ...amounts, half: reached(50), all: reached(100), online };
      });
    });
    return { month, lines };
  });
}

/** Where a shop's last change before `end` left it, or where it was before its first one. */
function onlineBefore(end: Date, shop: Shop, changes: readonly ShopChange[]): boolean {
  const own = changes.filter((change) => change.shop === shop.id);
  const [first] = own;
  const last = own.findLast(({ at }) => at < end);
  return last?.online ?? (first === undefined ? shop.online : !first.online);
}
