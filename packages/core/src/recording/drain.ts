import { type ErrorCode, MilepostError, oneLine } from "../errors.js";
import type { Registry } from "../milestone/registry.js";
import type { InboxRow } from "../store/inbox-repository.js";
import type { Store } from "../store/store.js";
import type { Admission } from "./admission.js";
import type { Recorder, RecordManyResult } from "./recorder.js";

const chunkSize = 1_000;

/** Refusals that another try of the same row meets again. */
const lasting: ReadonlySet<ErrorCode> = new Set(["counter_overflow", "event_too_late", "event_too_early"]);

/** Counts what transactions of the host have left in the inbox. */
export class Drain {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #admission: Admission;
  readonly #recorder: Recorder;

  constructor(store: Store, registry: Registry, admission: Admission, recorder: Recorder) {
    this.#store = store;
    this.#registry = registry;
    this.#admission = admission;
    this.#recorder = recorder;
  }

  /** Counts the rows that wait until there are none or `stop` is aborted. */
  async all(stop: AbortSignal): Promise<RecordManyResult> {
    const chunks: RecordManyResult[] = [];
    for (let more = true; more && !stop.aborted; ) {
      const { more: left, ...chunk } = await this.next();
      chunks.push(chunk);
      more = left;
    }
    return sum(chunks);
  }

  /**
   * Counts one chunk of the rows that wait, in the order of their numbers; `more` says whether there may be others.
   * Several may drain at once: the ids let each event count once. A row that cannot be counted is set aside with the
   * reason, and rows of metrics that this process may not count are left to others.
   */
  async next(): Promise<RecordManyResult & { readonly more: boolean }> {
    const rows = await this.#waiting();
    return { ...(await this.#countAll(rows)), more: rows.length === chunkSize };
  }

  async #waiting(): Promise<readonly InboxRow[]> {
    if (!this.#store.supports.hostTransactions) return [];
    await this.#registry.ready();
    const known = this.#registry.countsUnknown ? {} : { metrics: this.#registry.all.map(({ metric }) => metric) };
    const rows = await this.#store.inbox.list({ refused: false, limit: chunkSize, ...known });
    await this.#registry.know(rows.map(({ metric }) => metric));
    return rows;
  }

  async #countAll(rows: readonly InboxRow[]): Promise<RecordManyResult> {
    const inTime: InboxRow[] = [];
    for (const row of rows) {
      const late = this.#admission.outOfTime(row, "");
      if (late === undefined) inTime.push(row);
      else await this.#refuse(row, late);
    }
    if (inTime.length === 0) return sum([]);
    try {
      return await this.#count(inTime);
    } catch (error) {
      if (!isLasting(error)) throw error;
      if (inTime.length > 1) return this.#oneByOne(inTime);
      await this.#refuse(inTime[0]!, error);
      return sum([]);
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
  async #oneByOne(rows: readonly InboxRow[]): Promise<RecordManyResult> {
    const results: RecordManyResult[] = [];
    for (const row of rows) results.push(await this.#countAll([row]));
    return sum(results);
  }

  #refuse({ number }: InboxRow, { code, message }: MilepostError): Promise<void> {
    return this.#store.inbox.refuse({ number, code, message: oneLine(message) });
  }
}

function isLasting(error: unknown): error is MilepostError {
  return MilepostError.is(error) && lasting.has(error.code);
}

function sum(results: readonly RecordManyResult[]): RecordManyResult {
  return {
    counted: results.reduce((total, { counted }) => total + counted, 0),
    duplicates: results.reduce((total, { duplicates }) => total + duplicates, 0),
    crossings: results.flatMap(({ crossings }) => crossings),
  };
}
