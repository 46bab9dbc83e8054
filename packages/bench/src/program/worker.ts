// Announces and delivers what producers record, until it is asked to stop, or killed.
import { createMilepost, type DeliveryTiming } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone } from "../workload/announced-milestone.js";

export interface WorkerInput {
  readonly place: Place;
  readonly levels: readonly number[];
  readonly sinkPort: number;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
}

await runProgram<WorkerInput>(async ({ place, levels, sinkPort, concurrency, delivery }, link) => {
  const opened = openPlace(place);
  const milepost = createMilepost({
    store: opened.store,
    milestones: [announcedMilestone(levels, sinkNotifier(sinkPort, "at-most-once"))],
    delivery,
  });
  const worker = milepost.worker({ concurrency, pollInterval: 100, sweepInterval: 500 });
  await worker.start();
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  await milepost.close();
  await opened.close();
});
