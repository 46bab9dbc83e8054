// A host that holds a transaction open in which it has recorded an event. Meanwhile it records others beside it, through
// the same engine and, on SQLite, the same handle.
import { openHostPlace } from "../place/host-place.js";
import type { Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { silentMilestone } from "../workload/announced-milestone.js";
import { metric } from "../workload/event-streams.js";
import { untilAnswered } from "../workload/until-answered.js";

export interface HolderInput {
  readonly place: Place;
  readonly name: string;
  /** Of the event in the transaction. */
  readonly subject: string;
  readonly levels: readonly number[];
  /** Events recorded while it is open, outside of it, of subject `beside-<name>`. */
  readonly beside: number;
  readonly end: "commit" | "rollback";
}

/** The transaction is open; then: it has ended. Any message ends it. */
export type HolderReport =
  | { readonly held: true }
  | { readonly ended: true; readonly answeredBefore: number; readonly busy: number };

await runProgram<HolderInput>(async ({ place, name, subject, levels, beside, end }, link) => {
  const host = openHostPlace(place, { milestones: [silentMilestone(levels)] });
  host.milepost.on("behind", () => {});
  await host.milepost.ready();
  const told = new Promise<void>((resolve) => link.onMessage(() => resolve()));
  const transaction = await host.begin();
  await transaction.order({ id: `held-${name}`, metric, subject });
  let answered = 0;
  let busy = 0;
  // not awaited before the end: on SQLite they wait for it
  const others = Promise.all(
    Array.from({ length: beside }, async (_, i) => {
      const event = { id: `beside-${name}-${i}`, metric, subject: `beside-${name}` };
      await untilAnswered(
        () => host.milepost.record(event),
        () => busy++,
      );
      answered++;
    }),
  );
  link.send({ held: true } satisfies HolderReport);
  await told;
  const answeredBefore = answered;
  await transaction[end]();
  await others;
  link.send({ ended: true, answeredBefore, busy } satisfies HolderReport);
  await host.close();
});
