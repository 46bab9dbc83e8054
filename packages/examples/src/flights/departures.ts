import { createMilepost, type Milepost, milestone, type Store, thresholds } from "@milepost/core";

export const departures = "departures";
export const levels = [1, 1_000, 10_000, 100_000] as const;

/** The whole of the engine's side. Nobody is told: without recipients a crossing is recorded and stays `silent`. */
export function createDepartureMilestones(store: Store): Milepost {
  return createMilepost({
    store,
    milestones: [milestone({ name: "airport-departures", metric: departures, policy: thresholds(...levels) })],
  });
}
