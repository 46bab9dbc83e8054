import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteStore } from "@milepost/adapter-sqlite";
import { createMilepost, type DeliveryTiming, MilepostError } from "@milepost/core";
import Database from "better-sqlite3";
import { type AnswerLine, answersIn, checkAnswers } from "../check/answers.js";
import { checkCounting } from "../check/counting.js";
import { checkDelivery } from "../check/delivery.js";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { createMarks, cutPower, marksAgree, type PowerCut } from "../fault/power-cut.js";
import { openPlace, type Place } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { ProducerInput, ProducerReport } from "../program/producer.js";
import type { WorkerInput } from "../program/worker.js";
import { startSink } from "../sink/sink.js";
import type { SinkLine } from "../sink/sink-log.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone, evenLevels } from "../workload/announced-milestone.js";
import { eventAt, eventsBySubject } from "../workload/event-streams.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  cuts: { full: 100, short: 5, what: "times that the power goes; everything goes on from what the disk has" },
  producers: { full: 2, short: 1, what: "processes that record" },
  workers: { full: 2, short: 2, what: "processes that announce and send" },
  events: { full: 20_000, short: 1_500, what: "of all producers together, at least" },
  subjects: { full: 40, short: 5, what: "counters" },
  thresholds: { full: 100, short: 40, what: "levels of the milestone" },
  concurrency: { full: 10, short: 5, what: "messages that a worker sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;
type SqlitePlace = Extract<Place, { readonly store: "sqlite" }>;

const delivery: Partial<DeliveryTiming> = {
  lease: 6_000,
  callDeadline: 4_000,
  settleMargin: 500,
  ambiguousHorizon: 500,
  maxClaims: 1_000,
  announceTries: 1_000,
};

export const powerLoss: Scenario = {
  name: "R19",
  title: "the power goes at any moment: SQLite's file is sound, what was answered is there, nothing is sent twice",
  stores: ["sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, verdict, progress, faults } = context;
  let place = (await places.create()) as SqlitePlace;
  createMarks(place.file);
  await installJournal(place);
  const sink = await startSink(crew, places.folder);
  const events = Math.ceil(scale.events / scale.producers);
  const shape = { seed, streams: scale.producers, events, subjects: scale.subjects };
  const total = shape.streams * events;
  const levels = evenLevels(scale.thresholds, Math.floor(total / scale.subjects));
  const files = Array.from({ length: scale.producers }, (_, stream) => join(places.folder, `answers-${stream}.log`));
  const random = seededRandom(seed);

  const done = files.map(() => 0);
  const answered = () => done.reduce((sum, one) => sum + one, 0);
  let producers: Child[] = [];
  let workers: Child[] = [];
  function startAll(): void {
    const { concurrency } = scale;
    const work = { place, levels, sinkPort: sink.port, concurrency, delivery } satisfies WorkerInput;
    workers = Array.from({ length: scale.workers }, () => crew.start("worker", work));
    producers = files.map((file, stream) => {
      const input = { place, shape, stream, levels, file, together: 20, replay: 50 } satisfies ProducerInput;
      const child = crew.start("producer", input);
      child.onMessage((message) => {
        done[stream] = (message as ProducerReport).done;
        progress(answered(), total);
      });
      return child;
    });
  }

  const cuts: PowerCut[] = [];
  let unsound = 0;
  let halfTransactions = 0;
  let forgotten = 0;
  let unmarked = 0;
  startAll();
  const moments = Array.from({ length: scale.cuts }, () => random() * total * 0.9).sort((a, b) => a - b);
  for (const [i, moment] of moments.entries()) {
    while (answered() < moment && producers.some((each) => each.running)) await sleep(2);
    // not at the report itself: somewhere in the work that follows it
    await sleep(random() * 40);
    await Promise.all([...producers, ...workers].map((each) => each.freeze()));
    faults.add("power cut", place.file);
    const copy = { ...place, file: join(places.folder, `cut-${i + 1}.db`) };
    cuts.push(cutPower(place.file, copy.file, random));
    await Promise.all([...producers, ...workers].map((each) => each.kill()));
    place = copy;
    const db = new Database(place.file, { timeout: 100 });
    if (db.pragma("integrity_check", { simple: true }) !== "ok") unsound++;
    if (!marksAgree(db)) halfTransactions++;
    forgotten += await countForgotten(db, files, (stream, n) => eventAt(shape, stream, n).id);
    unmarked += countUnmarked(db, await sink.lines());
    db.close();
    startAll();
  }

  await Promise.all(producers.map((producer) => producer.finished()));
  const opened = openPlace(place);
  try {
    const deadline = performance.now() + 120_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) await sleep(100);
    for (const worker of workers) worker.send({});
    await Promise.all(workers.map((worker) => worker.finished()));
    await sink.stop();

    verdict.note("events", total);
    verdict.exactly("cuts", cuts.length, scale.cuts);
    verdict.exactly("loggedFaults", faults.read().length, scale.cuts);
    // a cut that tears nothing is a kill -9
    verdict.exactly("withoutUnsyncedBytes", cuts.filter(({ unsynced }) => unsynced === 0).length, 0);
    verdict.note("caughtCommits", cuts.filter(({ caught }) => caught).length);
    for (const tail of ["lost", "cut", "holes", "whole"] as const) {
      verdict.note(`${tail}Tails`, cuts.filter((cut) => cut.tail === tail).length);
    }
    verdict.atLeast(
      "tornPages",
      cuts.reduce((sum, cut) => sum + cut.tornPages, 0),
      scale.cuts,
    );
    verdict.exactly("sound", scale.cuts - unsound, scale.cuts);
    verdict.exactly("halfTransactions", halfTransactions, 0);
    verdict.exactly("answeredAndForgotten", forgotten, 0);
    verdict.exactly("sentAndNotMarked", unmarked, 0);
    verdict.exactly("refusedBelowFull", refusals(place.file), 2);

    const tables = await readTables(opened.store);
    checkCounting(tables, { events: eventsBySubject(shape), levels }, verdict);
    const answers = new Map<number, readonly AnswerLine[]>();
    for (const [stream, file] of files.entries()) answers.set(stream, answersIn(await readFile(file, "utf8")));
    checkAnswers(tables, shape, answers, verdict);
    const inFlightAtKills = scale.cuts * scale.workers * scale.concurrency;
    verdict.note("inFlightAtMost", inFlightAtKills);
    const wanted = { mode: "at-most-once", recipients: 1, inFlightAtKills, maxAttempts: 5 } as const;
    checkDelivery(tables, await sink.lines(), wanted, verdict);
    await checkInvariants([place], verdict);
  } finally {
    await opened.close();
  }
}

/** Events whose recording was answered, and that the disk does not have. */
async function countForgotten(
  db: Database.Database,
  files: readonly string[],
  idOf: (stream: number, n: number) => string,
): Promise<number> {
  const known = new Set(db.prepare("SELECT id FROM milepost_events").pluck().all() as string[]);
  let forgotten = 0;
  for (const [stream, file] of files.entries()) {
    const lines = answersIn(await readFile(file, "utf8").catch(() => ""));
    const end = lines.reduce((highest, { to }) => Math.max(highest, to), 0);
    for (let n = 0; n < end; n++) if (!known.has(idOf(stream, n))) forgotten++;
  }
  return forgotten;
}

/** Messages at the sink of whose attempt the disk knows nothing: they would be sent again. */
function countUnmarked(db: Database.Database, lines: readonly SinkLine[]): number {
  const rows = db.prepare("SELECT notification || ' ' || number FROM milepost_attempts").pluck().all() as string[];
  const attempts = new Set(rows);
  return lines.filter(({ notification, attempt }) => !attempts.has(`${notification} ${attempt}`)).length;
}

/** Of the two settings under which a power cut may undo a commit, how many the engine refuses at-most-once over. */
function refusals(file: string): number {
  return ["NORMAL", "OFF"].filter((synchronous) => {
    const db = new Database(file, { timeout: 100 });
    try {
      db.pragma(`synchronous = ${synchronous}`);
      const milestones = [announcedMilestone([1], sinkNotifier(0, "at-most-once"))];
      createMilepost({ store: sqliteStore(db), milestones });
      return false;
    } catch (error) {
      return MilepostError.is(error) && error.code === "unsafe_durability";
    } finally {
      db.close();
    }
  }).length;
}
