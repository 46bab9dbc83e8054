import type { Notification } from "./notification.js";

type Claimed = Pick<Notification, "claims" | "reason">;

/** Whether a worker that held this row did not come back: the row may have been why. */
function isSuspect({ claims, reason }: Claimed): boolean {
  return claims > 1 || reason === "lease_over";
}

/**
 * Which of a batch's rows are started now. A suspect is started alone: whatever takes its process with it, at rendering or
 * at the beginning of the call, then takes no row along that was only claimed beside it, and again beside it, until it
 * counts as poison itself. The others go back and are claimed again at once. Pure.
 */
export function suspectAlone<Row extends Claimed>(
  rows: readonly Row[],
): { readonly start: readonly Row[]; readonly back: readonly Row[] } {
  const suspect = rows.find(isSuspect);
  if (suspect === undefined) return { start: rows, back: [] };
  return { start: [suspect], back: rows.filter((row) => row !== suspect) };
}
