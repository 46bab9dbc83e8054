import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeliveryTiming } from "@milepost/core";
import { type AnswerLine, answersIn, checkAnswers } from "../check/answers.js";
import { checkCounting } from "../check/counting.js";
import { checkDelivery } from "../check/delivery.js";
import { atRest, readTables } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { ProducerInput, ProducerReport } from "../program/producer.js";
import type { WorkerInput } from "../program/worker.js";
import { startSink } from "../sink/sink.js";
import { evenLevels } from "../workload/announced-milestone.js";
import { eventsBySubject } from "../workload/event-streams.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  producers: { full: 8, short: 3, what: "processes that record" },
  subjects: { full: 200, short: 10, what: "counters" },
  thresholds: { full: 20, short: 20, what: "levels of the milestone" },
  events: { full: 200_000, short: 3_000, what: "of all producers together, at least" },
  kills: { full: 200, short: 6, what: "of producers", zero: "none" },
  replay: { full: 50, short: 50, what: "events that a new producer records again", zero: "none" },
  workers: { full: 2, short: 2, what: "processes that announce and send" },
  workerKills: { full: 20, short: 2, what: "of workers", zero: "none" },
  concurrency: { full: 10, short: 5, what: "messages that a worker sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

// Long enough that a busy machine lets no call run into its deadline: what is ambiguous is so because of a kill.
const delivery: Partial<DeliveryTiming> = {
  lease: 6_000,
  callDeadline: 4_000,
  settleMargin: 500,
  ambiguousHorizon: 500,
  maxClaims: 50,
  announceTries: 50,
};

export const killedProducers: Scenario = {
  name: "R1",
  title: "kill -9 of producers that replay, and of workers that announce: counted, crossed and sent at most once",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, verdict, progress } = context;
  const place = await places.create();
  const sink = await startSink(crew, places.folder);
  const shape = {
    seed,
    streams: scale.producers,
    // rounded up: no stream is empty, so that few events are no run in which nothing happens
    events: Math.ceil(scale.events / scale.producers),
    subjects: scale.subjects,
  };
  const total = shape.streams * shape.events;
  // the highest is the mean: about half of the subjects reach it
  const levels = evenLevels(scale.thresholds, Math.floor(total / scale.subjects));
  const files = Array.from({ length: scale.producers }, (_, stream) => join(places.folder, `answers-${stream}.log`));

  const started = performance.now();
  const workers = Array.from({ length: scale.workers }, () => startWorker());
  const done = files.map(() => 0);
  const retries = files.map(() => 0);
  let killed = 0;
  let workersKilled = 0;

  function startWorker(): Child {
    const { concurrency } = scale;
    return crew.start("worker", { place, levels, sinkPort: sink.port, concurrency, delivery } satisfies WorkerInput);
  }

  function startProducer(stream: number): Child {
    const input = { place, shape, stream, levels, file: files[stream]!, together: 50, replay: scale.replay };
    const child = crew.start("producer", input satisfies ProducerInput);
    let earlier = 0;
    child.onMessage((message) => {
      const report = message as ProducerReport;
      done[stream] = report.done;
      retries[stream]! += report.retries - earlier;
      earlier = report.retries;
      progress(sum(done), total);
    });
    return child;
  }

  /** One stream, through as many processes as are killed on it. */
  const current = new Map<number, Child>();
  async function produce(stream: number): Promise<void> {
    for (;;) {
      const child = startProducer(stream);
      current.set(stream, child);
      const { signal } = await child.ended;
      if (signal === "SIGKILL") continue;
      current.delete(stream);
      return child.finished();
    }
  }

  let over = false;
  async function killAlong(): Promise<void> {
    const random = seededRandom(seed + 1);
    for (const { at, whom } of plannedKills(context, total)) {
      while (sum(done) < at && !over) await sleep(2);
      if (over) return;
      // not at the report itself: somewhere in the work that follows it
      await sleep(random() * 20);
      if (whom === "worker") {
        const i = Math.floor(random() * workers.length);
        if ((await killOne(workers[i]!, `worker ${i}`)) === 1) workersKilled++;
        workers[i] = startWorker();
      } else {
        const stream = pick(random, [...current.keys()]);
        if (stream !== undefined) killed += await killOne(current.get(stream)!, `producer ${stream}`);
      }
    }
  }

  async function killOne(child: Child, name: string): Promise<number> {
    const { signal } = await child.kill();
    if (signal !== "SIGKILL") return 0;
    context.faults.add("kill", name);
    return 1;
  }

  const producing = Promise.all(files.map((_, stream) => produce(stream)));
  const killing = killAlong();
  try {
    await Promise.all([producing, killing]);
  } finally {
    over = true;
    await Promise.allSettled([producing, killing]);
  }
  const seconds = (performance.now() - started) / 1000;

  const opened = openPlace(place);
  try {
    const deadline = performance.now() + 300_000;
    while (!(await atRest(opened.store))) {
      if (performance.now() > deadline) break;
      await sleep(100);
    }
    verdict.note("drainSeconds", round((performance.now() - started) / 1000 - seconds));
    for (const worker of workers) worker.send({});
    await Promise.all(workers.map((worker) => worker.finished()));
    await sink.stop();

    verdict.note("seconds", round(seconds));
    verdict.note("eventsPerSecond", Math.round(total / seconds));
    verdict.note("events", total);
    verdict.exactly("kills", killed, scale.kills);
    verdict.exactly("workerKills", workersKilled, scale.workerKills);
    verdict.exactly("loggedFaults", context.faults.read().length, scale.kills + scale.workerKills);
    verdict.note("busyRetries", sum(retries));
    const tables = await readTables(opened.store);
    checkCounting(tables, { events: eventsBySubject(shape), levels }, verdict);
    const answers = new Map<number, readonly AnswerLine[]>();
    for (const [stream, file] of files.entries()) answers.set(stream, answersIn(await readFile(file, "utf8")));
    checkAnswers(tables, shape, answers, verdict);
    const inFlightAtKills = scale.workerKills * scale.concurrency;
    verdict.note("inFlightAtMost", inFlightAtKills);
    const wanted = { mode: "at-most-once", recipients: 1, inFlightAtKills, maxAttempts: 5 } as const;
    checkDelivery(tables, await sink.lines(), wanted, verdict);
  } finally {
    await opened.close();
  }
}

/** When who is killed: at random in the first 90% of the answers, so that somebody is still at work. */
function plannedKills(
  { scale, seed }: ScenarioContext<Size>,
  total: number,
): readonly { readonly at: number; readonly whom: "producer" | "worker" }[] {
  const random = seededRandom(seed);
  const kills = <Whom extends "producer" | "worker">(count: number, whom: Whom) =>
    Array.from({ length: count }, () => ({ at: Math.floor(random() * total * 0.9), whom }));
  return [...kills(scale.kills, "producer"), ...kills(scale.workerKills, "worker")].sort((a, b) => a.at - b.at);
}

function pick<T>(random: () => number, items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
