// Sends through accounts of a tenant until it is asked to stop.
import { createMilepost, type DeliveryTiming, keyRing } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { type AccountServers, accountMilestone } from "../workload/account-milestone.js";
import { type FastClock, fastNow } from "../workload/fast-clock.js";

export interface AccountSenderInput extends AccountServers {
  readonly place: Place;
  readonly keys: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly delivery: Partial<DeliveryTiming>;
  /** Goes by this clock instead of the database's. */
  readonly clock?: FastClock;
}

await runProgram<AccountSenderInput>(async ({ place, keys, concurrency, delivery, clock, ...servers }, link) => {
  const opened = openPlace(place);
  const runtime = clock && { now: () => fastNow(clock) };
  const milepost = createMilepost({
    store: opened.store,
    keyRing: keyRing({ current: "k1", keys }),
    milestones: [accountMilestone(servers, runtime)],
    delivery,
    ...(runtime && { runtime }),
  });
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 200 });
  await worker.start();
  await new Promise<void>((resolve) => link.onMessage(() => resolve()));
  await milepost.close();
  await opened.close();
});
