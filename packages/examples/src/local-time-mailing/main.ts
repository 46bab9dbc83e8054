import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Milepost } from "@milepost/core";
import { runCommand } from "../command.js";
import { databaseProblem } from "../database-problem.js";
import { openEngineDatabase } from "../engine-database.js";
import { stopSignal } from "../stop-signal.js";
import { unreadOutput } from "../unread-output.js";
import { watch } from "../watch.js";
import { importClients } from "./clients.js";
import { begin, outages, passDays } from "./days-pass.js";
import { createMailingService, mailings, messagesOf } from "./mailings.js";
import { serviceNotifier, startMessageService } from "./message-service.js";
import { help, type Options, readOptions } from "./options.js";
import { clientsText, serviceText, statisticsText, timesText } from "./report-text.js";

const sample = fileURLToPath(new URL("sample/clients.csv", import.meta.url));

async function main(args: readonly string[]): Promise<void> {
  const unread = unreadOutput();
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const stop = AbortSignal.any([stopSignal(), unread]);
  let now = begin;
  const token = randomUUID();
  const database = openEngineDatabase({
    url: process.env.DATABASE_URL,
    schema: "local_time_mailing",
    file: options.db,
  });
  const service = await startMessageService({ token, now: () => now, seed: options.seed, outages });
  const notifier = serviceNotifier(service.url, token);
  const milepost = createMailingService({
    ...{ store: database.store, notifier, now: () => now },
    // no jitter, so that the output is the same each time
    random: () => 0.5,
  });
  watch(milepost);
  // all that is no result: with --json standard output is for messages alone
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(text);
  try {
    await milepost.migrate();
    say("local-time-mailing: a mailing goes to each client when their own clocks show its start.\n\n");
    say(clientsText(await importClients(milepost, options.clients ?? sample)));
    say("\nSix mailings are made on 30 November 2026, 18:00 GMT. Days pass:\n");
    const moveTo = (at: Date) => {
      now = at;
    };
    await passDays(milepost, { moveTo, say, stop });
    await report(milepost, options, say);
    say(`\nThe message service\n  ${serviceText(service.figures())}`);
    if (stop.aborted && !unread.aborted) process.exitCode = 130;
  } catch (error) {
    throw databaseProblem(database.setting, error);
  } finally {
    await milepost.close();
    await service.close();
    await database.close();
  }
}

async function report(milepost: Milepost, { json }: Options, say: (text: string) => void): Promise<void> {
  const all = await mailings(milepost);
  if (json) {
    for (const { id } of all) {
      for (const message of await messagesOf(milepost, id)) process.stdout.write(`${JSON.stringify(message)}\n`);
    }
  }
  for (const [id, what] of shown) {
    say(`\n${what}\n${timesText(await messagesOf(milepost, id))}`);
  }
  say(`\nMessages by mailing and status\n${statisticsText(all)}`);
}

const shown = [
  ["1-everybody", "1-everybody, 09:00 to 21:00: the service is down when it is 09:00 in Berlin and London"],
  ["2-lunch", "2-lunch, 12:00 to 12:30: the service is down for all of it in Berlin"],
  ["5-moved", "5-moved, 09:00, put off to 15:00 for those who had not got it"],
] as const;

runCommand(main, { problemCode: 2 });
