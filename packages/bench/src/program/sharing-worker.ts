// One of several processes on one SQLite file: records at a steady pace, announces and delivers, and measures what it waits
// for. On demand one of its calls waits, so that its result comes at a moment that the harness chooses.
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, MilepostError, type Notifier, type Store } from "@milepost/core";
import { aroundSteps } from "../fault/store-steps.js";
import { watchedDatabase } from "../fault/watched-driver.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone } from "../workload/announced-milestone.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";
import { untilAnswered } from "../workload/until-answered.js";

export interface SharingWorkerInput {
  readonly place: Place;
  readonly shape: StreamShape;
  readonly stream: number;
  readonly levels: readonly number[];
  readonly sinkPort: number;
  readonly concurrency: number;
  /** Milliseconds between two events. */
  readonly every: number;
  /** Milliseconds a step waits for the file. */
  readonly busyTimeout: number;
}

/** `wait`: the next call waits; `go`: it goes on. `enough`: record no more. `stop`: the end. */
export type SharingWorkerOrder = { readonly do: "wait" | "go" | "enough" | "stop" };

export type SharingWorkerReport =
  /** The sink has the message, and the call waits before it answers. */
  | { readonly waiting: string }
  /** A result could not be written, because the file was held for too long. */
  | { readonly resultBusy: true }
  /** All that was recorded was answered. */
  | { readonly recorded: number }
  /** Milliseconds of each claim, also of one that gave up; how often the driver said that the file is busy. */
  | { readonly claims: readonly number[]; readonly driverBusy: number; readonly claimsBusy: number };

await runProgram<SharingWorkerInput>(async (input, link) => {
  const { place, shape, stream, levels, sinkPort, concurrency, every, busyTimeout } = input;
  const tell = (report: SharingWorkerReport) => link.send(report);
  const claims: number[] = [];
  let claimsBusy = 0;
  let driverBusy = 0;
  let isToWait = false;
  let isEnough = false;
  let go = () => {};
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  link.onMessage((message) => {
    const order = message as SharingWorkerOrder;
    if (order.do === "wait") isToWait = true;
    else if (order.do === "go") go();
    else if (order.do === "enough") isEnough = true;
    else stop();
  });

  const opened = openPlace(place, {
    patience: busyTimeout,
    wrapDatabase: (db) => watchedDatabase(db, (code) => void (code === "SQLITE_BUSY" && driverBusy++)),
  });
  const sink = sinkNotifier(sinkPort, "at-most-once");
  const notifier: Notifier = {
    ...sink,
    async send(message, context) {
      const waits = isToWait;
      isToWait = false;
      const outcome = await sink.send(message, context);
      if (waits) {
        const gone = new Promise<void>((resolve) => {
          go = resolve;
        });
        tell({ waiting: context.notification });
        await gone;
      }
      return outcome;
    },
  };
  const milepost = createMilepost({
    store: measured(opened.store),
    milestones: [announcedMilestone(levels, notifier)],
  });
  // a store that is busy is what this is about; the worker tries again
  milepost.on("error", () => {});

  function measured(store: Store): Store {
    return aroundSteps(store, async (step, call) => {
      const isClaim = step.endsWith(".claim");
      const began = performance.now();
      try {
        return await call();
      } catch (error) {
        const isBusy = MilepostError.is(error) && error.code === "store_busy";
        if (isBusy && isClaim) claimsBusy++;
        if (isBusy && step === "notifications.settle") tell({ resultBusy: true });
        throw error;
      } finally {
        if (isClaim) claims.push(Math.round(performance.now() - began));
      }
    });
  }

  await untilAnswered(() => milepost.ready());
  const worker = milepost.worker({ concurrency, pollInterval: 100, sweepInterval: 1_000 });
  await worker.start();
  const open = new Set<Promise<void>>();
  let n = 0;
  while (!isEnough) {
    const event = eventAt(shape, stream, n++);
    const answered = untilAnswered(() => milepost.record(event)).then(() => {
      open.delete(answered);
    });
    open.add(answered);
    await sleep(every);
  }
  await Promise.all(open);
  tell({ recorded: n });
  await stopped;
  tell({ claims, driverBusy, claimsBusy });
  await milepost.close();
  await opened.close();
});
