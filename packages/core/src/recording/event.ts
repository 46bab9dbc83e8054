import * as z from "zod";
import { type Agrees, dateSchema, keySchema, parseInput } from "../validation.js";

/** One fact from the host. */
export interface MilestoneEvent {
  /** `"default"` unless said. */
  readonly tenant?: string;
  /** Unique per tenant and metric. The same id again is the same fact again, and counts once. */
  readonly id: string;
  readonly metric: string;
  /** The thing that is counted: a client, a shop, a user. */
  readonly subject: string;
  /** A safe integer, money in minor units; 1 unless said. Negative only on a metric with `decrements: true`. */
  readonly amount?: number;
  /** When it happened; the moment of recording unless said. */
  readonly occurredAt?: Date;
}

/** An event with its defaults filled in. */
export interface ParsedEvent {
  readonly tenant: string;
  readonly id: string;
  readonly metric: string;
  readonly subject: string;
  readonly amount: number;
  readonly occurredAt: Date;
}

export const defaultTenant = "default";

const safeAmount = "a safe integer; count money in its minor unit";

const eventSchema = z.strictObject(
  {
    tenant: keySchema.default(defaultTenant),
    id: keySchema,
    metric: keySchema,
    subject: keySchema,
    amount: z
      .number(safeAmount)
      .refine(Number.isSafeInteger, safeAmount)
      // adding 0 turns -0, which no store keeps, into 0
      .transform((amount) => amount + 0)
      .default(1),
    occurredAt: dateSchema.optional(),
  },
  { error: ({ code }) => (code === "invalid_type" ? "an event: an object with id, metric and subject" : undefined) },
);

true satisfies Agrees<typeof eventSchema, MilestoneEvent>;

/** Fills in defaults, or throws `invalid_event` with the path of the field. Unknown fields are refused: a misspelt
 * `ammount` would count 1. */
export function parseEvent(input: unknown, path: string, now: () => Date): ParsedEvent {
  const { occurredAt, ...event } = parseInput(eventSchema, input, "invalid_event", path);
  return { ...event, occurredAt: occurredAt ?? now() };
}
