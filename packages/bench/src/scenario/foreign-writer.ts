import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { checkCounting } from "../check/counting.js";
import { checkDelivery } from "../check/delivery.js";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { SharingWorkerInput, SharingWorkerOrder, SharingWorkerReport } from "../program/sharing-worker.js";
import { startSink } from "../sink/sink.js";
import { eventAt } from "../workload/event-streams.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  holds: { full: 100, short: 3, what: "times that somebody else holds the file's write lock" },
  busyTimeout: {
    full: 1_000,
    short: 300,
    what: "milliseconds that a step waits; the lock is held for half as long again",
  },
  processes: { full: 4, short: 4, what: "that record, announce and send, on one file" },
  every: { full: 50, short: 50, what: "milliseconds between two events of a process" },
  subjects: { full: 100, short: 20, what: "counters" },
  concurrency: { full: 5, short: 5, what: "messages that a process sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** Milliseconds in which the result must have met the lock. */
const patience = 30_000;

export const foreignWriter: Scenario = {
  name: "R20",
  title:
    "a foreign writer holds the file longer than anybody waits: no update is lost, each result is written in the end",
  stores: ["sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, verdict, progress, faults } = context;
  const place = (await places.create()) as Extract<Place, { readonly store: "sqlite" }>;
  await installJournal(place);
  const sink = await startSink(crew, places.folder);
  const random = seededRandom(seed);
  // what a stream has is known at its end
  const shape = { seed, streams: scale.processes, events: 0, subjects: scale.subjects };
  const levels = Array.from({ length: 2_000 }, (_, i) => i + 1);

  const foreign = new Database(place.file, { timeout: 0 });
  foreign.exec("CREATE TABLE host_foreign (n INTEGER NOT NULL)");
  foreign.exec("INSERT INTO host_foreign VALUES (0)");

  let resultsBusy = 0;
  const recorded = new Map<number, number>();
  const claims: number[] = [];
  let claimsBusy = 0;
  let driverBusy = 0;
  let waiting = (_: string) => {};
  let resultMet = () => {};
  const workers = Array.from({ length: scale.processes }, (_, stream) => {
    const { concurrency, every, busyTimeout } = scale;
    const input: SharingWorkerInput = {
      ...{ place, shape, stream, levels, concurrency, every, busyTimeout },
      sinkPort: sink.port,
    };
    const child = crew.start("sharing-worker", input);
    child.onMessage((message) => {
      const report = message as SharingWorkerReport;
      if ("waiting" in report) waiting(report.waiting);
      if ("resultBusy" in report) {
        resultsBusy++;
        resultMet();
      }
      if ("recorded" in report) recorded.set(stream, report.recorded);
      if ("claims" in report) {
        for (const time of report.claims) claims.push(time);
        driverBusy += report.driverBusy;
        claimsBusy += report.claimsBusy;
      }
    });
    return child;
  });
  const order = (child: Child, what: SharingWorkerOrder["do"]) => child.send({ do: what } satisfies SharingWorkerOrder);
  const alive = (child: Child) => {
    if (!child.running) throw new Error(`a process has ended:\n${child.errors}`);
  };

  let held = 0;
  try {
    for (let hold = 0; hold < scale.holds; hold++) {
      progress(hold, scale.holds);
      const child = workers[hold % workers.length]!;
      // its result is to be written while the lock is held
      const called = new Promise<string>((resolve) => {
        waiting = resolve;
      });
      order(child, "wait");
      const notification = await Promise.race([called, child.ended.then(() => "")]);
      alive(child);
      await takeLock(foreign);
      faults.add("hold", notification);
      foreign.exec("UPDATE host_foreign SET n = n + 1");
      const met = new Promise<void>((resolve) => {
        resultMet = resolve;
      });
      order(child, "go");
      // on a busy machine the result may come late
      await Promise.all([sleep(scale.busyTimeout * 1.5), Promise.race([met, child.ended, sleep(patience)])]);
      foreign.exec("COMMIT");
      held++;
      await sleep(scale.busyTimeout * (0.2 + random() * 0.6));
    }
    for (const child of workers) order(child, "enough");
    while (recorded.size < workers.length) {
      for (const child of workers) alive(child);
      await sleep(20);
    }
    const opened = openPlace(place);
    try {
      const deadline = performance.now() + 120_000;
      while (!(await atRest(opened.store)) && performance.now() < deadline) await sleep(50);
      for (const child of workers) order(child, "stop");
      await Promise.all(workers.map((child) => child.finished()));
      await sink.stop();

      verdict.exactly("holds", held, scale.holds);
      verdict.exactly("loggedFaults", faults.read().length, scale.holds);
      const { n } = foreign.prepare("SELECT n FROM host_foreign").get() as { n: number };
      verdict.exactly("foreignUpdates", n, scale.holds);
      // each hold had a result that met it, and outlasted its wait
      verdict.atLeast("resultsRetried", resultsBusy, scale.holds);
      verdict.atLeast("driverBusy", driverBusy, scale.holds);
      claims.sort((a, b) => a - b);
      verdict.note("claims", claims.length);
      verdict.note("claimsThatGaveUp", claimsBusy);
      verdict.note("medianClaim", claims[Math.floor(claims.length / 2)] ?? 0);
      verdict.atMost("p99Claim", claims[Math.floor(claims.length * 0.99)] ?? Number.NaN, 2_000);
      verdict.note("slowestClaim", claims.at(-1) ?? 0);

      const events = new Map<string, Set<string>>();
      for (const [stream, count] of recorded) {
        for (let i = 0; i < count; i++) {
          const { subject, id } = eventAt(shape, stream, i);
          events.set(subject, (events.get(subject) ?? new Set()).add(id));
        }
      }
      verdict.note(
        "events",
        [...recorded.values()].reduce((sum, one) => sum + one, 0),
      );
      const tables = await readTables(opened.store);
      checkCounting(tables, { events, levels }, verdict);
      verdict.exactly("secondAttempts", tables.notifications.filter(({ attempts }) => attempts !== 1).length, 0);
      const outcome = { mode: "at-most-once", recipients: 1, inFlightAtKills: 0, maxAttempts: 5 } as const;
      checkDelivery(tables, await sink.lines(), outcome, verdict);
      await checkInvariants([place], verdict);
    } finally {
      await opened.close();
    }
  } finally {
    foreign.close();
  }
}

/** Waits for its turn like anybody else. */
async function takeLock(db: Database.Database): Promise<void> {
  for (;;) {
    try {
      db.exec("BEGIN IMMEDIATE");
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
      await sleep(2);
    }
  }
}
