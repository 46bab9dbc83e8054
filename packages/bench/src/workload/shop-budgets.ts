import { type Milepost, type Milestone, milestone, percentOfLimit, sql } from "@milepost/core";
import { untilAnswered } from "./until-answered.js";

// Shops that spend: a note at half of their budget, offline at all of it. Each shop comes to both levels in its own way.

export const spendMetric = "ad.spend";
const budget = 100;

/** A way to the budget's end: amounts, and after how many of them the budget is set. */
interface Way {
  readonly amounts: readonly number[];
  readonly limitAfter: number;
}

/** By the first part of a shop's name; its number follows. */
const ways = {
  // level by level
  step: { amounts: [30, 25, 45], limitAfter: 0 },
  // both levels by one event: the lower one is superseded
  jump: { amounts: [10, 120], limitAfter: 0 },
  // both by its first limit, for which it has waited
  wait: { amounts: [70, 50], limitAfter: 2 },
  // its effect always fails: the function throws, or the statement does
  "cursed-function": { amounts: [60, 50], limitAfter: 0 },
  "cursed-statement": { amounts: [60, 50], limitAfter: 0 },
} satisfies Readonly<Record<string, Way>>;

type WayName = keyof typeof ways;

/** One shop of each way. */
export const shopsOf = (number: number): readonly string[] => Object.keys(ways).map((way) => `${way}-${number}`);

const wayName = (shop: string) => shop.slice(0, shop.lastIndexOf("-")) as WayName;
const wayOf = (shop: string): Way => ways[wayName(shop)];

export const isCursed = (shop: string): boolean => shop.startsWith("cursed-");
/** Its row refuses to be warned. */
export const isStubborn = (shop: string): boolean => wayName(shop) === "cursed-statement";

export const spentBy = (shop: string): number => wayOf(shop).amounts.reduce((sum, amount) => sum + amount, 0);

/** What each level does to the shop's row: an effect that ran twice, or not at all, shows. */
export const shopBudgets: Milestone = milestone({
  name: "shop-budget",
  metric: spendMetric,
  policy: percentOfLimit(50, 100),
  effect({ subject, threshold }) {
    if (wayName(subject) === "cursed-function") throw new Error("this shop's effect always throws");
    if (threshold === "50%") return sql`UPDATE host_shops SET warned = warned + ${1} WHERE id = ${subject}`;
    return [
      sql`UPDATE host_shops SET taken = taken + ${1} WHERE id = ${subject}`,
      sql`UPDATE host_shops SET online = ${false} WHERE id = ${subject}`,
    ];
  },
});

/** Does everything of one shop, as a host does that does not know how far a process before it came. */
export async function spend(milepost: Milepost, shop: string): Promise<void> {
  const { amounts, limitAfter } = wayOf(shop);
  for (let n = 0; n <= amounts.length; n++) {
    if (n === limitAfter) await giveBudget(milepost, shop);
    const event = { id: `${shop}-${n}`, metric: spendMetric, subject: shop, amount: amounts[n] ?? 0 };
    if (n < amounts.length) await untilAnswered(() => milepost.record(event));
  }
}

async function giveBudget(milepost: Milepost, subject: string): Promise<void> {
  const about = { metric: spendMetric, subject };
  const known = await untilAnswered(() => milepost.limits.list(about));
  if (known.length === 0) await untilAnswered(() => milepost.limits.set({ ...about, amount: budget }));
}
