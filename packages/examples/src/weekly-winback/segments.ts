export const segments = ["low", "mid", "high"] as const;
export type Segment = (typeof segments)[number];

/** Of the next four weeks, in their order, whether each is paused. */
export type PausedWeeks = readonly boolean[];

/** Which message a customer gets; null: none. Pure. */
export type SegmentOf = (paused: PausedWeeks) => Segment | null;

/** The longest run of paused weeks: 0 to 4. */
export function longestRun(paused: PausedWeeks): number {
  let longest = 0;
  let run = 0;
  for (const week of paused) {
    run = week ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** By the longest run: 1 week low, 2 or 3 mid, 4 high. Whoever does not pause next week is in no segment. */
export const byLongestRun: SegmentOf = (paused) => impact(paused, longestRun(paused));

/** Another one, to show that it is a plug: by how many weeks are paused, in a row or not. */
export const byCount: SegmentOf = (paused) => impact(paused, paused.filter(Boolean).length);

function impact([nextWeek = false]: PausedWeeks, weeks: number): Segment | null {
  if (!nextWeek) return null;
  return weeks === 1 ? "low" : weeks < 4 ? "mid" : "high";
}
