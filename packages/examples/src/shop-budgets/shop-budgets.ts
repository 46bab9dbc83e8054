import {
  type CounterFacts,
  createMilepost,
  type Milepost,
  membersWithRole,
  milestone,
  type Notifier,
  percentOfLimit,
  type SqlStatement,
  type Store,
  sql,
} from "@milepost/core";
import { dateIn, monthEnd, monthName } from "./calendar.js";
import { moneyText, percentText } from "./money.js";

export const adSpend = "ad.spend";
/** In `milestone.name`, for good. */
export const budgetMilestone = "monthly-budget";

export interface ShopBudgetsOptions {
  readonly store: Store;
  readonly notifier: Notifier;
  /** Whose midnight ends a month. */
  readonly zone: string;
  readonly now: () => Date;
  /** Days after which a shop that was notified is reminded, again and again until the month ends; absent: never. */
  readonly remindDays?: number | undefined;
}

/** `2020-06` of the counter's period `month:UTC:2020-06`. */
export function monthOfPeriod(period: string): string {
  return period.slice(period.lastIndexOf(":") + 1);
}

/**
 * The whole of the engine's side: a shop is notified at half of its budget; at all of it it is notified and taken offline,
 * until the budget is raised above what is spent, or the month ends.
 */
export function createShopBudgets({ store, notifier, zone, now, remindDays = 0 }: ShopBudgetsOptions): Milepost {
  return createMilepost({
    store,
    runtime: { now },
    milestones: [
      milestone({
        name: budgetMilestone,
        metric: adSpend,
        period: `month:${zone}`,
        policy: percentOfLimit(50, 100),
        // each runs with what it is told of in one transaction: both happen, once, or neither does
        effect: ({ subject, threshold, limitAmount, reachedAt }) =>
          threshold === "100%" && turn(subject, false, reachedAt, `100% of ${moneyText(limitAmount!)}`),
        onLimit: ({ subject, value, limit }: CounterFacts) =>
          value < limit! && turn(subject, true, now(), `budget ${moneyText(limit!)}`),
        onPeriodEnd: ({ subject, period }) => turn(subject, true, monthEnd(monthOfPeriod(period), zone), "a new month"),
        recipients: membersWithRole("owner"),
        notifier,
        remindEvery: remindDays * 86_400_000,
        message: {
          subject:
            "{{subject.name}}: {{percent}}% of the budget for {{month}} is spent{{#reminder}} (reminder {{reminder}}){{/reminder}}",
          text:
            "{{date}}: {{subject.name}} has spent {{spent}} of its budget of {{budget}} for {{month}}, {{percent}}%." +
            "{{#offline}} It is offline until the budget is raised or the month ends.{{/offline}}",
          data({ value, limitAmount, threshold, period, reachedAt }, _recipient, notice) {
            const spent = notice?.value ?? value;
            return {
              date: dateIn(zone, notice?.noticedAt ?? reachedAt),
              month: monthName(monthOfPeriod(period)),
              spent: moneyText(spent),
              budget: moneyText(limitAmount!),
              percent: percentText(spent, limitAmount!),
              offline: threshold === "100%",
            };
          },
        },
      }),
    ],
  });
}

/** Puts a shop online or offline and writes that down, if it is not so already. */
function turn(subject: string, online: boolean, at: Date, why: string): readonly SqlStatement[] {
  const shop = Number(subject);
  return [
    sql`INSERT INTO shop_changes (shop, at, online, why)
        SELECT id, ${at}, ${online}, ${why} FROM shops WHERE id = ${shop} AND online <> ${online}`,
    sql`UPDATE shops SET online = ${online} WHERE id = ${shop} AND online <> ${online}`,
  ];
}
