import type { Crossing, Milepost } from "@milepost/core";
import { pages } from "../pages.js";
import { departures } from "./departures.js";

/** An airport and the levels it has reached. */
export interface AirportMilestones {
  readonly airport: string;
  readonly departures: number;
  /** By level: when it was reached. */
  readonly reachedAt: ReadonlyMap<number, Date>;
}

/** Every crossing of a file's flights in this database, in the order of the rows that caused them. */
export async function crossingsInFileOrder(milepost: Milepost, file: string): Promise<readonly Crossing[]> {
  const crossings: Crossing[] = [];
  for await (const crossing of pages((page) => milepost.crossings.list({ tenant: file, ...page }))) {
    crossings.push(crossing);
  }
  return crossings.sort((a, b) => Number(a.eventId) - Number(b.eventId));
}

/** The same crossings by airport, the one with the fewest departures first. */
export async function airportMilestones(
  milepost: Milepost,
  file: string,
  crossings: readonly Crossing[],
): Promise<readonly AirportMilestones[]> {
  const reached = new Map<string, Map<number, Date>>();
  for (const { subject, at, reachedAt } of crossings) {
    const levels = reached.get(subject) ?? new Map<number, Date>();
    reached.set(subject, levels.set(at, reachedAt));
  }
  // whoever has a counter has crossed 1, so there are as many counters as airports
  const counters = await milepost.counters.list({ tenant: file, metric: departures, limit: reached.size + 1 });
  return counters
    .map(({ subject, value }) => ({
      airport: subject,
      departures: value,
      reachedAt: reached.get(subject) ?? new Map(),
    }))
    .sort((a, b) => a.departures - b.departures);
}
