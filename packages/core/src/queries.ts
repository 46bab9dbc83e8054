import * as z from "zod";
import { type CrossingState, crossingStates } from "./milestone/crossing.js";
import { lifetime, type Period, periodSchema, spanAt } from "./milestone/period.js";
import type { CounterKey } from "./store/counter-repository.js";
import type { RetainedEvent } from "./store/event-repository.js";
import { type Agrees, dateSchema, keySchema, listOf, pageFields, parseInput, parsePresent } from "./validation.js";

/** What can be narrowed when crossings are listed. Ordered by id, which rises with time. */
export interface CrossingQuery {
  readonly tenant?: string;
  readonly subject?: string;
  readonly milestone?: string;
  readonly metric?: string;
  readonly states?: readonly CrossingState[];
  /** The last id of the page before. */
  readonly after?: string;
  /** 100 unless said. */
  readonly limit?: number;
}

/** What can be narrowed when notices are listed. Ordered by id, which rises with time. */
export interface NoticeQuery {
  readonly tenant?: string;
  readonly milestone?: string;
  /** Ids of the crossings they are about. */
  readonly crossings?: readonly string[];
  /** The last id of the page before. */
  readonly after?: string;
  /** 100 unless said. */
  readonly limit?: number;
}

/** What can be narrowed when counters are listed. Ordered by metric, subject and period, bytewise. */
export interface CounterQuery {
  readonly tenant?: string;
  readonly metric?: string;
  readonly subject?: string;
  /** The last counter of the page before; as it was answered will do. */
  readonly after?: Omit<CounterKey, "tenant">;
  /** 100 unless said. */
  readonly limit?: number;
}

/** Whose retained events are listed. Ordered by their effect. */
export interface EventQuery {
  readonly tenant?: string;
  readonly metric: string;
  readonly subject: string;
  /** The last event of the page before; as it was answered will do. */
  readonly after?: Pick<RetainedEvent, "rev" | "place">;
  /** 100 unless said. */
  readonly limit?: number;
}

/** Which counter of a subject is meant. */
export interface SubjectCounter {
  readonly tenant?: string;
  readonly metric: string;
  readonly subject: string;
  /** `"lifetime"` unless said. */
  readonly period?: Period;
  /** An instant in the span that is meant; now unless said. */
  readonly at?: Date;
}

const subjectCounterSchema = z.strictObject({
  tenant: pageFields.tenant,
  metric: keySchema,
  subject: keySchema,
  period: periodSchema.default(lifetime),
  at: dateSchema.optional(),
});

const counterQuerySchema = z.strictObject({
  ...pageFields,
  metric: keySchema.optional(),
  subject: keySchema.optional(),
  // not strict: the whole last row of a page fits
  after: z.object({ metric: keySchema, subject: keySchema, period: keySchema }).optional(),
});

const crossingQuerySchema = z.strictObject({
  ...pageFields,
  subject: keySchema.optional(),
  milestone: keySchema.optional(),
  metric: keySchema.optional(),
  states: listOf(z.enum(crossingStates), 100).optional(),
  after: keySchema.optional(),
});

const noticeQuerySchema = z.strictObject({
  ...pageFields,
  milestone: keySchema.optional(),
  crossings: listOf(keySchema, 10_000).optional(),
  after: keySchema.optional(),
});

const eventQuerySchema = z.strictObject({
  ...pageFields,
  metric: keySchema,
  subject: keySchema,
  after: z.object({ rev: z.int(), place: z.int() }).optional(),
});

true satisfies Agrees<typeof subjectCounterSchema, SubjectCounter>;
true satisfies Agrees<typeof eventQuerySchema, EventQuery>;
true satisfies Agrees<typeof counterQuerySchema, CounterQuery>;
true satisfies Agrees<typeof crossingQuerySchema, CrossingQuery>;
true satisfies Agrees<typeof noticeQuerySchema, NoticeQuery>;

type Page = { readonly tenant: string; readonly limit: number };

/** Fills in defaults, or throws `invalid_options` with the path of the field. */
export function counterQuery(query: CounterQuery): CounterQuery & Page {
  return parsePresent(counterQuerySchema, query, "invalid_options");
}

/** Fills in defaults, or throws `invalid_options` with the path of the field. */
export function eventQuery(query: EventQuery): EventQuery & Page {
  return parsePresent(eventQuerySchema, query, "invalid_options");
}

/** Fills in defaults, or throws `invalid_options` with the path of the field. */
export function crossingQuery(query: CrossingQuery): CrossingQuery & Page {
  return parsePresent(crossingQuerySchema, query, "invalid_options");
}

/** Fills in defaults, or throws `invalid_options` with the path of the field. */
export function noticeQuery(query: NoticeQuery): NoticeQuery & Page {
  return parsePresent(noticeQuerySchema, query, "invalid_options");
}

/** The key of one of a subject's counters, or `invalid_options` with the path of the field. */
export function subjectCounter(input: SubjectCounter, now: () => Date): CounterKey {
  const { at, period, ...subject } = parseInput(subjectCounterSchema, input, "invalid_options");
  return { ...subject, period: spanAt(period, at ?? now()).key };
}
