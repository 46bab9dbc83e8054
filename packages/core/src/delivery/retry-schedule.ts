import type { DeliveryTiming } from "./timing.js";

/** A month; a date that another system invents must stay one that a database can hold. */
const longestAsked = 30 * 86_400_000;

/**
 * Milliseconds to the next try after `attempt` tries: exponential with equal jitter (half fixed, half random, so that a
 * herd spreads and nobody comes at once), and never sooner than the other side asked.
 */
export function retryDelay(
  attempt: number,
  random: number,
  timing: Pick<DeliveryTiming, "retryBase" | "retryCap">,
  retryAfter: number | null = null,
): number {
  const ceiling = Math.min(timing.retryCap, timing.retryBase * 2 ** Math.min(attempt - 1, 30));
  const asked = Math.ceil(Math.min(retryAfter ?? 0, longestAsked));
  return Math.max(Math.round(ceiling / 2 + (random * ceiling) / 2), asked);
}
