import { setImmediate as nextTurn } from "node:timers/promises";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { Emit } from "../events.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { ImportedConsent } from "../store/contact-import-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { compareKeys } from "../text-key.js";
import { keySchema, listOf, parseInput, whySchema } from "../validation.js";
import { type GivenContact, type Merging, mergedGiven, tagSet } from "./contact.js";
import type { ContactImport, RejectedRow, RejectionCode } from "./contact-import.js";
import {
  type ContactDefaults,
  type ContactInput,
  defaultsFields,
  ofThePattern,
  parseContact,
} from "./contact-input.js";
import { csvRows } from "./csv-rows.js";
import { valueShape } from "./value-shape.js";

/** How far an import is, with its speed in this process. */
export interface ImportProgress extends ContactImport {
  /** Rows read by this process in a second. */
  readonly perSecond: number;
}

type Many<Item> = AsyncIterable<Item> | Iterable<Item>;

export interface Importing<Row = ContactInput> extends ContactDefaults {
  readonly tenant?: string;
  /** Names the import for ever: one that ended is not done again, one that did not goes on where it stopped. */
  readonly id: string;
  readonly by: string;
  readonly why: string;
  /** The rows, or `csv`. The same ones in the same order where an import goes on. */
  readonly rows?: Many<Row>;
  /** The pieces of a CSV text, as a file's stream has them; its first row names the columns. */
  readonly csv?: Many<string | Uint8Array>;
  /** Between the cells of `csv`; a comma unless said. */
  readonly delimiter?: "," | ";" | "\t" | "|";
  /**
   * Makes a contact of a row, of `csv` an object of texts by column; null passes over it. Rows are contacts unless given;
   * of a text, columns named as a contact's members are these (tags are parted by `;`), and all others are its fields.
   */
  readonly toContact?: (row: Row) => ContactInput | null;
  /** Given to each contact. */
  readonly tags?: readonly string[];
  /** Both `"merge"` unless said: what others have said of a contact stays. */
  readonly merging?: Partial<Merging>;
  /** Each address agreed to messages of a scope, at `source`; who said no before has still said no. */
  readonly consent?: ImportedConsent;
  /** Rows in a transaction; 1,000 unless said. */
  readonly chunk?: number;
  /** Called after each chunk. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Called for each row that was not taken, once that is stored. `rejected()` lists them later. */
  readonly onRejected?: (row: RejectedRow) => void;
  /** Stops after the chunk under way. */
  readonly signal?: AbortSignal;
}

const functionSchema = z.custom((value) => typeof value === "function", "a function").optional();
const sourceSchema = z
  .custom(
    (value) =>
      typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value),
    "an AsyncIterable or Iterable",
  )
  .optional();
const mergingSchema = z.strictObject({
  tags: z.enum(["merge", "replace"]).default("merge"),
  fields: z.enum(["merge", "replace"]).default("merge"),
});
const importSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  id: keySchema,
  by: keySchema,
  why: whySchema,
  rows: sourceSchema,
  csv: sourceSchema,
  delimiter: z.enum([",", ";", "\t", "|"]).default(","),
  toContact: functionSchema,
  ...defaultsFields,
  tags: listOf(keySchema, 100).default([]),
  merging: mergingSchema.prefault({}),
  consent: z.strictObject({ scope: keySchema, source: whySchema }).optional(),
  chunk: z.int().min(1).max(10_000).default(1_000),
  onProgress: functionSchema,
  onRejected: functionSchema,
  signal: z.instanceof(AbortSignal, { error: "an AbortSignal" }).optional(),
});

/** One row after it was looked at. */
type Looked =
  | { readonly line: number; readonly contact: GivenContact | null }
  | { readonly line: number; readonly rejected: RejectedRow };

/**
 * Imports contacts chunk by chunk; what one row is like stops none of the others. One chunk is stored while the next is
 * read, and no further, so memory holds two of them whatever the file's size.
 */
