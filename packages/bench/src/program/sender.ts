// Sends what is queued until it is asked to stop, or killed. What it has in flight stands in a file of its own.
import { createMilepost, type DeliveryTiming } from "@milepost/core";
import { FlightLog } from "../fault/flight-log.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type FastClock, fastNow } from "../workload/fast-clock.js";
import { type QueueShape, queueMilestone } from "../workload/queue.js";

export interface SenderInput extends QueueShape {
  readonly place: Place;
  readonly name: string;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  readonly flightFile: string;
  /** Goes by this clock instead of the database's. */
  readonly clock?: FastClock;
  /** Milliseconds by which the clock of this process is off; the database's stays right. */
  readonly skew?: number;
}

/** What it says of itself: once that it sends, and each report of a clock that is off. */
export type SenderReport = { readonly atWork: true } | { readonly clockSkew: number };

/** From now on the clock of this process is off by so much. */
function setClockOff(milliseconds: number): void {
  const Real = trueDate;
  globalThis.Date = class extends Real {
    constructor(...given: []) {
      if (given.length === 0) super(Real.now() + milliseconds);
      else super(...given);
    }
    static override now(): number {
      return Real.now() + milliseconds;
    }
  } as DateConstructor;
}
const trueDate = Date;

/** What it may be told: to set its clock off, or, without that, to stop. */
export interface SenderOrder {
  readonly jump?: number;
}

await runProgram<SenderInput>(async (input, link) => {
  const { place, name, concurrency, delivery, flightFile, clock, skew = 0, ...shape } = input;
  if (skew !== 0) setClockOff(skew);
  const opened = openPlace(place);
  const milepost = createMilepost({
    store: new FlightLog(flightFile).watch(opened.store),
    milestones: [queueMilestone(shape, { caller: name, waitsOn: true })],
    delivery,
    ...(clock && { runtime: { now: () => fastNow(clock) } }),
  });
  const atWork = milepost.on("sending", () => {
    atWork();
    link.send({ atWork: true } satisfies SenderReport);
  });
  milepost.on("clock_skew", ({ milliseconds }) => link.send({ clockSkew: milliseconds } satisfies SenderReport));
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 200 });
  await worker.start();
  await new Promise<void>((resolve) =>
    link.onMessage((message) => {
      const { jump } = message as SenderOrder;
      if (jump === undefined) resolve();
      else setClockOff(jump);
    }),
  );
  await milepost.close();
  await opened.close();
});
