// Runs transactions of a host one after another: a row of its own and an event in each. Some are rolled back, and it dies
// in the middle of some.
import { FaultLog } from "../fault/fault-log.js";
import { openHostPlace } from "../place/host-place.js";
import type { Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { silentMilestone } from "../workload/announced-milestone.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";

/**
 * How a transaction ends: `open`: kill -9 when all is written and nothing committed; `committing`: kill -9 when the commit
 * is on its way, unheard.
 */
export type Fate = "commit" | "rollback" | "open" | "committing";

export interface HostInput {
  readonly place: Place;
  readonly shape: StreamShape;
  readonly levels: readonly number[];
  /** Numbers of events of stream 0, in their order. */
  readonly orders: readonly (readonly [n: number, fate: Fate])[];
  readonly faultFile: string;
}

export interface HostReport {
  /** Transactions that have ended. */
  readonly done: number;
}

await runProgram<HostInput>(async ({ place, shape, levels, orders, faultFile }, link) => {
  const host = openHostPlace(place, { milestones: [silentMilestone(levels)] });
  await host.milepost.ready();

  function die(fate: Fate): void {
    new FaultLog(faultFile).add(`kill ${fate}`, `host ${process.pid}`);
    process.kill(process.pid, "SIGKILL");
  }

  for (const [i, [n, fate]] of orders.entries()) {
    const transaction = await host.begin();
    await transaction.order(eventAt(shape, 0, n));
    if (fate === "commit") await transaction.commit();
    else if (fate === "rollback") await transaction.rollback();
    else {
      if (fate === "committing") await transaction.commitUnheard();
      die(fate);
    }
    link.send({ done: i + 1 } satisfies HostReport);
  }
  await host.close();
});
