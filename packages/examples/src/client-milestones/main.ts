import { once } from "node:events";
import { consoleNotifier, type Milepost, MilepostError, type Notifier } from "@milepost/core";
import { bundledClients, readClients, storeClients } from "./clients.js";
import { reportedCrossings, untoldMembers } from "./crossings-report.js";
import { type ExampleDatabase, openDatabase } from "./database.js";
import { UnreadableLog } from "./delivery-log.js";
import { createEmailMilestones } from "./email-milestones.js";
import { ingest } from "./ingest.js";
import { logSource } from "./log-source.js";
import { help, type Options, readOptions, UsageError } from "./options.js";
import { Problems } from "./problems.js";
import { progressBar } from "./progress.js";
import { jsonLines } from "./report-json.js";
import { crossingsText, ingestText } from "./report-text.js";
import { smtpNotifier } from "./smtp-notifier.js";
import { stopSignal } from "./stop-signal.js";

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const stop = stopSignal();
  // all that is no result: with --json standard output is for the crossings alone
  const say = (text: string) => (options.json ? process.stderr : process.stdout).write(text);
  const database = openDatabase({ url: process.env.DATABASE_URL, file: options.db });
  try {
    const milepost = createEmailMilestones(database.store, notifierOf(options, say));
    watch(milepost);
    try {
      await milepost.migrate();
      await database.deliveries.migrate();
      await run(milepost, database, { options, stop, say });
    } finally {
      await milepost.close();
    }
  } finally {
    await database.close();
  }
}

interface Run {
  readonly options: Options;
  readonly stop: AbortSignal;
  readonly say: (text: string) => void;
}

async function run(milepost: Milepost, database: ExampleDatabase, { options, stop, say }: Run): Promise<void> {
  let sent = 0;
  milepost.on("sent", () => sent++);

  if (options.mode === "run" || options.mode === "record") {
    await readLog(milepost, database, { options, stop, say });
    if (stop.aborted) {
      process.exitCode = 130;
      say("Stopped. What was read is counted; run it again to go on.\n");
      return;
    }
  }
  if (options.mode === "run" || options.mode === "once") await milepost.runOnce();
  if (options.mode === "worker") await work(milepost, stop);

  const crossings = await reportedCrossings(milepost);
  if (options.json) process.stdout.write(jsonLines(crossings));
  else {
    const clients = [...new Set(crossings.map(({ client }) => client))];
    say(crossingsText(crossings, await untoldMembers(milepost, clients), sent));
  }
}

async function readLog(milepost: Milepost, database: ExampleDatabase, { options, stop, say }: Run): Promise<void> {
  const table = database.deliveries;
  const problems = new Problems();
  const clients = await readClients(options.clients ?? bundledClients);
  const ownInput = options.input !== undefined && options.clients === undefined;
  if (!ownInput || !(await table.hasClients())) await storeClients(milepost, clients);

  const ids = clients.map(({ id }) => id);
  const source = logSource(options, ids, problems);
  const progress = progressBar(source.total);
  try {
    const report = await ingest(milepost, {
      source: source.deliveries,
      table,
      problems,
      signal: stop,
      onProgress: (done) => progress.at(done),
    });
    progress.stop();
    say(`${ingestText(report, problems, source.name, database.name)}\n`);
  } finally {
    progress.stop();
  }
}

/** Delivers what this and other processes record, until somebody stops it. */
async function work(milepost: Milepost, stop: AbortSignal): Promise<void> {
  const worker = milepost.worker();
  await worker.start();
  console.error("The worker runs. Ctrl-C or SIGTERM stops it.");
  if (!stop.aborted) await once(stop, "abort");
  await worker.stop();
}

/** Both have one name: which way the mail goes may change between two runs, and what is pending goes the new one. */
function notifierOf({ smtp, from }: Options, say: (text: string) => void): Notifier {
  const name = "mail";
  return smtp === undefined
    ? consoleNotifier({ name, write: (text) => say(`${text}\n`) })
    : smtpNotifier({ name, url: smtp, from });
}

/** What goes wrong behind the scenes is seen too. */
function watch(milepost: Milepost): void {
  const describe = (error: unknown) => (error instanceof Error ? error.message : String(error));
  milepost.on("error", ({ where, error }) => console.error(`${where}: ${describe(error)}`));
  milepost.on("announce_failed", ({ subject, error }) => console.error(`${subject}: ${describe(error)}`));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const expected = error instanceof UsageError || error instanceof UnreadableLog || MilepostError.is(error);
  console.error(expected ? error.message : error);
  if (error instanceof UsageError) console.error("--help tells what there is.");
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
