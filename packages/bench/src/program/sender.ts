// Sends what is queued until it is asked to stop, or killed. What it has in flight stands in a file of its own.
import { createMilepost, type DeliveryTiming } from "@milepost/core";
import { FlightLog } from "../fault/flight-log.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type QueueShape, queueMilestone } from "../workload/queue.js";

export interface SenderInput extends QueueShape {
  readonly place: Place;
  readonly name: string;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  readonly flightFile: string;
}

await runProgram<SenderInput>(async ({ place, name, concurrency, delivery, flightFile, ...shape }, link) => {
  const opened = openPlace(place);
  const milepost = createMilepost({
    store: new FlightLog(flightFile).watch(opened.store),
    milestones: [queueMilestone(shape, { caller: name, waitsOn: true })],
    delivery,
  });
  const atWork = milepost.on("sending", () => {
    atWork();
    link.send({ atWork: true });
  });
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 200 });
  await worker.start();
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  await milepost.close();
  await opened.close();
});
