import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeliveryMode, DeliveryTiming } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { type CuttingProxy, startCuttingProxy } from "../fault/cutting-proxy.js";
import { readFlights } from "../fault/flight-log.js";
import { installRefusal, settleStatement, writeFaults } from "../fault/write-faults.js";
import { openPlace, type Place } from "../place/place.js";
import type { LateWriterInput, LateWriterReport } from "../program/late-writer.js";
import { startSink } from "../sink/sink.js";
import { openQueue, type QueueShape } from "../workload/queue.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  faults: { full: 1_000, short: 24, what: "results that cannot be written at first, half of them in each mode" },
  processes: { full: 4, short: 2, what: "that send, in each mode" },
  lives: { full: 6, short: 2, what: "processes after one another in each place; all but the last die of a fault" },
  concurrency: { full: 4, short: 4, what: "messages that a process sends side by side" },
  notifications: { full: 10_000, short: 240, what: "that are queued, half of them in each mode" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

// A result that is written late but within the lease is written; a lease that is too short would be another fault.
const delivery: Partial<DeliveryTiming> = {
  lease: 6_000,
  callDeadline: 2_000,
  settleMargin: 500,
  retryBase: 50,
  retryCap: 200,
  ambiguousHorizon: 500,
  maxClaims: 50,
};

export const lateResults: Scenario = {
  name: "R13",
  title: "the message is out and its result cannot be written at first: written later, sent once; ambiguous if it dies",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { verdict, store, scale, faults } = context;
  const modes = ["at-most-once", "at-least-once"] as const;
  const started = performance.now();
  const halves = modes.map((mode, i) => half(context, mode, i));
  await Promise.allSettled(halves);
  const done = await Promise.all(halves);

  verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
  const fired = faults.read().filter(({ fault }) => fault !== "death");
  verdict.atLeast("faults", fired.length, scale.faults);
  for (const kind of writeFaults[store]) {
    const count = fired.filter(({ fault }) => fault === kind).length;
    verdict.atLeast(
      `faults ${kind}`.replaceAll(/ (\w)/g, (_, letter: string) => letter.toUpperCase()),
      count,
      1,
    );
  }
  verdict.atLeast("deaths", faults.read().filter(({ fault }) => fault === "death").length, scale.lives > 1 ? 1 : 0);
  for (const figures of done)
    for (const [name, [value, wanted]] of Object.entries(figures.exact)) {
      verdict.exactly(name, value, wanted);
    }
  for (const figures of done) for (const [name, value] of Object.entries(figures.noted)) verdict.note(name, value);
  await checkInvariants(
    done.map(({ place }) => place),
    verdict,
  );
}

interface Half {
  readonly place: Place;
  readonly exact: Readonly<Record<string, readonly [value: number, wanted: number]>>;
  readonly noted: Readonly<Record<string, number>>;
}

/** One mode, in a place of its own. */
async function half(context: ScenarioContext<Size>, mode: DeliveryMode, index: number): Promise<Half> {
  const { scale, places, crew, seed } = context;
  const place = await places.create();
  await installJournal(place);
  await installRefusal(place);
  const sink = await startSink(crew, places.folder, `sink-${mode}`);
  const shape: QueueShape = { sinkPort: sink.port, mode, maxAttempts: 10 };
  const queue = await openQueue(place, shape);
  const count = Math.ceil(scale.notifications / 2);
  await queue.shut();
  await queue.fill(count, "n");
  await queue.open();

  const lives = scale.processes * scale.lives;
  const perLife = Math.ceil(scale.faults / 2 / lives);
  const flightFiles: string[] = [];
  let leaseLost = 0;
  let fired = 0;
  let over = false;
  const opened = openPlace(place, { connections: 2 });

  /** One process after another; each but the last dies of its last fault. */
  async function lane(number: number): Promise<void> {
    for (let life = 0; life < scale.lives; life++) {
      const last = life === scale.lives - 1;
      const name = `${mode}-${number}-${life}`;
      const flightFile = join(places.folder, `${name}.flights`);
      const proxy = await proxyOf(place);
      const input: LateWriterInput = {
        ...shape,
        ...{ place: proxy?.place ?? place, name, flightFile, delivery, faults: perLife, dies: !last },
        ...{ seed: seed + 1_000 * index + 10 * number + life, concurrency: scale.concurrency },
        faultFile: context.faults.file,
      };
      const child = crew.start("late-writer", input);
      child.onMessage((message) => {
        const report = message as LateWriterReport;
        if ("fired" in report) context.progress(++fired, scale.faults / 2);
        else if ("leaseLost" in report) leaseLost++;
        else {
          proxy?.proxy.arm(report.cut, () => {});
          child.send({ armed: true });
        }
      });
      let ended = false;
      void child.ended.then(() => {
        ended = true;
      });
      while (!over && !ended) await sleep(20);
      if (!ended) {
        child.send({ over: true });
        await child.finished();
      } else {
        const { signal } = await child.ended;
        if (signal !== "SIGKILL") throw new Error(`a late writer ended by itself: ${child.errors}`);
        flightFiles.push(flightFile);
      }
      await proxy?.proxy.close();
      if (over) return;
    }
  }

  const lanes = Array.from({ length: scale.processes }, (_, number) => lane(number));
  const working = Promise.all(lanes);
  working.catch(() => {
    over = true;
  });
  const deadline = performance.now() + 600_000;
  const logged = () => context.faults.read().filter(({ target }) => target.startsWith(`${mode}-`)).length;
  for (let refills = 0; !over && performance.now() < deadline; await sleep(100)) {
    if (!(await atRest(opened.store))) continue;
    if (logged() >= perLife * lives) break;
    // a process that had no turn while others emptied the queue has its faults to come
    await queue.shut();
    await queue.fill(perLife * scale.processes, `again${++refills}`);
    await queue.open();
  }
  over = true;
  await Promise.allSettled(lanes);
  await working;
  await queue.close();
  await sink.stop();

  const { notifications } = await readTables(opened.store);
  await opened.close();
  const lines = await sink.lines();
  const copies = new Map<string, number>();
  for (const { notification } of lines) copies.set(notification, (copies.get(notification) ?? 0) + 1);
  const cutOff = new Set(flightFiles.flatMap((file) => openOf(file)));
  const deaths = context.faults.read().filter(({ fault }) => fault === "death");
  const ids = new Set(notifications.map(({ id }) => id));
  const died = new Set(deaths.flatMap(({ target }) => target.split(" ")).filter((id) => ids.has(id)));
  const lived = notifications.filter(({ id }) => !cutOff.has(id));
  const of = mode === "at-most-once" ? "AtMostOnce" : "AtLeastOnce";
  const exact: Record<string, readonly [number, number]> = {
    [`notSent${of}`]: [lived.filter(({ state }) => state !== "sent").length, 0],
    [`otherAttempts${of}`]: [lived.filter(({ attempts }) => attempts !== 1).length, 0],
    [`resent${of}`]: [lived.filter(({ id }) => (copies.get(id) ?? 0) > 1).length, 0],
    [`lost${of}`]: [lived.filter(({ id }) => !copies.has(id)).length, 0],
    [`leaseLost${of}`]: [leaseLost, 0],
  };
  const dead = notifications.filter(({ id }) => died.has(id));
  if (mode === "at-most-once") {
    exact.diedNotAmbiguous = [dead.filter(({ state }) => state !== "ambiguous" && state !== "unknown").length, 0];
    exact.duplicatedAtMostOnce = [lines.length - copies.size, 0];
  } else exact.diedNotSent = [dead.filter(({ state }) => state !== "sent").length, 0];
  const noted = { [`lived${of}`]: lived.length, [`died${of}`]: dead.length, [`inFlightAtDeaths${of}`]: cutOff.size };
  return { place, exact, noted };
}

function openOf(file: string): readonly string[] {
  const flights = readFlights(file).filter(({ ended }) => ended === undefined);
  return flights.map(({ notification }) => notification);
}

/** Each process has a proxy of its own, so that a cut meets the one that asked for it. */
async function proxyOf(place: Place): Promise<{ readonly place: Place; readonly proxy: CuttingProxy } | undefined> {
  if (place.store !== "postgres") return undefined;
  const proxy = await startCuttingProxy(place.url, settleStatement);
  const url = new URL(place.url);
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  return { proxy, place: { ...place, url: url.href } };
}
