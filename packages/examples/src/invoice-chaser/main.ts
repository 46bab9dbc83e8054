import { CommandError, runCommand } from "../command.js";
import { databaseProblem } from "../database-problem.js";
import { type Progress, progressBar } from "../progress-bar.js";
import { stopSignal } from "../stop-signal.js";
import { watch } from "../watch.js";
import { accountKey, accountPlans } from "./accounts.js";
import { nile } from "./companies.js";
import { type ChaserDatabase, openDatabase } from "./database.js";
import { createInvoiceChaser } from "./invoice-chaser.js";
import { startMailServers } from "./mail-servers.js";
import { movedClock } from "./moved-clock.js";
import { help, readOptions } from "./options.js";
import { reportText } from "./report-text.js";
import { runSeason } from "./run-season.js";
import { isAsItHasToBe } from "./season-report.js";

/** In the morning, Cairo's and London's. */
const start = new Date("2026-11-04T08:00:00Z");

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const database = await openDatabase({ url: process.env.DATABASE_URL, file: options.db });
  try {
    await chase(database, options.seed, stopSignal());
  } catch (error) {
    throw databaseProblem(database.setting, error);
  } finally {
    await database.close();
  }
}

async function chase(database: ChaserDatabase, seed: number, signal: AbortSignal): Promise<void> {
  const servers = await startMailServers(accountPlans.map(accountKey));
  const clock = movedClock(start);
  const milepost = createInvoiceChaser({ store: database.store, servers, now: clock.now, seed });
  watch(milepost);
  let progress: Progress | undefined;
  const onProgress = (sent: number, all: number) => {
    progress ??= progressBar(all, "mails");
    progress.at(sent);
  };
  try {
    await milepost.migrate();
    if ((await milepost.campaigns.list({ tenant: nile.id })).length > 0) {
      throw new CommandError(`${database.setting}: has a season already. ${database.anew}`);
    }
    const report = await runSeason({ milepost, servers, clock, seed, onProgress, signal });
    progress?.stop();
    if (report === null) process.exitCode = 130;
    else {
      process.stdout.write(reportText(report, database.name));
      if (!isAsItHasToBe(report)) process.exitCode = 1;
    }
  } finally {
    progress?.stop();
    await milepost.close();
    await servers.close();
  }
}

runCommand(main, { problemCode: 2 });
