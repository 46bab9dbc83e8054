import type { Store } from "@milepost/core";
import { type OpenedPlace, openPlace, type Place } from "../place/place.js";
import { failpointDatabase } from "./failpoint-database.js";
import { failpointPool } from "./failpoint-pool.js";
import type { Failpoints } from "./failpoints.js";
import { drainStep } from "./path-steps.js";
import { aroundSteps, inHostTransaction } from "./store-steps.js";

/** Opens a place so that every failpoint of its store is passed: around each step, and below it in the driver. */
export function openFailpointPlace(place: Place, points: Failpoints): OpenedPlace {
  const opened = openPlace(place, {
    wrapPool: (pool) => failpointPool(pool, points),
    wrapDatabase: (db) => failpointDatabase(db, points),
  });
  const store = aroundSteps(opened.store, (name, call, input) => {
    const step = isDrain(name, input) ? drainStep : name;
    return points.within(step, async () => {
      points.pass(`${step}:before`);
      const result = await call();
      points.pass(`${step}:after`);
      return result;
    });
  });
  return { store: passingEnqueue(store, points), close: opened.close };
}

function isDrain(step: string, input: unknown): boolean {
  return step === "counters.add" && ((input as { readonly drained?: readonly number[] }).drained?.length ?? 0) > 0;
}

/** What the host calls in its own transaction: synchronous where the driver is. */
function passingEnqueue(store: Store, points: Failpoints): Store {
  const { inbox } = store;
  const enqueue: Store["inbox"]["enqueue"] = (tx, events) => {
    points.pass(`${inHostTransaction}:before`);
    const done = inbox.enqueue(tx, events);
    const after = () => points.pass(`${inHostTransaction}:after`);
    if (done instanceof Promise) return done.then(after);
    return after();
  };
  return { ...store, inbox: { ...inbox, enqueue } };
}
