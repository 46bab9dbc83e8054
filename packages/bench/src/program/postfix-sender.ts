// Announces what was recorded and sends it through a Postfix, until it is asked to stop, or killed.
import { createMilepost, type DeliveryTiming } from "@milepost/core";
import { postfixMilestone } from "../mail/postfix-milestone.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";

export interface PostfixSenderInput {
  readonly place: Place;
  readonly port: number;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
}

await runProgram<PostfixSenderInput>(async ({ place, port, concurrency, delivery }, link) => {
  const opened = openPlace(place);
  const milepost = createMilepost({ store: opened.store, delivery, milestones: [postfixMilestone(port)] });
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 500 });
  await worker.start();
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  await milepost.close();
  await opened.close();
});
