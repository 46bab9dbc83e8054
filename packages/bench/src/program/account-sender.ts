// Says that it is there, and when it is told by which clock, sends through accounts of a tenant until it is asked to stop.
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
}

/** The first order begins the work, by this clock instead of the database's where there is one; the second ends it. */
export interface AccountSenderOrder {
  readonly clock?: FastClock;
}

await runProgram<AccountSenderInput>(async ({ place, keys, concurrency, delivery, ...servers }, link) => {
  const orders: AccountSenderOrder[] = [];
  let heard = () => {};
  link.onMessage((order) => {
    orders.push(order as AccountSenderOrder);
    heard();
  });
  const order = async (number: number) => {
    while (orders.length < number) await new Promise<void>((resolve) => (heard = resolve));
    return orders[number - 1]!;
  };
  link.send({ there: true });
  const { clock } = await order(1);
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
  await order(2);
  await milepost.close();
  await opened.close();
});
