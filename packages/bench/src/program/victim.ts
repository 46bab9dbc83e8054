// Does the small work once, passing every failpoint on its way, and dies at the one it is told; without one it tells how
// often it passed each.
import { createMilepost, type DeliveryMode, type Milepost, type Notifier } from "@milepost/core";
import { atRest } from "../check/tables.js";
import { openFailpointPlace } from "../fault/failpoint-place.js";
import { Failpoints, type Target } from "../fault/failpoints.js";
import { hostCommitted } from "../fault/path-steps.js";
import { StopAtClaim } from "../fault/stop-at-claim.js";
import { type Place, postgresPool, sqliteHandle } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import {
  mortalTiming,
  patientTiming,
  putSubjects,
  smallConcurrency,
  smallEvents,
  smallMilestone,
} from "../workload/small-work.js";

export interface VictimInput {
  readonly place: Place;
  readonly sinkPort: number;
  readonly mode: DeliveryMode;
  readonly target?: Target;
}

export interface VictimReport {
  readonly hits: readonly (readonly [point: string, hits: number])[];
}

await runProgram<VictimInput>(async ({ place, sinkPort, mode, target }, link) => {
  const points = new Failpoints(target);
  const { store, close } = openFailpointPlace(place, points);
  const stops = new StopAtClaim(store);
  const milepost = createMilepost({
    store: stops.store,
    milestones: [smallMilestone(failpointNotifier(sinkNotifier(sinkPort, mode), points))],
    delivery: target === undefined ? patientTiming : mortalTiming,
  });

  await putSubjects(milepost);
  await recordInTransaction(place, milepost, points);
  await milepost.drain();
  await record(milepost);
  await record(milepost); // each event again: the answers of duplicates read what the first ones did not
  for (const step of ["crossings.claim", "notifications.claim"] as const) {
    await stops.work(milepost, step, smallConcurrency);
  }
  while (!(await atRest(store))) await milepost.runOnce({ concurrency: smallConcurrency });
  await milepost.close();
  await close();
  link.send({ hits: [...points.hits] } satisfies VictimReport);
});

/** Some of the events come from a transaction of the host, on a connection of its own. */
async function recordInTransaction(place: Place, milepost: Milepost, points: Failpoints): Promise<void> {
  const events = smallEvents.slice(0, smallEvents.length / 4);
  if (place.store === "postgres") {
    const pool = postgresPool(place.url, 1);
    const client = await pool.connect();
    await client.query("BEGIN");
    await milepost.in(client as never).recordMany(events);
    await client.query("COMMIT");
    client.release();
    await pool.end();
  } else {
    const db = sqliteHandle(place.file);
    db.exec("BEGIN IMMEDIATE");
    void milepost.in(db as never).recordMany(events);
    db.exec("COMMIT");
    db.close();
  }
  points.pass(hostCommitted);
}

/** Some one by one and side by side, some as a batch. */
async function record(milepost: Milepost): Promise<void> {
  const half = smallEvents.length / 2;
  await Promise.all(smallEvents.slice(0, half).map((event) => milepost.record(event)));
  await milepost.recordMany(smallEvents.slice(half));
}

function failpointNotifier(inner: Notifier, points: Failpoints): Notifier {
  return {
    ...inner,
    async send(message, context) {
      points.pass("notifier.send:before");
      const outcome = await inner.send(message, context);
      // the sink has it on disk, and nobody here knows yet
      points.pass("notifier.send:accepted");
      return outcome;
    },
  };
}
