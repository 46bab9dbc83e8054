import type { CountReport } from "./count-departures.js";

/** What a run cost. */
export interface RunFigures {
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** The most memory this process ever had (resident set), in millions of bytes. */
  readonly peakMB: number;
}

export function runFigures({ events, seconds }: CountReport): RunFigures {
  const peakBytes = process.resourceUsage().maxRSS * 1_024;
  return {
    events,
    seconds: Math.round(seconds * 1_000) / 1_000,
    eventsPerSecond: Math.round(events / Math.max(seconds, 0.001)),
    peakMB: Math.round(peakBytes / 1e5) / 10,
  };
}
