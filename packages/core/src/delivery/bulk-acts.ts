import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { Store } from "../store/store.js";
import { type Agrees, dateSchema, keySchema, pageFields, parsePresent, whySchema } from "../validation.js";
import { type Notification, type NotificationSource, sourceKinds } from "./notification.js";
import { type Reason, reasons } from "./reason.js";

/** Which dead letters are retried, who does it and why: a filter, or `everything`. Of filters that are given all must match. */
export interface RetryAllAct {
  readonly tenant?: string;
  readonly reason?: Reason;
  readonly milestone?: string;
  readonly notifier?: string;
  /** Those that ended at `since` or later, and before `until`. */
  readonly since?: Date;
  readonly until?: Date;
  /** Instead of a filter: all dead letters of the tenant. */
  readonly everything?: boolean;
  /** Also `unknown` ones, which may have been sent. false unless said: only `failed` ones. */
  readonly acceptDuplicate?: boolean;
  /** At most so many by this call; 100 unless said. */
  readonly limit?: number;
  /** Kept with the act of each. */
  readonly by: string;
  readonly why: string;
}

/** Which notifications are cancelled, who does it and why: a filter, or `everything`. Of filters that are given all must match. */
export interface CancelAllAct {
  readonly tenant?: string;
  readonly source?: NotificationSource;
  readonly milestone?: string;
  readonly notifier?: string;
  /** Instead of a filter: all that the tenant has waiting. */
  readonly everything?: boolean;
  /** At most so many by this call; 100 unless said. */
  readonly limit?: number;
  /** Kept with the act of each. */
  readonly by: string;
  readonly why: string;
}

/** What a call on many did. */
export interface BulkResult {
  readonly acted: number;
  /** Whether there may be more that match: call again. */
  readonly more: boolean;
}

/** A row that is acted on, as it was found. */
export type ActOn = (row: Notification) => Promise<unknown>;

const bulkFields = { by: keySchema, why: whySchema, everything: z.boolean().default(false) };

// a filter that was forgotten, or is undefined by mistake, must not be everybody's mail
const narrowed = { path: ["everything"], error: "true, or a filter: what the act is about, exactly one of the two" };
const isNarrowed = (everything: boolean, ...filters: readonly unknown[]): boolean =>
  everything !== filters.some((filter) => filter !== undefined);

const retryAllSchema = z
  .strictObject({
    ...pageFields,
    ...bulkFields,
    reason: z.enum(reasons).optional(),
    milestone: keySchema.optional(),
    notifier: keySchema.optional(),
    since: dateSchema.optional(),
    until: dateSchema.optional(),
    acceptDuplicate: z.boolean().default(false),
  })
  .refine(
    ({ everything, reason, milestone, notifier, since, until }) =>
      isNarrowed(everything, reason, milestone, notifier, since, until),
    narrowed,
  );

const cancelAllSchema = z
  .strictObject({
    ...pageFields,
    ...bulkFields,
    source: z.strictObject({ kind: z.enum(sourceKinds), id: keySchema }).optional(),
    milestone: keySchema.optional(),
    notifier: keySchema.optional(),
  })
  .refine(
    ({ everything, source, milestone, notifier }) => isNarrowed(everything, source, milestone, notifier),
    narrowed,
  );

true satisfies Agrees<typeof retryAllSchema, RetryAllAct>;
true satisfies Agrees<typeof cancelAllSchema, CancelAllAct>;

interface Page {
  readonly tenant: string;
  readonly limit: number;
}

export function retryAllAct(input: RetryAllAct): RetryAllAct & Page & { readonly acceptDuplicate: boolean } {
  return parsePresent(retryAllSchema, input, "invalid_options");
}

export function cancelAllAct(input: CancelAllAct): CancelAllAct & Page {
  return parsePresent(cancelAllSchema, input, "invalid_options");
}

/** Rows are read in pages of so many: a row holds its message's data. */
const pageSize = 100;

/** Dead letters one by one: of a call that dies in between, the acts say how far it came. */
export function retryAll(store: Store, input: ReturnType<typeof retryAllAct>, retry: ActOn): Promise<BulkResult> {
  const { by: _, why: __, everything: ___, limit, acceptDuplicate, ...filter } = input;
  const page = (after: string | undefined, size: number) =>
    store.notifications.deadLetters({
      ...filter,
      ...(!acceptDuplicate && { state: "failed" }),
      ...(after !== undefined && { after }),
      limit: size,
    });
  return each(page, limit, retry);
}

/** What is not sent yet, one by one. One that is being sent notes the request. */
export function cancelAll(store: Store, input: ReturnType<typeof cancelAllAct>, cancel: ActOn): Promise<BulkResult> {
  const { by: _, why: __, everything: ___, limit, ...filter } = input;
  const page = (after: string | undefined, size: number) =>
    store.notifications.list({
      ...filter,
      states: ["pending", "leased", "sending"],
      ...(after !== undefined && { after }),
      limit: size,
    });
  return each(page, limit, cancel, ({ cancelRequested }) => cancelRequested);
}

async function each(
  page: (after: string | undefined, size: number) => Promise<readonly Notification[]>,
  limit: number,
  act: ActOn,
  isDone: (row: Notification) => boolean = () => false,
): Promise<BulkResult> {
  let acted = 0;
  let after: string | undefined;
  while (acted < limit) {
    const size = Math.min(pageSize, limit - acted);
    const rows = await page(after, size);
    for (const row of rows) if (!isDone(row) && (await wasActed(act, row))) acted++;
    if (rows.length < size) return { acted, more: false };
    after = rows.at(-1)?.id;
  }
  return { acted, more: true };
}

/** Somebody else may have been first, or a worker: the row is then no longer what was asked for. */
async function wasActed(act: ActOn, row: Notification): Promise<boolean> {
  try {
    await act(row);
    return true;
  } catch (error) {
    if (MilepostError.is(error) && (error.code === "act_refused" || error.code === "not_found")) return false;
    throw error;
  }
}
