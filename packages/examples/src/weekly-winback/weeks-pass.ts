import type { Milepost } from "@milepost/core";
import { runOnce } from "./once.js";

/** One of the Saturdays that the example lets pass. */
export interface SaturdayShown {
  readonly title: string;
  /** What happens, and when. */
  readonly steps: readonly { readonly at: string; readonly run: "worker" | "once" | "both" }[];
}

/** Over a year's end: 2026 has 53 weeks. */
const saturdays: readonly SaturdayShown[] = [
  {
    title: "Saturday 19 December 2026, in time: the worker's own schedule, and at the same moment --once, twice",
    steps: [
      { at: "2026-12-19T08:59:59Z", run: "worker" },
      { at: "2026-12-19T09:00:00Z", run: "both" },
    ],
  },
  {
    title: "Saturday 26 December 2026: no process ran until 13:30, so it is caught up",
    steps: [{ at: "2026-12-26T13:30:00Z", run: "worker" }],
  },
  {
    title: "Saturday 2 January 2027: no process ran until Sunday, which is too late; it is skipped",
    steps: [{ at: "2027-01-03T10:00:00Z", run: "worker" }],
  },
  {
    title: "Saturday 9 January 2027: a scheduler from outside, 40 minutes late, runs --once; the worker comes later",
    steps: [
      { at: "2027-01-09T09:40:00Z", run: "once" },
      { at: "2027-01-09T11:00:00Z", run: "worker" },
    ],
  },
];

export interface Passing {
  /** Two processes on one database. */
  readonly processes: readonly [Milepost, Milepost];
  /** Moves the clock of both. */
  readonly moveTo: (at: Date) => void;
  /** How many messages were sent so far. */
  readonly sent: () => number;
  readonly say: (text: string) => void;
}

/** Lets the Saturdays pass, one after the other. */
export async function passSaturdays({ processes: [one, other], moveTo, sent, say }: Passing): Promise<void> {
  for (const { title, steps } of saturdays) {
    const before = sent();
    say(`\n${title}\n\n`);
    for (const { at, run } of steps) {
      const now = new Date(at);
      moveTo(now);
      // all of them see that it is due, and one makes it
      const worker = run === "once" ? [] : [one.runOnce()];
      const once = run === "worker" ? [] : [runOnce(one, now), runOnce(other, now)];
      await Promise.all([...worker, ...once]);
    }
    if (sent() === before) say("Nobody is told.\n");
  }
}
