import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkInvariants } from "../check/invariants.js";
import { installJournal, readJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import type { SenderReport } from "../program/sender.js";
import { startSink } from "../sink/sink.js";
import { openQueue } from "../workload/queue.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  notifications: { full: 5_000, short: 300, what: "that are queued before the first process starts" },
  concurrency: { full: 10, short: 5, what: "messages that a process sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const minute = 60_000;
/** A lease that a clock which is ten minutes ahead would find over at once. */
const delivery = { lease: 20_000, callDeadline: 5_000, retryBase: 400, retryCap: 3_000 };

export const skewedClocks: Scenario = {
  name: "R27",
  title:
    "processes whose clocks are ten minutes fast and slow, and one that jumps back an hour: the database's decides",
  stores: ["postgres"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, faults, verdict, progress } = context;
  const place = await places.create();
  await installJournal(place);
  const sink = await startSink(crew, places.folder, "sink", { seed, before: [0, 8], after: [0, 8], refused: 0.3 });
  const shape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 30 } as const;
  const queue = await openQueue(place, shape);
  await queue.shut();
  await queue.fill(scale.notifications, "n");
  await queue.open();
  await queue.close();

  const started = performance.now();
  const skews = [10 * minute, -10 * minute, 0];
  const senders = skews.map((skew, i) =>
    crew.start("sender", {
      ...{ ...shape, place, name: `sender-${i}`, concurrency: scale.concurrency, delivery, skew },
      flightFile: join(places.folder, `sender-${i}.flights`),
    }),
  );
  const reported = skews.map(() => [] as number[]);
  senders.forEach((sender, i) => {
    sender.onMessage((message) => {
      const report = message as SenderReport;
      if ("clockSkew" in report) reported[i]!.push(report.clockSkew);
    });
  });
  const opened = openPlace(place, { connections: 2 });
  try {
    while (sink.report.accepted < scale.notifications / 3) {
      progress(sink.report.accepted, scale.notifications);
      await sleep(5);
    }
    senders[2]!.send({ jump: -60 * minute });
    faults.add("jump", "an hour back");
    const deadline = performance.now() + 300_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) {
      progress(sink.report.accepted, scale.notifications);
      await sleep(20);
    }
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    await sink.stop();

    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    const { notifications } = await readTables(opened.store);
    const lines = await sink.lines();
    const callers = new Map<string, number>();
    for (const { caller } of lines) callers.set(caller, (callers.get(caller) ?? 0) + 1);
    // each of the three clocks has to have been at work
    verdict.atLeast("leastOfOneProcess", Math.min(...skews.map((_, i) => callers.get(`sender-${i}`) ?? 0)), 1);
    // the two that start with a wrong clock say by how much; a machine that stalls may add to it, never take away
    const off = reported.slice(0, 2).map(([first], i) => Math.abs((first ?? 0) - skews[i]!));
    verdict.atMost("worstReportOfSkew", Math.max(...off), 5_000);
    verdict.exactly("sent", notifications.filter(({ state }) => state === "sent").length, scale.notifications);
    verdict.exactly("duplicated", lines.length - new Set(lines.map((line) => line.notification)).size, 0);
    const moves = await readJournal(place);
    const takenBack = moves.filter(({ was, now }) => was === "sending" && (now === "ambiguous" || now === "unknown"));
    verdict.exactly("leasesTakenEarly", takenBack.length + moves.filter(leaseTaken).length, 0);
    verdict.exactly("earlySends", await earlySends(place), 0);
    await checkInvariants([place], verdict);
  } finally {
    await opened.close();
  }
}

const leaseTaken = ({ was, now }: { was: string | null; now: string }) => was === "leased" && now === "pending";

/** Attempts that came sooner after a refusal than the shortest wait, half of the first one, by the database's clock. */
async function earlySends(place: Place): Promise<number> {
  const raw = openRawTables(place);
  try {
    const [row] = await raw.all<{ early: string }>(`
      SELECT count(*) AS early FROM ${raw.table("attempts")} a
      JOIN ${raw.table("attempts")} b ON b.tenant = a.tenant AND b.notification = a.notification AND b.number = a.number + 1
      WHERE b.started_at < a.ended_at + interval '${delivery.retryBase / 2} milliseconds'`);
    return Number(row!.early);
  } finally {
    await raw.close();
  }
}
