import { consoleNotifier, type Milepost } from "@milepost/core";
import { CommandError, runCommand } from "../command.js";
import { databaseProblem } from "../database-problem.js";
import { progressBar } from "../progress-bar.js";
import { stopSignal } from "../stop-signal.js";
import { unreadOutput } from "../unread-output.js";
import { watch } from "../watch.js";
import { dateIn, monthStart } from "./calendar.js";
import { monthReports, type Reported, reportedCrossings } from "./crossings-report.js";
import { openDatabase, type ShopsDatabase } from "./database.js";
import { incrementCount } from "./increments.js";
import { bundledMonths, readMonths } from "./months-file.js";
import { help, type Options, readOptions } from "./options.js";
import { parkedShops, releaseParked } from "./parked-shops.js";
import { planMonths, storeOwners } from "./plan.js";
import { jsonLines } from "./report-json.js";
import { changesText, monthsText } from "./report-text.js";
import { runMonths } from "./run-months.js";
import { createShopBudgets } from "./shop-budgets.js";
import type { PlannedMonth } from "./shop-month.js";
import { virtualClock } from "./virtual-clock.js";

async function main(args: readonly string[]): Promise<void> {
  const unread = unreadOutput();
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const stop = AbortSignal.any([stopSignal(), unread]);
  const given = await readMonths(options.input ?? bundledMonths);
  const database = openDatabase({ url: process.env.DATABASE_URL, file: options.db });
  try {
    await database.migrate();
    const zone = await zoneOf(database, options);
    const months = await planMonths(database, given, options);
    if ((await run(database, months, zone, options, stop)) === "stopped" && !unread.aborted) process.exitCode = 130;
  } catch (error) {
    throw databaseProblem(database.setting, error);
  } finally {
    await database.close();
  }
}

/** The zone that a database was made with: its months have begun and ended by it. */
async function zoneOf({ tables, setting }: ShopsDatabase, { zone }: Options): Promise<string> {
  const stored = await tables.clock(zone ?? "UTC");
  if (zone === undefined || zone === stored.zone) return stored.zone;
  throw new CommandError(
    `--zone ${zone}: the months of ${setting} are those of ${stored.zone}. Take another database.`,
  );
}

async function run(
  database: ShopsDatabase,
  months: readonly PlannedMonth[],
  zone: string,
  options: Options,
  stop: AbortSignal,
): Promise<"done" | "stopped"> {
  const { tables, store } = database;
  const progress = progressBar(
    months.reduce((sum, month) => sum + incrementCount(month), 0),
    "increments",
  );
  // all that is no result: with --json standard output is for the crossings alone
  const say = (text: string) => progress.above(() => (options.json ? process.stderr : process.stdout).write(text));
  const clock = virtualClock(tables, (await tables.clock(zone)).now, monthStart(months[0]!.month, zone));
  let notified = 0;
  const notifier = consoleNotifier({
    write(text) {
      if (notified++ === 0) say("Notifications, printed by the console notifier:\n\n");
      say(`${text}\n`);
    },
  });
  const milepost = createShopBudgets({ store, notifier, zone, now: clock.now, remindDays: options.remindDays });
  watch(milepost);
  try {
    await milepost.migrate();
    await storeOwners(milepost, database);
    await releaseParked(milepost);
    const { raises } = options;
    const onProgress = (done: number) => progress.at(done);
    const ended = await runMonths(milepost, { months, zone, clock, raises, signal: stop, onProgress });
    progress.stop();
    await report(milepost, database, { months, zone }, options);
    if (notified === 0) say("Nobody was to be notified of anything new.\n");
    if (ended === "stopped") say(`Stopped on ${dateIn(zone, clock.now())}. Run it again to go on.\n`);
    return ended;
  } finally {
    progress.stop();
    await milepost.close();
  }
}

async function report(
  milepost: Milepost,
  { tables }: ShopsDatabase,
  run: Pick<Reported, "months" | "zone">,
  { json }: Options,
): Promise<void> {
  if (json) process.stdout.write(jsonLines(await reportedCrossings(milepost)));
  else {
    const reported = { ...run, shops: await tables.shops(), changes: await tables.changes() };
    process.stdout.write(`${monthsText(await monthReports(milepost, reported))}${changesText(reported)}\n`);
  }
  const parked = await parkedShops(milepost);
  for (const line of parked) console.error(line);
  if (parked.length > 0) process.exitCode = 1;
}

runCommand(main, { problemCode: 2 });
