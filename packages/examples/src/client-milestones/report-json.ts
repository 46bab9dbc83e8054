import type { ReportedCrossing } from "./crossings-report.js";

/** One object a line for each crossing. */
export function jsonLines(crossings: readonly ReportedCrossing[]): string {
  return crossings
    .map(({ client, milestone, eventId, reachedAt, told, reason }) => {
      return `${JSON.stringify({ client, milestone, eventId, reachedAt: reachedAt.toISOString(), told, reason })}\n`;
    })
    .join("");
}
