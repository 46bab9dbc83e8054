import { once } from "node:events";
import type { Milepost } from "@milepost/core";
import { runCommand } from "../command.js";
import { databaseProblem } from "../database-problem.js";
import { Problems } from "../problems.js";
import { progressBar } from "../progress-bar.js";
import { stopSignal } from "../stop-signal.js";
import { unreadOutput } from "../unread-output.js";
import { watch } from "../watch.js";
import { bundledClients, type Client, readClients, storeClients } from "./clients.js";
import { closingText } from "./closing-text.js";
import { reportedCrossings, untoldMembers } from "./crossings-report.js";
import { type ExampleDatabase, openDatabase } from "./database.js";
import { deliveryTally } from "./delivery-tally.js";
import { createEmailMilestones } from "./email-milestones.js";
import { ingest } from "./ingest.js";
import { logSource } from "./log-source.js";
import { nextSteps } from "./next-steps.js";
import { chosenNotifier } from "./notifier-choice.js";
import { help, type Options, readOptions } from "./options.js";
import { jsonLines } from "./report-json.js";
import { crossingsText, ingestText } from "./report-text.js";

async function main(args: readonly string[]): Promise<void> {
  const unread = unreadOutput();
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const stop = AbortSignal.any([stopSignal(), unread]);
  // all that is no result: with --json standard output is for the crossings alone
  const say = (text: string) => (options.json ? process.stderr : process.stdout).write(text);
  const reads = options.mode === "run" || options.mode === "record";
  const clients = reads ? await readClients(options.clients ?? bundledClients) : [];
  const notifier = chosenNotifier(options, say);
  const database = openDatabase({ url: process.env.DATABASE_URL, file: options.db });
  try {
    const milepost = createEmailMilestones(database.store, notifier);
    watch(milepost);
    try {
      await milepost.migrate();
      await database.deliveries.migrate();
      const ended = await run(milepost, database, { options, clients, notifier: notifier.name, stop, say });
      if (ended === "stopped" && !unread.aborted) {
        process.exitCode = 130;
        say("Stopped. What was read is counted; run it again to go on.\n");
      }
    } finally {
      await milepost.close();
    }
  } catch (error) {
    throw databaseProblem(database.setting, error);
  } finally {
    await database.close();
  }
}

interface Run {
  readonly options: Options;
  /** Empty where no input is read. */
  readonly clients: readonly Client[];
  /** The name of the one that this run has. */
  readonly notifier: string;
  readonly stop: AbortSignal;
  readonly say: (text: string) => void;
}

async function run(milepost: Milepost, database: ExampleDatabase, asked: Run): Promise<"done" | "stopped"> {
  const { options, notifier, stop, say } = asked;
  const { mode, json } = options;
  const tally = deliveryTally(milepost);
  if (mode === "run" || mode === "record") await readLog(milepost, database, asked);
  if (stop.aborted) return "stopped";
  if (mode === "worker") await work(milepost, stop);
  else if (mode !== "record" && (await deliver(milepost, stop)) === "stopped") return "stopped";

  const crossings = await reportedCrossings(milepost);
  if (json) process.stdout.write(jsonLines(crossings));
  else {
    // who will never be told is news once somebody is
    const told = mode === "record" ? [] : [...new Set(crossings.map(({ client }) => client))];
    say(crossingsText(crossings, await untoldMembers(milepost, told)));
  }
  say(closingText(tally, crossings, notifier));
  if (mode === "run" && !json) process.stderr.write(nextSteps(tally.sent));
  return "done";
}

async function readLog(milepost: Milepost, database: ExampleDatabase, asked: Run): Promise<void> {
  const { options, clients, stop, say } = asked;
  const table = database.deliveries;
  const problems = new Problems();
  const ownInput = options.input !== undefined && options.clients === undefined;
  if (!ownInput || !(await table.hasClients())) await storeClients(milepost, clients);

  const ids = clients.map(({ id }) => id);
  const source = logSource(options, ids, problems);
  const progress = progressBar(source.total, "deliveries");
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
    // lets a closed pipe be heard of before anything is sent
    await new Promise(setImmediate);
  } finally {
    progress.stop();
  }
}

/** One pass over what is to be delivered. A stop ends it between two batches, by closing the engine. */
async function deliver(milepost: Milepost, stop: AbortSignal): Promise<"done" | "stopped"> {
  const close = () => void milepost.close();
  stop.addEventListener("abort", close);
  await milepost.runOnce();
  stop.removeEventListener("abort", close);
  return stop.aborted ? "stopped" : "done";
}

/** Delivers what this and other processes record, until somebody stops it. */
async function work(milepost: Milepost, stop: AbortSignal): Promise<void> {
  const worker = milepost.worker();
  await worker.start();
  console.error("The worker runs. Ctrl-C or SIGTERM stops it.");
  if (!stop.aborted) await once(stop, "abort");
  await worker.stop();
}

runCommand(main, { problemCode: 2 });
