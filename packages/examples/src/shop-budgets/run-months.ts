import type { Milepost } from "@milepost/core";
import { CommandError } from "../command.js";
import { budgetsOf, type Raise, raiseBudget, setMonthlyBudget } from "./budgets.js";
import { type Day, daysOf, monthStart } from "./calendar.js";
import { type Increment, type IncrementsOf, randomIncrements, SpendOfMonth } from "./increments.js";
import { moneyText } from "./money.js";
import { adSpend } from "./shop-budgets.js";
import type { PlannedMonth } from "./shop-month.js";
import type { VirtualClock } from "./virtual-clock.js";

export interface MonthsRun {
  readonly months: readonly PlannedMonth[];
  readonly zone: string;
  readonly clock: VirtualClock;
  readonly raises?: readonly Raise[];
  /** How a month's spend arrives: in random increments unless said. */
  readonly incrementsOf?: IncrementsOf;
  /** Stops between two days, or two parts of a long one. */
  readonly signal?: AbortSignal;
  /** Called with the number of increments that are recorded. */
  readonly onProgress?: (done: number) => void;
}

/** Increments that are recorded between two looks at the signal. */
const part = 5_000;

/**
 * Lets the months pass: each begins with its budgets, and each of its days ends with a pass of the engine. What a database
 * has seen before is met again and changes nothing.
 */
export async function runMonths(milepost: Milepost, run: MonthsRun): Promise<"done" | "stopped"> {
  const { months, zone, clock, raises = [], incrementsOf = randomIncrements } = run;
  const { signal, onProgress = () => {} } = run;
  refuseOtherDays(raises, months);
  let done = 0;
  for (const month of new Set(months.map((each) => each.month))) {
    const shops = months.filter((each) => each.month === month);
    const start = monthStart(month, zone);
    await clock.advance(start);
    for (const shop of shops) await setMonthlyBudget(milepost, shop, start);
    await milepost.runOnce();

    const spend = new SpendOfMonth(shops, incrementsOf, zone);
    for (const day of daysOf(month, zone)) {
      await raiseOn(day, milepost, raises, clock);
      await clock.advance(new Date(day.end.getTime() - 1));
      const increments = spend.on(day);
      for (let from = 0; from < increments.length; from += part) {
        if (signal?.aborted) return "stopped";
        const some = increments.slice(from, from + part);
        await milepost.recordMany(some.map(eventOf));
        done += some.length;
        onProgress(done);
      }
      if (signal?.aborted) return "stopped";
      await milepost.runOnce();
    }
  }
  for (const raise of raises) if (raise.date === undefined) await raiseBudget(milepost, raise, clock);
  await milepost.runOnce();
  return "done";
}

async function raiseOn(day: Day, milepost: Milepost, raises: readonly Raise[], clock: VirtualClock): Promise<void> {
  for (const raise of raises.filter(({ date }) => date === day.date)) {
    if (await wasRaised(milepost, raise, day.start)) continue;
    await clock.advance(day.start);
    if (clock.now() > day.start) throw refused(raise, "in this database that day is over.");
    await raiseBudget(milepost, raise, clock);
  }
}

/** Whether a shop was given this budget at that moment, or had it. */
async function wasRaised(milepost: Milepost, { shop, budget }: Raise, at: Date): Promise<boolean> {
  const until = (await budgetsOf(milepost, shop)).filter(({ effectiveFrom }) => effectiveFrom <= at);
  const given = until.filter(({ effectiveFrom }) => effectiveFrom.getTime() === at.getTime());
  return [...given, ...until.slice(-1)].some(({ amount }) => amount === budget);
}

function refuseOtherDays(raises: readonly Raise[], months: readonly PlannedMonth[]): void {
  const other = raises.find(({ date }) => date !== undefined && !months.some(({ month }) => date.startsWith(month)));
  if (other !== undefined) throw refused(other, "that day is in none of the months.");
}

function refused({ shop, budget, date }: Raise, why: string): CommandError {
  return new CommandError(`--raise ${shop}:${moneyText(budget)}@${date}: ${why}`);
}

function eventOf({ id, shop, cents, at }: Increment) {
  return { id, metric: adSpend, subject: String(shop), amount: cents, occurredAt: at };
}
