import { setTimeout as nap } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { consoleNotifier, type Milepost } from "@milepost/core";
import { CommandError, runCommand } from "../command.js";
import { databaseProblem } from "../database-problem.js";
import { type EngineDatabase, openEngineDatabase } from "../engine-database.js";
import { stopSignal } from "../stop-signal.js";
import { unreadOutput } from "../unread-output.js";
import { watch } from "../watch.js";
import { runOnce } from "./once.js";
import { help, type Options, readOptions } from "./options.js";
import { importText, toldText, weeksText } from "./report-text.js";
import { toldIn, weekOfCampaign } from "./sent.js";
import { importSubscriptions } from "./subscriptions.js";
import { passSaturdays } from "./weeks-pass.js";
import { createWinback, winback } from "./winback.js";

const sample = fileURLToPath(new URL("sample/subscriptions.csv", import.meta.url));

async function main(args: readonly string[]): Promise<void> {
  const unread = unreadOutput();
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const stop = AbortSignal.any([stopSignal(), unread]);
  const database = openEngineDatabase({ url: process.env.DATABASE_URL, schema: "weekly_winback", file: options.db });
  try {
    await run(database, options, stop);
  } catch (error) {
    throw databaseProblem(database.setting, error);
  } finally {
    await database.close();
  }
}

async function run({ store }: EngineDatabase, options: Options, stop: AbortSignal): Promise<void> {
  // all that is no result: with --json standard output is for what was sent alone
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(text);
  const { segmentOf, once, worker, sent } = options;
  const shown = options.import === undefined && !once && !worker && sent === undefined;
  let moved = shown ? new Date("2026-12-18T12:00:00Z") : options.now;
  const began = Date.now();
  const now = () => (moved === undefined ? new Date() : shown ? moved : new Date(moved.getTime() + Date.now() - began));
  let messages = 0;
  const notifier = consoleNotifier({
    write(text) {
      messages++;
      say(`${text}\n`);
    },
  });
  const open = () => {
    const milepost = createWinback({ store, notifier, now, segmentOf });
    watch(milepost);
    return milepost;
  };
  const milepost = open();
  try {
    await milepost.migrate();
    if (shown) {
      say("weekly-winback: every Saturday 09:00 GMT a mail to customers who paused next week.\n\n");
      say(`Friday 18 December 2026: the subscriptions are imported\n\n`);
      say(importText(await importSubscriptions(milepost, sample)));
      const other = open();
      const moveTo = (at: Date) => (moved = at);
      await passSaturdays({ processes: [milepost, other], moveTo, sent: () => messages, say });
      await other.close();
      await report(milepost, { ...options, sent: "all" });
      return;
    }
    if (options.import !== undefined) say(importText(await importSubscriptions(milepost, options.import)));
    if (once) await oneRun(milepost, now, say, stop);
    if (worker) await work(milepost, say, stop);
    if (sent !== undefined) await report(milepost, options);
  } finally {
    await milepost.close();
  }
}

/** Tries again what a provider refuses for now, for ten minutes: a scheduler from outside comes back in a week. */
async function oneRun(
  milepost: Milepost,
  now: () => Date,
  say: (text: string) => void,
  stop: AbortSignal,
): Promise<void> {
  const { campaign, before } = await runOnce(milepost, now());
  if (campaign === null) {
    say("No Saturday 09:00 GMT within the last six hours: nothing to do.\n");
    return;
  }
  if (before) say(`${campaign.id} was made before: nobody is told twice.\n`);
  const { id } = campaign;
  let standing = campaign;
  for (let seconds = 0; standing.endedAt === null && seconds < 600 && !stop.aborted; seconds++) {
    await nap(1_000, undefined, { signal: stop }).catch(() => {});
    await milepost.runOnce();
    standing = (await milepost.campaigns.get({ id }))!;
  }
  const { state, detail, counts } = standing;
  say(`${id}, for week ${weekOfCampaign(standing)}: ${state}, ${counts.sent} of ${counts.recipients} sent.\n`);
  if (state !== "completed") throw new CommandError(detail ?? `${counts.queued} are not sent yet. Run it again.`);
}

async function work(milepost: Milepost, say: (text: string) => void, stop: AbortSignal): Promise<void> {
  const worker = milepost.worker();
  milepost.on("campaign", ({ campaign, state }) => say(`${campaign}: ${state}\n`));
  await worker.start();
  say("A worker runs: every Saturday at 09:00 GMT. Stop it with Ctrl-C.\n");
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
  await worker.stop();
}

async function report(milepost: Milepost, { sent, json }: Options): Promise<void> {
  const told = await toldIn(milepost, sent === "all" ? undefined : sent);
  if (json) {
    process.stdout.write(told.map((one) => `${JSON.stringify(one)}\n`).join(""));
    return;
  }
  const which = sent === undefined || sent === "all" ? "" : `, for ${sent}`;
  process.stdout.write(`\nWho was told what${which}\n${toldText(told)}`);
  if (sent !== "all") return;
  const skips = await milepost.recurrences.skips({ id: winback });
  process.stdout.write(`\nWeeks\n${weeksText(told, skips)}`);
}

runCommand(main, { problemCode: 2 });
