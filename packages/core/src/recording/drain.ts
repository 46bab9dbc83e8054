import { setImmediate as nextTurn } from "node:timers/promises";
import { type ErrorCode, MilepostError, oneLine } from "../errors.js";
import type { Emit } from "../events.js";
import type { Registry } from "../milestone/registry.js";
import type { InboxRow } from "../store/inbox-repository.js";
import type { Store } from "../store/store.js";
import type { Admission } from "./admission.js";
import type { Recorder, RecordManyResult } from "./recorder.js";

/** What a drain did with the rows that waited. */
export interface DrainResult extends RecordManyResult {
  /**
   * Rows that cannot be counted and were set aside with the reason, so that a person decides:
   * `inbox.list({ refused: true })`. Each is told by the event `refused` too.
   */
  readonly refused: number;
}

const chunkSize = 1_000;

/** Refusals that another try of the same row meets again. */
const lasting: ReadonlySet<ErrorCode> = new Set([
  "counter_overflow",
  "event_too_late",
  "event_too_early",
  "invalid_event",
]);

/** Counts what transactions of the host have left in the inbox. */
export class Drain {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #admission: Admission;
  readonly #recorder: Recorder;
  readonly #emit: Emit;

  constructor(store: Store, registry: Registry, admission: Admission, recorder: Recorder, emit: Emit) {
    this.#store = store;
    this.#registry = registry;
    this.#admission = admission;
    this.#recorder = recorder;
    this.#emit = emit;
  }

  /** Counts the rows that wait until there are none or `stop` is aborted. */
  async all(stop: AbortSignal): Promise<DrainResult> {
    const chunks: DrainResult[] = [];
    // on from the last number: behind an old snapshot, drained rows stay in the index and are read again each time
    let after = 0;
    for (let more = true; more && !stop.aborted; ) {
      const { more: left, last, ...chunk } = await this.next(after);
      chunks.push(chunk);
      more = left;
      after = last;
      // a synchronous store answers without a turn of the event loop; others in the process have a right to one
      if (more) await nextTurn();
    }
    return sum(chunks);
  }

  /**
   * Counts one chunk of the rows that wait after a number, in the order of their numbers; `more` says whether there may be
   * others, `last` after which.
   * Several may drain at once: the ids let each event count once. A row that cannot be counted is set aside with the
   * reason, and rows of metrics that this process may not count are left to others.
   */
  async next(after = 0): Promise<DrainResult & { readonly more: boolean; readonly last: number }> {
    const rows = await this.#waiting(after);
    return { ...(await this.#countAll(rows)), more: rows.length === chunkSize, last: rows.at(-1)?.number ?? after };
  }

  async #waiting(after: number): Promise<readonly InboxRow[]> {
    if (!this.#store.supports.hostTransactions) return [];
    await this.#registry.ready();
    const known = this.#registry.countsUnknown ? {} : { metrics: this.#registry.all.map(({ metric }) => metric) };
    const rows = await this.#store.inbox.list({ refused: false, after, limit: chunkSize, ...known });
    await this.#registry.know(rows.map(({ metric }) => metric));
    return rows;
  }

  async #countAll(rows: readonly InboxRow[]): Promise<DrainResult> {
    const countable: InboxRow[] = [];
    for (const row of rows) {
      const refusal = this.#admission.misfit(row, "") ?? this.#admission.outOfTime(row, "");
      if (refusal === undefined) countable.push(row);
      else await this.#refuse(row, refusal);
    }
    const refused = rows.length - countable.length;
    if (countable.length === 0) return { ...nothing, refused };
    try {
      return { ...(await this.#count(countable)), refused };
    } catch (error) {
      if (!isLasting(error)) throw error;
      if (countable.length > 1) return sum([await this.#oneByOne(countable), { ...nothing, refused }]);
      await this.#refuse(countable[0]!, error);
      return { ...nothing, refused: refused + 1 };
    }
  }

  #count(rows: readonly InboxRow[]): Promise<RecordManyResult> {
    const events = rows.map(({ number: _, refusal: __, ...event }) => event);
    return this.#recorder.recordAdmitted(
      events,
      rows.map(({ number }) => number),
    );
  }

  /** A batch that was refused for one row's sake. */
  async #oneByOne(rows: readonly InboxRow[]): Promise<DrainResult> {
    const results: DrainResult[] = [];
    for (const row of rows) results.push(await this.#countAll([row]));
    return sum(results);
  }

  async #refuse({ number }: InboxRow, { code, message }: MilepostError): Promise<void> {
    await this.#store.inbox.refuse({ number, code, message: oneLine(message) });
    this.#emit("refused", { number, code });
  }
}

function isLasting(error: unknown): error is MilepostError {
  return MilepostError.is(error) && lasting.has(error.code);
}

const nothing: RecordManyResult = { counted: 0, duplicates: 0, crossings: [] };

function sum(results: readonly DrainResult[]): DrainResult {
  return {
    counted: results.reduce((total, { counted }) => total + counted, 0),
    duplicates: results.reduce((total, { duplicates }) => total + duplicates, 0),
    crossings: results.flatMap(({ crossings }) => crossings),
    refused: results.reduce((total, { refused }) => total + refused, 0),
  };
}
