import * as z from "zod";
import { type Agrees, dateSchema, keySchema, parseInput, reading } from "../validation.js";

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

/** An event of a gauge: not how much was added, but what the value is now. */
export interface Observation {
  /** `"default"` unless said. */
  readonly tenant?: string;
  /** Unique per tenant and metric. The same id again is the same fact again, and counts once. */
  readonly id: string;
  /** A metric with `gauge: true`. */
  readonly metric: string;
  /** The thing that is measured: a queue, a disk, a room. */
  readonly subject: string;
  /** A safe integer, of any sign; measure in a smaller unit where there are fractions. */
  readonly value: number;
  /** When it was so; the moment of observing unless said. */
  readonly occurredAt?: Date;
}

/** An event or an observation with its defaults filled in. */
export interface ParsedEvent {
  readonly tenant: string;
  readonly id: string;
  readonly metric: string;
  readonly subject: string;
  /** Of an observation the value that was observed. */
  readonly amount: number;
  readonly observed: boolean;
  readonly occurredAt: Date;
}

/** How an input is read: what it may hold, and what it is then. Throws `invalid_event` with the path of the field. */
export type ParseEvent = (input: unknown, path: string, now: () => Date) => ParsedEvent;

export const defaultTenant = "default";

const safeNumber = (expected: string): z.ZodType<number, number> =>
  z
    .number(expected)
    .refine(Number.isSafeInteger, expected)
    // adding 0 turns -0, which no store keeps, into 0
    .transform((amount) => amount + 0);

const commonFields = {
  tenant: keySchema.default(defaultTenant),
  id: keySchema,
  metric: keySchema,
  subject: keySchema,
  occurredAt: dateSchema.optional(),
};

/** What is no such object, and a field that belongs to the other kind of event. */
const wordsFor =
  (object: string, other: string, instead: string): z.core.$ZodErrorMap =>
  (issue) => {
    if (issue.code === "invalid_type") return object;
    return issue.code === "unrecognized_keys" && issue.keys[0] === other ? instead : undefined;
  };

const eventSchema = z.strictObject(
  { ...commonFields, amount: safeNumber("a safe integer; count money in its minor unit").default(1) },
  {
    error: wordsFor(
      "an event: an object with id, metric and subject",
      "value",
      "no such field: record() adds an amount, observe() sets the value of a gauge",
    ),
  },
);

const observationSchema = z.strictObject(
  { ...commonFields, value: safeNumber("a safe integer; measure in a smaller unit") },
  {
    error: wordsFor(
      "an observation: an object with id, metric, subject and value",
      "amount",
      "no such field: observe() sets the value of a gauge, record() adds an amount",
    ),
  },
);

true satisfies Agrees<typeof eventSchema, MilestoneEvent>;
true satisfies Agrees<typeof observationSchema, Observation>;

/** Fills in defaults, or throws `invalid_event` with the path of the field. Unknown fields are refused: a misspelt
 * `ammount` would count 1. */
export const parseEvent: ParseEvent = (input, path, now) => {
  const { occurredAt, ...event } = parseInput(eventSchema, input, "invalid_event", path);
  return { ...event, observed: false, occurredAt: occurredAt ?? now() };
};

/** {@link parseEvent} for an observation. */
export const parseObservation: ParseEvent = (input, path, now) => {
  const { occurredAt, value, ...event } = parseInput(observationSchema, input, "invalid_event", path);
  return { ...event, amount: value, observed: true, occurredAt: occurredAt ?? now() };
};

/** An item of a source is an observation if it has a `value`, else an event. */
export const parseItem: ParseEvent = (input, path, now) => {
  const observed = reading(
    "invalid_event",
    path,
    () => typeof input === "object" && input !== null && "value" in input,
  );
  return (observed ? parseObservation : parseEvent)(input, path, now);
};
