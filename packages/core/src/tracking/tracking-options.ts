import * as z from "zod";
import { type Agrees, parseInput } from "../validation.js";
import type { SoftBounceLimit } from "./address-events.js";

/** What is to be done with delivery events; see `docs/delivery-events.md`. */
export interface DeliveryEventOptions {
  /**
   * Milliseconds for which delivery events are kept, and a repeat of one is known by its id; a day at least. For ever unless
   * said. They go by whole months of UTC; what they say of each notification and address stays.
   */
  readonly retention?: number | null;
  /** How many messages may come back with a soft bounce, and within how many milliseconds; 3 within 30 days unless said. */
  readonly softBounces?: SoftBounceLimit;
}

export interface TrackingOptions {
  readonly retention: number | null;
  readonly softBounces: SoftBounceLimit;
}

const day = 86_400_000;

const optionsSchema = z.strictObject({
  retention: z.int("whole milliseconds, a day or more; or null").min(day).nullable().default(null),
  softBounces: z
    .strictObject({
      limit: z.int().min(1).max(1_000),
      within: z.int("whole milliseconds, 1 or more").min(1),
    })
    .default({ limit: 3, within: 30 * day }),
});

true satisfies Agrees<typeof optionsSchema, DeliveryEventOptions>;

export function trackingOptions(input: DeliveryEventOptions = {}): TrackingOptions {
  return parseInput(optionsSchema, input, "invalid_options", "deliveryEvents");
}
