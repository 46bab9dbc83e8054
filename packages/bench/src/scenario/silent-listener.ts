import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost } from "@milepost/core";
import { checkDelivery } from "../check/delivery.js";
import { atRest, readTables } from "../check/tables.js";
import { startSilentProxy } from "../fault/silent-proxy.js";
import { openPlace, type Place } from "../place/place.js";
import type { WatchedWorkerInput, WatchedWorkerOrder, WatchedWorkerReport } from "../program/watched-worker.js";
import { startSink } from "../sink/sink.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone } from "../workload/announced-milestone.js";
import { metric } from "../workload/event-streams.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  rounds: { full: 5, short: 1, what: "times that the connection that listens becomes silent" },
  crossings: { full: 20, short: 5, what: "recorded while it listens, before and after each" },
  idleSeconds: { full: 60, short: 8, what: "in which there is nothing to do, with a silent connection" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** Milliseconds. */
const pollInterval = 1_000;
/** How long a look for work, the claim and the announcement may take on a busy machine, beside the interval. */
const atWork = 500;
const replacedWithin = 30_000;

export const silentListener: Scenario = {
  name: "R17",
  title: "the connection that listens for wake-ups goes silent: work is found by polling, and another one listens soon",
  stores: ["postgres"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, places, crew, verdict, progress, faults } = context;
  const place = (await places.create()) as Extract<Place, { readonly store: "postgres" }>;
  const sink = await startSink(crew, places.folder);
  const proxy = await startSilentProxy(place.url, "LISTEN ");
  const through = new URL(place.url);
  through.hostname = "127.0.0.1";
  through.port = String(proxy.port);

  const levels = [1];
  const recording = openPlace(place);
  const milepost = createMilepost({
    store: recording.store,
    milestones: [announcedMilestone(levels, sinkNotifier(0, "at-most-once"))],
  });
  try {
    await milepost.ready();
    const input: WatchedWorkerInput = {
      place: { ...place, url: through.href },
      ...{ levels, sinkPort: sink.port, concurrency: 5, pollInterval, delivery: {} },
    };
    const worker = crew.start("watched-worker", input);
    const announcedAt = new Map<string, number>();
    let outages = 0;
    let heard = () => {};
    let cpu = Number.NaN;
    worker.onMessage((message) => {
      const report = message as WatchedWorkerReport;
      if ("announced" in report) announcedAt.set(report.announced, report.at);
      if ("line" in report && report.line === "listen") outages++;
      if ("cpu" in report) cpu = report.cpu;
      heard();
    });
    const until = async (holds: () => boolean) => {
      while (!holds()) {
        if (!worker.running) throw new Error(`the worker has ended:\n${worker.errors}`);
        await Promise.race([new Promise<void>((resolve) => (heard = resolve)), sleep(20)]);
      }
    };
    const cpuTime = async () => {
      cpu = Number.NaN;
      worker.send({ do: "cpu" } satisfies WatchedWorkerOrder);
      await until(() => !Number.isNaN(cpu));
      return cpu;
    };

    let events = 0;
    /** Milliseconds from the commit of a crossing, as its recorder hears of it, to its announcement by the worker. */
    async function pickUp(): Promise<number> {
      const n = ++events;
      const { crossings } = await milepost.record({ id: `e${n}`, metric, subject: `s${n}` });
      const at = Date.now();
      const { id } = crossings[0]!;
      await until(() => announcedAt.has(id));
      return announcedAt.get(id)! - at;
    }
    const pickUps = async () => {
      const times: number[] = [];
      for (let i = 0; i < scale.crossings; i++) {
        // at any moment between two polls
        await sleep(Math.random() * pollInterval);
        times.push(await pickUp());
      }
      return times;
    };
    const open = () => proxy.watched.filter(({ isOpen, isSilent }) => isOpen && !isSilent);

    await until(() => open().length === 1);
    const listening: number[] = [...(await pickUps())];
    const silent: number[] = [];
    const replacedAfter: number[] = [];
    for (let round = 0; round < scale.rounds; round++) {
      progress(round, scale.rounds + 1);
      const [mine] = open();
      proxy.silence();
      faults.add("silence", "the connection that listens");
      const from = Date.now();
      while (open().length === 0 && Date.now() - from < 2 * replacedWithin) {
        const time = await pickUp();
        // one that was replaced in the meantime was woken, and says nothing about polling
        if (open().length === 0) silent.push(time);
        await sleep(Math.random() * pollInterval);
      }
      replacedAfter.push((open()[0]?.since ?? Number.POSITIVE_INFINITY) - from);
      verdict.atLeast(`swallowed${round + 1}`, mine?.swallowed.server ?? 0, 1);
      listening.push(...(await pickUps()));
    }

    proxy.silence();
    faults.add("silence", "the connection that listens, of an idle worker");
    const before = await cpuTime();
    const began = performance.now();
    await sleep(scale.idleSeconds * 1_000);
    const share = ((await cpuTime()) - before) / (performance.now() - began);

    // it also ends while its connection is silent
    const deadline = performance.now() + 60_000;
    while (!(await atRest(recording.store)) && performance.now() < deadline) await sleep(50);
    worker.send({ do: "stop" } satisfies WatchedWorkerOrder);
    await worker.finished();
    await sink.stop();

    verdict.exactly("loggedFaults", faults.read().length, scale.rounds + 1);
    // those that come soon after each other are one
    verdict.atLeast("outagesTold", outages, 1);
    if (outages > scale.rounds + 1) verdict.fail(`${outages} outages were told, of ${scale.rounds + 1}`);
    verdict.atMost("medianWoken", sorted(listening)[Math.floor(listening.length / 2)]!, pollInterval / 4);
    verdict.note("worstWoken", Math.max(...listening));
    verdict.atLeast("foundByPolling", silent.length, scale.rounds);
    verdict.atMost("worstPolled", Math.max(...silent), pollInterval + atWork);
    verdict.atMost("slowestReplaced", Math.max(...replacedAfter), replacedWithin);
    verdict.atMost("idleCpuPercent", Math.round(share * 10_000) / 100, 2);
    const tables = await readTables(recording.store);
    verdict.exactly("crossings", tables.crossings.length, events);
    const outcome = { mode: "at-most-once", recipients: 1, inFlightAtKills: 0, maxAttempts: 5 } as const;
    checkDelivery(tables, await sink.lines(), outcome, verdict);
  } finally {
    await milepost.close();
    await recording.close();
    await proxy.close();
  }
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}
