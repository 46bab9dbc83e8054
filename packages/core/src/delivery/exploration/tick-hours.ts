import type { NewNotification, Notification } from "../notification.js";
import type { nextOpenings } from "../reaper.js";

// Hours of the small world: the first two of every four ticks. Real ones are counted in minutes.

const every = 4;
const length = 2;

/** Where the world's time is in its hours. */
export const phaseOf = (now: number): number => now % every;

/** For a row that is born at the world's beginning. What `hours` says is read by nobody here. */
export const tickHours: Partial<NewNotification> = {
  hours: { from: "00:00", to: "12:00", zone: "UTC" },
  openUntil: new Date(length),
};

export function isWithinHours({ hours }: Notification, now: number): boolean {
  return hours === null || phaseOf(now) < length;
}

/** As reaper.ts says of real ones. */
export const nextTickOpenings: typeof nextOpenings = (rows, now) =>
  rows.map(({ tenant, id, openUntil, notBefore }) => {
    const from = Math.max(now.getTime(), notBefore.getTime());
    const begun = from - phaseOf(from);
    const opens = phaseOf(from) < length ? from : begun + every;
    const closes = (phaseOf(from) < length ? begun : begun + every) + length;
    return { tenant, id, closed: openUntil!, notBefore: new Date(opens), openUntil: new Date(closes) };
  });
