// Sends what is queued until SIGTERM. Then it stops as a host does: within a grace, and ends.
import { createMilepost, type DeliveryTiming, type Store } from "@milepost/core";
import { aroundSteps } from "../fault/store-steps.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type QueueShape, queueMilestone } from "../workload/queue.js";

export interface LeaverInput extends QueueShape {
  readonly place: Place;
  readonly name: string;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  /** Milliseconds. */
  readonly grace: number;
  /** Calls that must be under way before a claim is held, unmarked, until SIGTERM has come. */
  readonly underWay: number;
}

export type LeaverReport =
  /** So many calls are under way. */
  | { readonly sending: number }
  /** It holds these, claimed and not marked. */
  | { readonly unmarked: readonly string[] };

await runProgram<LeaverInput>(async (input, link) => {
  const { place, name, concurrency, delivery, grace, underWay, ...shape } = input;
  const terminated = new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()));
  let sending = 0;

  const holding = (store: Store): Store =>
    aroundSteps(store, async (step, call) => {
      const result = await call();
      if (step !== "notifications.claim" || sending < underWay) return result;
      const rows = result as readonly { readonly id: string }[];
      if (rows.length === 0) return result;
      link.send({ unmarked: rows.map(({ id }) => id) } satisfies LeaverReport);
      await terminated;
      // the handler of SIGTERM has the first word, as it has in a host that was not held up here
      await new Promise((resolve) => setImmediate(resolve));
      return result;
    });

  const opened = openPlace(place);
  const milestone = queueMilestone(shape, {
    caller: name,
    onWritten() {
      sending++;
      if (sending === underWay) link.send({ sending } satisfies LeaverReport);
    },
  });
  const milepost = createMilepost({ store: holding(opened.store), milestones: [milestone], delivery });
  const worker = milepost.worker({ concurrency, pollInterval: 20 });
  await worker.start();
  await terminated;
  await worker.stop({ grace });
  await milepost.close();
  await opened.close();
});
