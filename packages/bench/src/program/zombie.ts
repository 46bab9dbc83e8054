// Sends what is queued, and when it is told to, comes to a standstill for longer than its lease: stopped by SIGSTOP, or
// with a blocked event loop. Then it goes on as if nothing had been, and tells what comes of the rows it held.
import { createMilepost, type DeliveryTiming, type Store } from "@milepost/core";
import { FaultLog } from "../fault/fault-log.js";
import { aroundSteps } from "../fault/store-steps.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type QueueShape, queueMilestone } from "../workload/queue.js";

/**
 * - `stop after the claim`, `stop after the mark`: SIGSTOP, before the next step
 * - `block after the mark`: its event loop is blocked before the notifier is called
 * - `block at sending`: by a listener of the host, on the event that says that the notifier is called now
 * - `block in the call`: when the message is with the socket
 */
export type Standstill =
  | "stop after the claim"
  | "stop after the mark"
  | "block after the mark"
  | "block at sending"
  | "block in the call";

export interface ZombieInput extends QueueShape {
  readonly place: Place;
  readonly name: string;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  readonly faultFile: string;
}

/** The next standstill, once; an empty order ends the process. */
export interface ZombieOrder {
  readonly standstill?: Standstill;
  /** Milliseconds that its event loop is blocked; a SIGSTOP lasts until the SIGCONT. */
  readonly milliseconds?: number;
}

export interface HeldRow {
  readonly id: string;
  readonly fence: number;
}

export type ZombieReport =
  | { readonly armed: true }
  /** The rows it holds; it comes to a standstill as soon as this is said. */
  | { readonly still: readonly HeldRow[] }
  /** Milliseconds that it stood still, by its monotonic clock. */
  | { readonly awake: number }
  /** A message of such a row is with the socket; `late` if that was after the standstill. */
  | { readonly written: string; readonly late: boolean }
  /** What came of such a row after the standstill: a mark, or the event of the engine. */
  | {
      readonly end: string;
      readonly how: "marked" | "mark lost" | "sent" | "retry" | "ambiguous" | "lost" | "evidence";
    };

await runProgram<ZombieInput>(async ({ place, name, concurrency, delivery, faultFile, ...shape }, link) => {
  const faults = new FaultLog(faultFile);
  const tell = (report: ZombieReport) => link.send(report);
  let order: ZombieOrder = {};
  let held: ReadonlySet<string> = new Set();
  let unwritten = 0;
  let awake = false;

  /** Says what it holds and waits until that is on its way: a stopped process sends nothing. */
  async function hold(rows: readonly HeldRow[]): Promise<void> {
    held = new Set(rows.map(({ id }) => id));
    unwritten = rows.length;
    awake = false;
    const still = rows.map(({ id, fence }) => ({ id, fence }));
    await new Promise<void>((resolve) => process.send?.({ still }, undefined, undefined, () => resolve()));
  }

  function standStill(): void {
    const { standstill = "", milliseconds } = order;
    order = {};
    faults.add(standstill, `${name}, ${held.size} rows`);
    const since = performance.now();
    if (standstill.startsWith("stop")) process.kill(process.pid, "SIGSTOP");
    // blocks the loop as `while (Date.now() < …)` does, and leaves the processor to others
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    awake = true;
    tell({ awake: performance.now() - since });
  }

  const standing = (store: Store): Store =>
    aroundSteps(store, async (step, call, input) => {
      const result = await call();
      if (step === "notifications.claim" && order.standstill === "stop after the claim") {
        const rows = result as readonly HeldRow[];
        if (rows.length > 0) {
          await hold(rows);
          standStill();
        }
      }
      if (step === "notifications.mark") {
        const { marks } = input as { readonly marks: readonly HeldRow[] };
        const marked = marks.filter((_, i) => (result as readonly { result: string }[])[i]!.result === "marked");
        for (const mark of marks) {
          if (awake && held.has(mark.id)) tell({ end: mark.id, how: marked.includes(mark) ? "marked" : "mark lost" });
        }
        if (marked.length > 0 && order.standstill !== undefined && order.standstill !== "stop after the claim") {
          await hold(marked);
          if (order.standstill.endsWith("after the mark")) standStill();
        }
      }
      return result;
    });

  const opened = openPlace(place, { connections: 2 });
  const milestone = queueMilestone(shape, {
    caller: name,
    waitsOn: true,
    onWritten({ notification }) {
      if (!held.has(notification)) return;
      tell({ written: notification, late: awake });
      // when all of the batch is with the socket: what follows is about calls, and no longer about writing
      if (order.standstill === "block in the call" && --unwritten === 0) standStill();
    },
  });
  const milepost = createMilepost({ store: standing(opened.store), milestones: [milestone], delivery });
  milepost.on("sending", ({ notification }) => {
    if (order.standstill === "block at sending" && held.has(notification)) standStill();
  });
  milepost.on("lease_lost", ({ notification, evidence }) => {
    if (held.has(notification)) tell({ end: notification, how: evidence ? "evidence" : "lost" });
  });
  for (const how of ["sent", "retry", "ambiguous"] as const) {
    milepost.on(how, ({ notification }) => {
      if (held.has(notification)) tell({ end: notification, how });
    });
  }

  // it does not sweep again: what it lost, others find
  const worker = milepost.worker({ concurrency, pollInterval: 20, sweepInterval: 3_600_000 });
  await worker.start();
  await new Promise<void>((resolve) => {
    link.onMessage((message) => {
      order = message as ZombieOrder;
      if (order.standstill === undefined) resolve();
      else tell({ armed: true });
    });
  });
  await milepost.close();
  await opened.close();
});
