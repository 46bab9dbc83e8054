import { type OpenedPlace, openPlace, type Place } from "../place/place.js";
import { failpointDatabase } from "./failpoint-database.js";
import { failpointPool } from "./failpoint-pool.js";
import type { Failpoints } from "./failpoints.js";
import { aroundSteps } from "./store-steps.js";

/** Opens a place so that every failpoint of its store is passed: around each step, and below it in the driver. */
export function openFailpointPlace(place: Place, points: Failpoints): OpenedPlace {
  const opened = openPlace(place, {
    wrapPool: (pool) => failpointPool(pool, points),
    wrapDatabase: (db) => failpointDatabase(db, points),
  });
  const store = aroundSteps(opened.store, (step, call) =>
    points.within(step, async () => {
      points.pass(`${step}:before`);
      const result = await call();
      points.pass(`${step}:after`);
      return result;
    }),
  );
  return { store, close: opened.close };
}
