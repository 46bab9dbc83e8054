import type { Milepost } from "@milepost/core";

/** What became of the mails of one run. */
export interface DeliveryTally {
  readonly sent: number;
  readonly refused: number;
  /** Nobody knows whether they arrived. */
  readonly unknown: number;
}

/** Counts from now on. */
export function deliveryTally(milepost: Milepost): DeliveryTally {
  const tally = { sent: 0, refused: 0, unknown: 0 };
  milepost.on("sent", () => tally.sent++);
  milepost.on("failed", () => tally.refused++);
  for (const name of ["ambiguous", "unknown"] as const) milepost.on(name, () => tally.unknown++);
  return tally;
}
