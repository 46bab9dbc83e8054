import { setTimeout as sleep } from "node:timers/promises";
import type { DeliveryTiming } from "@milepost/core";
import pg from "pg";
import { type PostgresServer, startPostgres } from "../../../../scripts/postgres.js";
import { checkCounting } from "../check/counting.js";
import { checkDelivery } from "../check/delivery.js";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import { openPlaces } from "../place/places.js";
import type { Child } from "../process/crew.js";
import type { PacedRecorderInput, PacedRecorderReport } from "../program/paced-recorder.js";
import type { WatchedWorkerInput, WatchedWorkerOrder, WatchedWorkerReport } from "../program/watched-worker.js";
import { startSink } from "../sink/sink.js";
import { eventsBySubject } from "../workload/event-streams.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  deliveries: { full: 20_000, short: 400, what: "evenly over the whole time" },
  seconds: { full: 600, short: 12, what: "in which the server is restarted again and again" },
  restartEvery: {
    full: 5_000,
    short: 1_500,
    what: "milliseconds between two restarts at least; twice as many at most",
  },
  readOnlySeconds: { full: 60, short: 10, what: "in which the server takes no writes, afterwards" },
  producers: { full: 2, short: 1, what: "processes that record" },
  workers: { full: 2, short: 2, what: "processes that announce and send" },
  subjects: { full: 200, short: 20, what: "counters" },
  concurrency: { full: 10, short: 5, what: "messages that a worker sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

// What a restart took from a worker between a claim and its answer is free again when the lease is over. For as long a
// worker tries to mark what it has claimed, and looks for nothing else: much shorter than the server is read-only.
const delivery: Partial<DeliveryTiming> = {
  lease: 5_000,
  callDeadline: 2_500,
  settleMargin: 1_000,
  ambiguousHorizon: 30_000,
  maxClaims: 50,
  announceTries: 50,
};

/** Milliseconds that a worker may take, from a server that is up again, to the next message. */
const patience = 5_000;
/** Milliseconds after the server says that it is read-only in which a call that was marked before may still be made. */
const underWay = 500;

type Line = Extract<WatchedWorkerReport, { readonly line: string }>;

/** A worker process, with what it said of itself. */
interface Watched {
  readonly child: Child;
  readonly lines: Line[];
  readonly vainLooks: number[];
}

export const restarts: Scenario = {
  name: "R16",
  title:
    "Postgres is restarted every few seconds, then read-only: workers live, lose nothing and are back by themselves",
  stores: ["postgres"],
  sizes,
  run,
};

/** On a server of its own: one that is restarted is of no use to others. */
async function run(context: ScenarioContext<Size>): Promise<void> {
  const server = await startPostgres();
  try {
    const places = await openPlaces("postgres", server.url);
    try {
      const place = await places.create();
      await installJournal(place);
      await runOn(server, place, context);
    } finally {
      await places.dispose();
    }
  } finally {
    await server.stop();
  }
}

async function runOn(server: PostgresServer, place: Place, context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, crew, verdict, progress, faults } = context;
  const sink = await startSink(crew, context.places.folder);
  const events = Math.ceil(scale.deliveries / scale.producers);
  const shape = { seed, streams: scale.producers, events, subjects: scale.subjects };
  const wanted = eventsBySubject(shape);
  // each event passes a level
  const most = Math.max(...[...wanted.values()].map(({ size }) => size));
  const levels = Array.from({ length: most }, (_, i) => i + 1);
  const total = shape.streams * events;
  const duration = (scale.seconds + scale.readOnlySeconds) * 1_000;

  const workers = Array.from({ length: scale.workers }, () => startWorker());
  const done = new Array<number>(scale.producers).fill(0);
  const retries = new Array<number>(scale.producers).fill(0);
  const producers = Array.from({ length: scale.producers }, (_, stream) => startProducer(stream));

  function startWorker(): Watched {
    const input = { place, levels, sinkPort: sink.port, concurrency: scale.concurrency, pollInterval: 1_000, delivery };
    const child = crew.start("watched-worker", input satisfies WatchedWorkerInput);
    const watched: Watched = { child, lines: [], vainLooks: [] };
    child.onMessage((message) => {
      const report = message as WatchedWorkerReport;
      if ("line" in report) watched.lines.push(report);
      if ("lookedInVain" in report) watched.vainLooks.push(report.at);
    });
    return watched;
  }
  function startProducer(stream: number): Child {
    const input = { place, shape, stream, levels, every: duration / events };
    const child = crew.start("paced-recorder", input satisfies PacedRecorderInput);
    child.onMessage((message) => {
      const report = message as PacedRecorderReport;
      done[stream] = report.done;
      retries[stream] = report.retries;
      progress(
        done.reduce((sum, one) => sum + one, 0),
        total,
      );
    });
    return child;
  }

  /** When the server was up again, each time. */
  const ups: number[] = [];
  /** A next fault that came before would hide how long it took; if it takes for ever, the figure shows it. */
  async function resumed(): Promise<void> {
    const up = ups.at(-1)!;
    const giveUp = performance.now() + 4 * patience;
    while (performance.now() < giveUp && !(await sink.lines()).some(({ at }) => at > up)) await sleep(100);
  }
  const random = seededRandom(seed);
  const until = performance.now() + scale.seconds * 1_000;
  while (performance.now() < until) {
    await sleep(scale.restartEvery * (1 + random()));
    const mode = random() < 0.5 ? "fast" : "immediate";
    faults.add("restart", mode);
    await server.restart(mode);
    ups.push(Date.now());
    await resumed();
  }

  const readOnlyFrom = await setReadOnly(server.url, true);
  faults.add("read-only", "server");
  await sleep(scale.readOnlySeconds * 1_000);
  const readOnlyTo = Date.now();
  ups.push(await setReadOnly(server.url, false));

  await Promise.all(producers.map((producer) => producer.finished()));
  const opened = openPlace(place);
  try {
    const deadline = performance.now() + 120_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) await sleep(100);
    const survivors = workers.filter(({ child }) => child.running).length;
    for (const { child } of workers) child.send({ do: "stop" } satisfies WatchedWorkerOrder);
    const ends = await Promise.all(workers.map(({ child }) => child.ended));
    await sink.stop();

    verdict.note("deliveries", total);
    verdict.exactly("workersThatEnded", scale.workers - survivors, 0);
    verdict.exactly("badEnds", ends.filter(({ code }) => code !== 0).length, 0);
    verdict.atLeast("restarts", ups.length - 1, Math.floor((scale.seconds * 1_000) / (scale.restartEvery * 3)));
    verdict.exactly("loggedFaults", faults.read().length, ups.length);
    verdict.note(
      "recordedAgain",
      retries.reduce((sum, one) => sum + one, 0),
    );
    // a fault that nobody met would prove nothing
    const lines = workers.flatMap((worker) => worker.lines);
    verdict.atLeast("outagesTold", lines.length, 1);
    verdict.atLeast("readOnlyTold", lines.filter(({ cause }) => cause === "25006").length, 1);

    const sent = await sink.lines();
    const waits = ups.map((up) => Math.min(...sent.map(({ at }) => at).filter((at) => at > up)) - up);
    verdict.atMost("slowestResume", Math.max(...waits), patience);
    verdict.note("medianResume", waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]!);
    const busiest = workers.map((worker) => mostInASecond(worker.lines.map(({ at }) => at)));
    verdict.atMost("mostLinesInASecond", Math.max(...busiest), 1);
    verdict.note("logLines", lines.length);
    const isReadOnly = (at: number) => at > readOnlyFrom + underWay && at < readOnlyTo;
    verdict.exactly("callsWhileReadOnly", sent.filter(({ at }) => isReadOnly(at)).length, 0);
    const vain = workers.map(({ vainLooks }) => vainLooks.filter(isReadOnly));
    verdict.atLeast("vainLooks", Math.min(...vain.map(({ length }) => length)), 2);
    // a little less than the second that is meant: both ends are wall-clock times after a busy event loop
    verdict.atLeast("shortestBackoff", Math.min(...vain.map(shortestGap)), 950);

    const tables = await readTables(opened.store);
    checkCounting(tables, { events: wanted, levels }, verdict);
    const outcome = { mode: "at-most-once", recipients: 1, inFlightAtKills: 0, maxAttempts: 5 } as const;
    checkDelivery(tables, sent, outcome, verdict);
    await checkInvariants([place], verdict);
  } finally {
    await opened.close();
  }
}

/** For all sessions, those that are open too; answers when the server says so. */
async function setReadOnly(url: string, on: boolean): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // this session must be able to take it back
    await client.query("SET default_transaction_read_only = off");
    await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${on ? "on" : "off"}`);
    await client.query("SELECT pg_reload_conf()");
  } finally {
    await client.end();
  }
  for (;;) {
    const fresh = new pg.Client({ connectionString: url });
    await fresh.connect();
    const { rows } = await fresh.query<{ on: boolean }>(
      "SELECT current_setting('default_transaction_read_only')::boolean AS on",
    );
    await fresh.end();
    if (rows[0]?.on === on) return Date.now();
    await sleep(10);
  }
}

function mostInASecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
}

function shortestGap(times: readonly number[]): number {
  return Math.min(...times.slice(1).map((at, i) => at - times[i]!));
}
