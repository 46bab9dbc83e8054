import { setTimeout as sleep } from "node:timers/promises";
import { checkCounting } from "../check/counting.js";
import { readTables } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import type { BatchClientInput, BatchClientReport } from "../program/batch-client.js";
import { evenLevels } from "../workload/announced-milestone.js";
import { type BaitShape, batchAt } from "../workload/bait-batches.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  clients: { full: 16, short: 8, what: "that record batches at once" },
  processes: { full: 4, short: 2, what: "that the clients are spread over" },
  subjects: { full: 100, short: 30, what: "counters" },
  seconds: { full: 300, short: 3, what: "from the first batch to the last" },
  batch: { full: 30, short: 30, what: "events of a batch" },
  // short: few batches, and one of them that waited too long on a slow machine is many percent
  mostRetries: { full: 1, short: 10, what: "retries that are accepted, in percent of the batches", zero: "none" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** SQLSTATEs of a deadlock, a failed serialization and a lock that was waited for too long. */
const lockErrors = ["40P01", "40001", "55P03"];

export const deadlockBait: Scenario = {
  name: "R7",
  title: "batches over the same counters and the same event ids, each client in an order of its own",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run({ store, scale, seed, places, crew, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const place = await places.create();
  const shared = Math.ceil(scale.batch / 6);
  const shape: BaitShape = { seed, subjects: scale.subjects, own: scale.batch - shared, shared };
  const levels = evenLevels(40, 4_000);
  const clients = Array.from({ length: scale.clients }, (_, client) => client);
  const children = Array.from({ length: scale.processes }, (_, i) =>
    crew.start("batch-client", {
      place,
      shape,
      clients: clients.filter((client) => client % scale.processes === i),
      levels,
      milliseconds: scale.seconds * 1_000,
    } satisfies BatchClientInput),
  );
  await Promise.all(children.map((child) => child.next()));
  const reports: BatchClientReport[] = [];
  for (const child of children) child.onMessage((message) => reports.push(message as BatchClientReport));
  const started = performance.now();
  const ticking = setInterval(() => progress(performance.now() - started, scale.seconds * 1_000), 500);
  for (const child of children) child.send({});
  try {
    await Promise.all(children.map((child) => child.finished()));
  } finally {
    clearInterval(ticking);
  }
  const seconds = (performance.now() - started) / 1000;

  const batches = reports.reduce((sum, report) => sum + report.batches, 0);
  const refusals = total(reports.map((report) => report.refusals));
  const driverErrors = total(reports.map((report) => report.driverErrors));
  const sumOf = (counts: Readonly<Record<string, number>>, test: (code: string) => boolean) =>
    Object.entries(counts).reduce((sum, [code, n]) => sum + (test(code) ? n : 0), 0);
  const callerRetries = sumOf(refusals, () => true);
  const hiddenRetries = sumOf(driverErrors, (code) => lockErrors.includes(code));

  verdict.note("seconds", Math.round(seconds * 10) / 10);
  verdict.exactly("clients", reports.length, scale.clients);
  // a client leaves a batch only when it is committed
  verdict.atLeast("batches", batches, scale.clients);
  verdict.note("eventsPerSecond", Math.round((batches * scale.batch) / seconds));
  // a backend tells of its deadlocks when it ends
  await sleep(300);
  verdict.note("deadlocks", await places.deadlocks());
  verdict.note("driverLockErrors", hiddenRetries);
  // better-sqlite3 answers so when its short time-out is over; the store then waits on, without blocking the process
  if (store === "sqlite")
    verdict.note(
      "driverBusy",
      sumOf(driverErrors, (code) => code.startsWith("SQLITE_BUSY")),
    );
  verdict.exactly(
    "rawErrorsSeen",
    sumOf(refusals, (code) => code.startsWith("raw")),
    0,
  );
  verdict.note("busySeen", callerRetries);
  verdict.atMost("retriesPercent", round((100 * (callerRetries + hiddenRetries)) / batches), scale.mostRetries);
  const latencies = reports.flatMap((report) => report.latencies).sort((a, b) => a - b);
  for (const [name, part] of [
    ["p50Milliseconds", 0.5],
    ["p99Milliseconds", 0.99],
    ["maxMilliseconds", 1],
  ] as const) {
    verdict.note(name, latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0);
  }

  const events = new Map<string, Set<string>>();
  for (const report of reports) {
    for (let batch = 0; batch < report.batches; batch++) {
      for (const { subject, id } of batchAt(shape, report.client, batch)) {
        const ids = events.get(subject) ?? new Set();
        events.set(subject, ids.add(id));
      }
    }
  }
  const opened = openPlace(place, { connections: 1 });
  try {
    checkCounting(await readTables(opened.store), { events, levels }, verdict);
  } finally {
    await opened.close();
  }
}

function total(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [code, n] of counts.flatMap(Object.entries<number>)) sums[code] = (sums[code] ?? 0) + n;
  return sums;
}

function round(number: number): number {
  return Math.round(number * 1_000) / 1_000;
}
