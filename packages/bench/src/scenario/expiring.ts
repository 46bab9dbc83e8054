import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { readFlights } from "../fault/flight-log.js";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import type { Child } from "../process/crew.js";
import { startSink } from "../sink/sink.js";
import { openQueue } from "../workload/queue.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  notifications: { full: 20_000, short: 400, what: "in batches, each of which expires after a few seconds" },
  batches: { full: 10, short: 4, what: "one after the other" },
  expiresIn: { full: 4_000, short: 2_000, what: "milliseconds until a batch expires" },
  processes: { full: 3, short: 2, what: "that send" },
  concurrency: { full: 10, short: 5, what: "messages that a process sends side by side" },
  kills: { full: 30, short: 4, what: "of processes with calls under way", zero: "none" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** So many recipients of each, or a batch would expire while it is announced. */
const perCrossing = 20;
/** Milliseconds between sweeps of a sender, and what a busy machine may add to one. */
const sweep = 200;
const slack = 3_000;
const delivery = { lease: 1_000, callDeadline: 700, settleMargin: 100, retryBase: 300, retryCap: 1_000, maxClaims: 50 };

export const expiring: Scenario = {
  name: "R28",
  title:
    "notifications expire while they wait, are leased, are tried again, or nobody knows of them: no call after that",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, faults, verdict, progress } = context;
  const place = await places.create();
  await installJournal(place);
  // half of the calls are refused for now, and some of the messages are never answered in time
  const manner = { seed, before: [0, 20], after: [0, 20], refused: 0.5, slow: 0.03, slowness: 1_500 } as const;
  const sink = await startSink(crew, places.folder, "sink", manner);
  const { batches, expiresIn, concurrency } = scale;
  const crossings = Math.ceil(scale.notifications / batches / perCrossing);
  const shape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 100, expiresIn } as const;
  const queue = await openQueue(place, shape);
  let starts = 0;
  const flightFiles = new Map<Child, string>();
  function startSender(): Child {
    const name = `sender-${++starts}`;
    const flightFile = join(places.folder, `${name}.flights`);
    const sender = crew.start("sender", { ...shape, place, name, concurrency, delivery, flightFile });
    flightFiles.set(sender, flightFile);
    return sender;
  }
  const hasCalls = (sender: Child) => readFlights(flightFiles.get(sender)!).some(({ ended }) => ended === undefined);
  const senders = Array.from({ length: scale.processes }, startSender);
  const random = seededRandom(seed);
  const started = performance.now();
  const opened = openPlace(place, { connections: 2 });
  try {
    let killed = 0;
    let accepted = 0;
    let batch = 0;
    // a machine on which processes take long to come to work gets a few batches more for the kills
    for (; batch < batches || (killed < scale.kills && batch < 3 * batches); batch++) {
      // those of every third batch wait in a lane that is paused until after their time
      const paused = batch % 3 === 2;
      if (paused) await queue.shut();
      await queue.announce(perCrossing, crossings, `b${batch}`, `a${batch}`);
      const killsUntilNow = Math.min(scale.kills, Math.ceil((scale.kills * (batch + 1)) / batches));
      const until = performance.now() + expiresIn * (paused ? 1.2 : 0.6);
      while (killed < killsUntilNow && performance.now() < until) {
        await sleep(5 + (random() * (until - performance.now())) / (killsUntilNow - killed));
        const victim = senders.find(hasCalls);
        // between two kills something is to get through
        if (victim === undefined || sink.report.accepted === accepted) continue;
        await victim.kill();
        accepted = sink.report.accepted;
        killed++;
        faults.add("kill", "sender");
        senders[senders.indexOf(victim)] = startSender();
      }
      await sleep(Math.max(0, until - performance.now()));
      if (paused) await queue.open();
      progress(batch + 1, Math.max(batches, batch + 1));
    }
    await queue.announced();
    const deadline = performance.now() + expiresIn + 120_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) await sleep(50);
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    await sink.stop();

    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    verdict.exactly("kills", faults.read().length, scale.kills);
    const { notifications } = await readTables(opened.store);
    const count = (state: string) => notifications.filter((row) => row.state === state).length;
    verdict.exactly("notifications", notifications.length, crossings * perCrossing * batch);
    verdict.atLeast("sent", count("sent"), 1);
    verdict.atLeast("expired", count("expired"), 1);
    verdict.atLeast("unknown", count("unknown"), 1);
    verdict.exactly("otherEnds", notifications.length - count("sent") - count("expired") - count("unknown"), 0);
    const tried = notifications.filter(({ state, attempts }) => state === "expired" && attempts > 0).length;
    verdict.atLeast("expiredAfterATry", tried, 1);
    verdict.atLeast("expiredWaiting", count("expired") - tried, 1);
    verdict.exactly("callsAfterExpiry", await callsAfterExpiry(place), 0);
    const ends = notifications.filter(({ state }) => state === "expired");
    // one that was queued when its time was over already can only end after that
    const late = (row: (typeof ends)[number], since: number) => row.settledAt!.getTime() - since;
    const delays = ends.map((row) => late(row, Math.max(row.expiresAt!.getTime(), row.createdAt.getTime())));
    verdict.exactly("expiredEarly", delays.filter((delay) => delay < 0).length, 0);
    verdict.atMost("longestAfterExpiry", Math.max(...delays), delivery.lease + sweep + slack);
    const lines = await sink.lines();
    verdict.exactly("duplicated", lines.length - new Set(lines.map((line) => line.notification)).size, 0);
    const atSink = new Set(lines.map(({ notification }) => notification));
    verdict.exactly("expiredAtSink", ends.filter(({ id }) => atSink.has(id)).length, 0);
    await checkInvariants([place], verdict);
  } finally {
    await opened.close();
    await queue.close();
  }
}

async function callsAfterExpiry(place: Place): Promise<number> {
  const raw = openRawTables(place);
  try {
    const [row] = await raw.all<{ late: number | string }>(`
      SELECT count(*) AS late FROM ${raw.table("attempts")} a
      JOIN ${raw.table("notifications")} n ON n.tenant = a.tenant AND n.id = a.notification
      WHERE a.started_at >= n.expires_at`);
    return Number(row!.late);
  } finally {
    await raw.close();
  }
}
