import type { Notification } from "./notification.js";

type Claimed = Pick<Notification, "claims" | "attempts" | "maxAttempts" | "reason">;

/**
 * Whether workers that held this row did not come back, and it is given up if this one does not either: its claim is the
 * last that may die unmarked, or its attempt the last one.
 */
function isLastChance({ claims, attempts, maxAttempts, reason }: Claimed, maxClaims: number): boolean {
  const claimedInVain = claims > 1 && claims >= maxClaims;
  return claimedInVain || (reason === "lease_over" && attempts + 1 >= maxAttempts);
}

/**
 * Which of a batch's rows are started now. A last chance is given alone, so that a row that takes its process with it does
 * not take others to their end that are not to blame, and were only with it each time. The others go back, and are claimed
 * again at once. Pure.
 */
export function lastChanceAlone<Row extends Claimed>(
  rows: readonly Row[],
  maxClaims: number,
): { readonly start: readonly Row[]; readonly back: readonly Row[]; readonly alone: boolean } {
  const last = rows.find((row) => isLastChance(row, maxClaims));
  if (last === undefined) return { start: rows, back: [], alone: false };
  return { start: [last], back: rows.filter((row) => row !== last), alone: true };
}
