import { setImmediate as nextTurn } from "node:timers/promises";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import { parseInput, reading } from "../validation.js";
import { type MilestoneEvent, type Observation, type ParsedEvent, parseItem } from "./event.js";
import type { Recorder, RecordManyResult } from "./recorder.js";

export interface ConsumeOptions<Item> {
  /**
   * Makes an event of an item, or an observation: what has a `value` is one. Null skips the item (it is acknowledged all
   * the same). Items are events and observations unless given.
   */
  readonly toEvent?: (item: Item) => MilestoneEvent | Observation | null;
  /** Items per atomic step at most; 1,000 unless said. */
  readonly batchSize?: number;
  /**
   * Called after the commit of each batch, with its items in their order; the next batch is committed only after it.
   * Throw to stop: items that were not acknowledged come again, and ids make that harmless.
   */
  readonly acknowledge?: (items: readonly Item[], result: RecordManyResult) => void | Promise<void>;
  /** Called for an item whose event is refused, which is then passed over. Without it the first refusal ends the run. */
  readonly onRefused?: (item: Item, error: MilepostError) => void | Promise<void>;
  /** Stops pulling when aborted; what was pulled is committed and acknowledged. */
  readonly signal?: AbortSignal;
}

const functionSchema = z.custom((value) => typeof value === "function", "a function").optional();

const optionsSchema = z.strictObject({
  toEvent: functionSchema,
  batchSize: z.int().min(1).max(100_000).default(1_000),
  acknowledge: functionSchema,
  onRefused: functionSchema,
  signal: z.instanceof(AbortSignal, { error: "an AbortSignal" }).optional(),
});

export interface ConsumeResult {
  /** Items pulled from the source. */
  readonly pulled: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly skipped: number;
  readonly refused: number;
}

function isIterable(source: unknown): boolean {
  return typeof source === "object" && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);
}

/**
 * Records everything a source yields. One batch is committed while the next one is pulled, and no further, so a slow
 * store slows the source down; what was pulled is committed as soon as the source rests, so a slow source waits for
 * nothing.
 */
export async function consume<Item>(
  recorder: Recorder,
  source: AsyncIterable<Item> | Iterable<Item>,
  options: ConsumeOptions<Item>,
  closing: AbortSignal,
): Promise<ConsumeResult> {
  const { batchSize } = parseInput(optionsSchema, options, "invalid_options");
  const { toEvent = (item: Item) => item as unknown as MilestoneEvent | Observation, onRefused } = options;
  const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal]);
  if (!reading("invalid_options", "source", () => isIterable(source))) {
    const expected = "an AsyncIterable or Iterable of events";
    throw new MilepostError("invalid_options", `source: ${expected}`, { path: "source", expected });
  }
  const totals = { pulled: 0, counted: 0, duplicates: 0, skipped: 0, refused: 0 };
  const failed = new AbortController();
  let items: Item[] = [];
  let inFlight: Promise<void> | undefined;
  let scheduled = false;

  async function refuse(item: Item, error: unknown): Promise<void> {
    if (onRefused === undefined || !MilepostError.is(error)) throw error;
    totals.refused++;
    await onRefused(item, error);
  }

  async function commit(batch: readonly Item[]): Promise<void> {
    const admitted: { readonly item: Item; readonly event: ParsedEvent }[] = [];
    for (const item of batch) {
      try {
        const event = toEvent(item);
        if (event === null) totals.skipped++;
        else admitted.push({ item, event: await recorder.admit(event, "event", parseItem) });
      } catch (error) {
        await refuse(item, error);
      }
    }
    const result = await recorder.recordAdmitted(admitted.map(({ event }) => event)).catch((error: unknown) => {
      if (!MilepostError.is(error) || error.code !== "counter_overflow") throw error;
      return oneByOne(admitted);
    });
    totals.counted += result.counted;
    totals.duplicates += result.duplicates;
    await options.acknowledge?.(batch, result);
    // a synchronous store answers without a turn of the event loop; signals and timers of the host have a right to one
    await nextTurn();
  }

  /** A chunk that one event would take too far: the others count, and that one is refused by itself. */
  async function oneByOne(
    admitted: readonly { readonly item: Item; readonly event: ParsedEvent }[],
  ): Promise<RecordManyResult> {
    const sum = { counted: 0, duplicates: 0, crossings: [] as RecordManyResult["crossings"] };
    for (const { item, event } of admitted) {
      try {
        const { counted, duplicates, crossings } = await recorder.recordAdmitted([event]);
        sum.counted += counted;
        sum.duplicates += duplicates;
        sum.crossings = [...sum.crossings, ...crossings];
      } catch (error) {
        await refuse(item, error);
      }
    }
    return sum;
  }

  function flush(): void {
    if (inFlight !== undefined || items.length === 0 || failed.signal.aborted) return;
    const batch = items;
    items = [];
    inFlight = commit(batch)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => {
        inFlight = undefined;
        flushWhenSourceRests();
      });
  }
  // What a source has ready arrives in microtasks; setImmediate comes when it rests. Flushing per item instead would make
  // batches of two or three over a store as synchronous as SQLite's, each with a disk flush of its own.
  function flushWhenSourceRests(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flush();
    });
  }

  try {
    for await (const item of until(source, signal === undefined ? [failed.signal] : [failed.signal, signal])) {
      totals.pulled++;
      items.push(item);
      flushWhenSourceRests();
      while (items.length >= batchSize && !failed.signal.aborted) {
        flush();
        await inFlight;
      }
    }
    while (items.length > 0 && !failed.signal.aborted) {
      flush();
      await inFlight;
    }
  } finally {
    // after a source that failed too, nothing goes on behind the caller's back
    items = [];
    await inFlight;
  }
  failed.signal.throwIfAborted();
  return totals;
}

/**
 * Yields what `source` yields until one of `signals` aborts, also while the source has nothing to give, and tells the
 * source that nobody wants more. (`Promise.race` against one long-lived promise would keep a reaction per item.)
 */
async function* until<Item>(
  source: AsyncIterable<Item> | Iterable<Item>,
  signals: readonly AbortSignal[],
): AsyncGenerator<Item, void, undefined> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let stop = () => {};
  const onAbort = () => stop();
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!signals.some((signal) => signal.aborted)) {
      const next = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        stop = () => resolve({ done: true, value: undefined });
        Promise.resolve(iterator.next()).then(resolve, reject);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
    // not awaited: a generator that is stuck in an await of its own would never answer
    void (async () => iterator.return?.())().catch(() => {});
  }
}
