// Sends what is queued. One notification is poison: whatever its process is, it comes to harm by it.
import { createMilepost, type DeliveryTiming, type Store } from "@milepost/core";
import { FaultLog } from "../fault/fault-log.js";
import { FlightLog } from "../fault/flight-log.js";
import { aroundSteps } from "../fault/store-steps.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type QueueShape, queueMilestone } from "../workload/queue.js";

/**
 * What the poison does: the notifier throws; ends the process; takes memory until the process dies; never settles. Or the
 * process ends between its claim and its mark.
 */
export type Poison = "throws" | "exits" | "out of memory" | "never settles" | "exits unmarked";

export interface PoisonedInput extends QueueShape {
  readonly place: Place;
  readonly name: string;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  readonly poison: Poison;
  /** The notification that is poison. */
  readonly poisoned: string;
  readonly flightFile: string;
  readonly faultFile: string;
}

await runProgram<PoisonedInput>(async (input, link) => {
  const { place, name, concurrency, delivery, poison, poisoned, flightFile, faultFile, ...shape } = input;
  const faults = new FaultLog(faultFile);

  function harm(): Promise<void> | void {
    faults.add(poison, name);
    if (poison === "throws") throw new Error("this message is poison");
    if (poison === "never settles") return new Promise<void>(() => {});
    if (poison === "out of memory") {
      for (const hoard: number[][] = []; ; ) hoard.push(new Array<number>(1e6).fill(Math.random()));
    }
    process.exit(1);
  }

  const watched = (store: Store): Store =>
    aroundSteps(store, async (step, call) => {
      const result = await call();
      if (step === "notifications.claim" && poison === "exits unmarked") {
        if ((result as readonly { readonly id: string }[]).some(({ id }) => id === poisoned)) harm();
      }
      return result;
    });

  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({
    store: new FlightLog(flightFile).watch(watched(opened.store)),
    milestones: [
      queueMilestone(shape, { caller: name, waitsOn: true, onSend: (id) => (id === poisoned ? harm() : undefined) }),
    ],
    delivery,
  });
  const worker = milepost.worker({ concurrency, pollInterval: 20, sweepInterval: 200 });
  await worker.start();
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  await milepost.close();
  await opened.close();
});
