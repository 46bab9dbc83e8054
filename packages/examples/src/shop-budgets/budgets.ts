import type { Limit, Milepost } from "@milepost/core";
import { CommandError } from "../command.js";
import { moneyText } from "./money.js";
import { adSpend } from "./shop-budgets.js";
import type { ShopMonth } from "./shop-month.js";
import type { VirtualClock } from "./virtual-clock.js";

/** A shop's new budget, which is more than the one it has. */
export interface Raise {
  readonly shop: number;
  /** Cents. */
  readonly budget: number;
  /** The day that begins with it, as in `2020-06-20`; absent: when all months have been spent. */
  readonly date?: string;
}

/** Every budget that a shop ever had, in the order in which they came into force. */
export async function budgetsOf(milepost: Milepost, shop: number): Promise<readonly Limit[]> {
  const limits = await milepost.limits.list({ metric: adSpend, subject: String(shop) });
  return [...limits].sort((a, b) => a.effectiveFrom.getTime() - b.effectiveFrom.getTime() || a.version - b.version);
}

/** Of all budgets those that were in force between two moments: the one at the start, and those that came after it. */
export function inForce(budgets: readonly Limit[], start: Date, end: Date): readonly Limit[] {
  const at = budgets.filter(({ effectiveFrom }) => effectiveFrom < end);
  const first = at.findLastIndex(({ effectiveFrom }) => effectiveFrom <= start);
  return at.slice(Math.max(first, 0));
}

/** Sets the budget that a shop's month begins with. A repeat does nothing: setting it again would arm its levels again. */
export async function setMonthlyBudget(milepost: Milepost, month: ShopMonth, start: Date): Promise<void> {
  const budgets = await budgetsOf(milepost, month.shop);
  if (budgets.some(({ effectiveFrom }) => effectiveFrom.getTime() === start.getTime())) return;
  const subject = { metric: adSpend, subject: String(month.shop) };
  const who = { by: "shop-budgets", why: `the budget for ${month.month}` };
  await milepost.limits.set({ ...subject, amount: month.budget, effectiveFrom: start, ...who });
}

/**
 * Raises a budget now. A repeat does nothing; an amount below the present one is a `CommandError`, and so is a shop without
 * any.
 */
export async function raiseBudget(milepost: Milepost, raise: Raise, clock: VirtualClock): Promise<void> {
  const { shop, budget } = raise;
  const said = `--raise ${shop}:${moneyText(budget)}`;
  const now = clock.now();
  const present = inForce(await budgetsOf(milepost, shop), now, new Date(now.getTime() + 1)).at(-1);
  if (present === undefined) throw new CommandError(`${said}: shop ${shop} has no budget to raise.`);
  if (present.amount === budget) return;
  if (present.amount > budget) {
    throw new CommandError(
      `${said}: shop ${shop} has a budget of ${moneyText(present.amount)}. It can only be raised.`,
    );
  }
  const who = { by: "shop-budgets", why: "raised by --raise" };
  await milepost.limits.set({ metric: adSpend, subject: String(shop), amount: budget, ...who });
}