export async function importContacts<Row>(
  store: Store,
  runtime: Runtime,
  emit: Emit,
  input: Importing<Row>,
  closing: AbortSignal,
): Promise<ContactImport> {
  const parsed = parseInput(importSchema, input, "invalid_options");
  const { tenant, id, by, why, merging, consent = null, chunk: size } = parsed;
  if ((input.rows === undefined) === (input.csv === undefined)) {
    const expected = "either rows or csv";
    throw new MilepostError("invalid_options", `rows: ${expected}`, { path: "rows", expected });
  }
  const look = parsed as Look;
  const stopped = () => closing.aborted || input.signal?.aborted === true;
  let state = await store.contactImports.begin({ tenant, id, by, why, ...storeNow(runtime) });
  if (state.endedAt !== null) return state;
  const began = runtime.monotonic();
  let read = 0;

  /** Stores one chunk, or what of it nobody else has stored meanwhile. */
  async function storeChunk(rows: readonly Looked[], to: number, last: boolean): Promise<void> {
    for (;;) {
      const left = rows.filter(({ line }) => line > state.line);
      const rejected = left.flatMap((row) => ("rejected" in row ? [row.rejected] : []));
      const given = left.flatMap((row) => ("contact" in row && row.contact !== null ? [row.contact] : []));
      const contacts = onceEach(given, merging);
      const counts = { from: state.line, to: Math.max(to, state.line), repeated: given.length - contacts.length };
      const loaded = await store.contactImports.load({
        ...{ tenant, import: id, ...counts, contacts, rejected, merging, consent, last },
        ...storeNow(runtime),
      });
      state = loaded.import;
      if (loaded.stored) {
        read += left.length;
        tell(rejected);
        return;
      }
      if (state.endedAt !== null) return;
    }
  }
  function tell(rejected: readonly RejectedRow[]): void {
    const seconds = Math.max(runtime.monotonic() - began, 1) / 1_000;
    const progress = { ...state, perSecond: Math.round(read / seconds) };
    for (const row of rejected) input.onRejected?.(row);
    input.onProgress?.(progress);
    emit("importing", progress);
  }

  let rows: Looked[] = [];
  let inFlight: Promise<void> = Promise.resolve();
  const looked = input.csv === undefined ? lookedAtRows(input, look) : lookedAtText(input, look);
  try {
    for await (const some of looked) {
      for (const row of some) {
        if (row.line <= state.line) continue;
        rows.push(row);
        if (rows.length < size) continue;
        const [full, to] = [rows, row.line];
        rows = [];
        await inFlight;
        // a synchronous store answers without a turn of the event loop; others in the process have a right to one
        await nextTurn();
        if (stopped() || state.endedAt !== null) return state;
        inFlight = storeChunk(full, to, false);
        // it is awaited before the next one is stored, and at the end
        inFlight.catch(() => {});
      }
    }
    await inFlight;
    if (!stopped() && state.endedAt === null) await storeChunk(rows, rows.at(-1)?.line ?? state.line, true);
    return state;
  } finally {
    // after a source that failed too, nothing goes on behind the caller's back
    await inFlight.catch(() => {});
  }
}

/** Contacts ordered by id, each once: what its later rows say stands, as if they were stored one after the other. */
function onceEach(given: readonly GivenContact[], merging: Merging): readonly GivenContact[] {
  const byId = new Map<string, GivenContact>();
  for (const contact of given) {
    const before = byId.get(contact.id);
    byId.set(contact.id, before === undefined ? contact : mergedGiven(before, contact, merging));
  }
  return [...byId.values()].sort((a, b) => compareKeys(a.id, b.id));
}

type Look = Pick<z.output<typeof importSchema>, "tags" | "delimiter"> & ContactDefaults;

async function* lookedAtRows<Row>(input: Importing<Row>, defaults: Look): AsyncGenerator<readonly Looked[]> {
  let line = 0;
  for await (const row of input.rows!) {
    line++;
    yield [lookAt(line, () => (input.toContact === undefined ? row : input.toContact(row)), defaults)];
  }
}

async function* lookedAtText<Row>(input: Importing<Row>, defaults: Look): AsyncGenerator<readonly Looked[]> {
  let header: readonly string[] | undefined;
  for await (const rows of csvRows(input.csv!, defaults.delimiter)) {
    const looked: Looked[] = [];
    for (const row of rows) {
      const { line, cells } = row;
      if (cells === null) {
        looked.push({ line, rejected: { line, field: "", code: "unreadable", expected: row.expected, shape: "" } });
      } else if (header === undefined) {
        header = cells.map((cell) => cell.trim());
      } else {
        const named = Object.fromEntries(header.map((name, i) => [name, cells[i]!]));
        const { toContact } = input;
        looked.push(lookAt(line, () => (toContact ? toContact(named as Row) : contactOfText(named)), defaults));
      }
    }
    yield looked;
  }
}

function lookAt(line: number, make: () => unknown, defaults: Look): Looked {
  let made: unknown;
  try {
    made = make();
    if (made === null) return { line, contact: null };
    const contact = parseContact(made, defaults, "");
    if (defaults.tags.length === 0) return { line, contact };
    return { line, contact: { ...contact, tags: tagSet([...(contact.tags ?? []), ...defaults.tags]) } };
  } catch (error) {
    // what toContact() throws is about its row too
    const { path = "", expected = "a row that toContact() takes" } = MilepostError.is(error) ? error : {};
    const [member = ""] = path.split(/[.[]/);
    const value = path === "" ? undefined : (made as Readonly<Record<string, unknown>> | undefined)?.[member];
    return {
      line,
      rejected: { line, field: path, code: codeOf(expected, member, value), expected, shape: valueShape(value) },
    };
  }
}

function codeOf(expected: string, member: string, value: unknown): RejectionCode {
  if (expected === ofThePattern) return "pattern";
  const blank = value === undefined || value === null || (typeof value === "string" && value.trim() === "");
  return member === "address" && blank ? "missing" : "invalid";
}

const members: ReadonlySet<string> = new Set([
  ...["id", "address", "channel", "name", "firstName", "lastName", "locale", "zone", "source", "tags"],
]);

/** A row of text by the names of its columns; an empty cell says nothing. */
function contactOfText(row: Readonly<Record<string, string>>): object {
  const contact: Record<string, unknown> = { address: "" };
  const fields: Record<string, string> = {};
  for (const [name, cell] of Object.entries(row)) {
    if (cell === "") continue;
    if (name === "tags") contact.tags = cell.split(";").flatMap((tag) => tag.trim() || []);
    else if (members.has(name)) contact[name] = cell;
    else if (name !== "") fields[name] = cell;
  }
  return { ...contact, ...(Object.keys(fields).length > 0 && { fields }) };
}
