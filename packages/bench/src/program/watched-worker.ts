// Announces and delivers, and tells what a host would see of it: each line that it would log, what it announces and when,
// how often it looked for work in vain, and what it costs.
import { createMilepost, type DeliveryTiming, MilepostError, type Store } from "@milepost/core";
import { aroundSteps } from "../fault/store-steps.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone } from "../workload/announced-milestone.js";

export interface WatchedWorkerInput {
  readonly place: Place;
  readonly levels: readonly number[];
  readonly sinkPort: number;
  readonly concurrency: number;
  /** Milliseconds. */
  readonly pollInterval: number;
  readonly delivery: Partial<DeliveryTiming>;
}

/** `stop` ends it; `cpu` asks for the time on the processor since it began. */
export type WatchedWorkerOrder = { readonly do: "stop" } | { readonly do: "cpu" };

/** Times are milliseconds since 1970. */
export type WatchedWorkerReport =
  | { readonly working: true }
  /** A line of a log: `code` is ours, `cause` the driver's. */
  | { readonly line: string; readonly code: string; readonly cause: string; readonly at: number }
  | { readonly announced: string; readonly at: number }
  /** It looked for work, and the store was not there. */
  | { readonly lookedInVain: true; readonly at: number }
  /** Milliseconds on the processor. */
  | { readonly cpu: number };

await runProgram<WatchedWorkerInput>(async (input, link) => {
  const { place, levels, sinkPort, concurrency, pollInterval, delivery } = input;
  const tell = (report: WatchedWorkerReport) => link.send(report);
  const opened = openPlace(place, { connections: 6 });
  const milepost = createMilepost({
    store: tellingOfVainLooks(opened.store, () => tell({ lookedInVain: true, at: Date.now() })),
    milestones: [announcedMilestone(levels, sinkNotifier(sinkPort, "at-most-once"))],
    delivery,
  });
  milepost.on("error", ({ where, error }) => {
    const code = MilepostError.is(error) ? error.code : "raw";
    const cause = String((error as { cause?: { code?: unknown } }).cause?.code ?? "");
    tell({ line: where, code, cause, at: Date.now() });
  });
  milepost.on("announce_failed", ({ crossing, final, error }) => {
    if (final) tell({ line: `announce ${crossing}: ${String(error)}`, code: "final", cause: "", at: Date.now() });
  });
  milepost.on("announced", ({ crossing }) => tell({ announced: crossing, at: Date.now() }));
  process.on("warning", ({ message }) => tell({ line: message, code: "warning", cause: "", at: Date.now() }));

  const worker = milepost.worker({ concurrency, pollInterval });
  await worker.start();
  tell({ working: true });
  await new Promise<void>((resolve) => {
    link.onMessage((message) => {
      const order = message as WatchedWorkerOrder;
      if (order.do === "stop") return resolve();
      const { user, system } = process.cpuUsage();
      tell({ cpu: (user + system) / 1_000 });
    });
  });
  await milepost.close();
  await opened.close();
});

function tellingOfVainLooks(store: Store, inVain: () => void): Store {
  return aroundSteps(store, async (step, call) => {
    try {
      return await call();
    } catch (error) {
      // one of the two in each look: where all announcements are under way, it looks for notifications only
      if (step === "crossings.claim" || step === "notifications.claim") inVain();
      throw error;
    }
  });
}
