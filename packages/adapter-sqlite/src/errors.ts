import { counterOverflow, MilepostError, redact, scrubbedError } from "@milepost/core/store";

// The one place where better-sqlite3's errors become ours. Only SQLite's code goes into a message: a driver's own text,
// and more so that of a failed JSON.parse, may quote a row. `cause` is a copy without such values.

/** Somebody else is at it; the step left no trace and may be run again. */
export function isBusy(error: unknown): boolean {
  return isLocked(error) || isIterating(error);
}

/** Another connection has the lock, of this database or of one that the host has attached. */
export function isLocked(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));
}

/** better-sqlite3 refuses to write, without asking SQLite, while the host is in the middle of an `iterate()`. */
function isIterating(error: unknown): boolean {
  return /connection is busy/.test(messageOf(error));
}

/** What another try may mend, and no other statement: the disk, the memory. */
export function isExhausted(error: unknown): boolean {
  return /^SQLITE_(FULL|IOERR|CANTOPEN|PROTOCOL|NOMEM)/.test(codeOf(error));
}

/** Of one file only, which need not be ours: a statement of the host may have met a read-only database that it attached. */
function isReadOnly(error: unknown): boolean {
  return codeOf(error).startsWith("SQLITE_READONLY");
}

/** What a foreign key that is `DEFERRABLE INITIALLY DEFERRED` throws at the commit. Our own tables have none. */
export function isForeignKey(error: unknown): boolean {
  return codeOf(error) === "SQLITE_CONSTRAINT_FOREIGNKEY";
}

/** SQLite's own words that name tables, columns and pieces of a statement; all others may quote a value. */
const namesOnly =
  /^(?:(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY|PRIMARY KEY|datatype) |near "|no such |cannot |database |table )/;

/** The driver's error as it is kept: code and message, without a value of a row. What others threw is theirs, and stays. */
export function withoutValues(error: unknown): unknown {
  if (error instanceof SyntaxError) return scrubbedError(error, "a text that cannot be parsed", []);
  if (codeOf(error) === "") return error;
  const message = messageOf(error);
  // fts and json quote in quotes and brackets
  const quoteless = namesOnly.test(message) ? message : message.replace(/["'[].*/s, "…");
  return scrubbedError(error, redact(quoteless), ["code"]);
}

export function translateError(error: unknown): MilepostError {
  if (MilepostError.is(error)) return error;
  const code = codeOf(error);
  const message = messageOf(error);
  if (isBusy(error)) return busyError("another connection is writing", error);
  if (isExhausted(error) || isReadOnly(error)) {
    return new MilepostError(
      "store_unavailable",
      `SQLite could not read or write the database file (${code}). Check the disk's free space, the file's folder ` +
        "and its permissions.",
      { cause: withoutValues(error) },
    );
  }
  if (code === "SQLITE_ERROR" && /no such (table|column)|has no column/.test(message)) {
    return new MilepostError(
      "schema_missing",
      "Milepost's tables are missing or older than this code: run migrate().",
      {
        cause: withoutValues(error),
      },
    );
  }
  if (code === "SQLITE_CONSTRAINT_CHECK" && message.endsWith("counters_value_safe"))
    return counterOverflow(withoutValues(error));
  const name = code || (error instanceof Error ? error.name : typeof error);
  return new MilepostError("store_failed", `The SQLite store failed (${name}); nothing was stored.`, {
    cause: withoutValues(error),
  });
}

export function busyError(why: string, cause?: unknown): MilepostError {
  return new MilepostError(
    "store_busy",
    `The database stayed busy for longer than busyTimeout: ${why}. Nothing was stored; try again, or keep transactions shorter.`,
    { cause: withoutValues(cause) },
  );
}

/** Not waited for: waiting would keep the host's own transaction open, and its snapshot may be too old to ever write. */
export function busyInHostTransaction(cause: unknown): MilepostError {
  const message = isIterating(cause)
    ? "This handle, or the store's, is in the middle of an iterate(), during which better-sqlite3 lets nobody else use it. Nothing was " +
      "recorded, and the transaction may go on: record after the iteration has ended, or read its rows with all()."
    : "The host's transaction cannot write: another connection is writing or has written. Nothing was recorded; roll " +
      "back and run the transaction again, begun with BEGIN IMMEDIATE.";
  return new MilepostError("store_busy", message, { cause: withoutValues(cause) });
}

export function handleClosed(): MilepostError {
  return new MilepostError(
    "store_unavailable",
    "The better-sqlite3 handle was closed by its owner. Close the engine before the handle.",
  );
}

/** The handle that the host gives its transaction by; unlike the store's, it may be opened again for the next one. */
export function hostHandleClosed(): MilepostError {
  return new MilepostError(
    "store_unavailable",
    "tx: this better-sqlite3 handle is closed. Nothing was stored; record on one that is open, inside its transaction.",
    { path: "tx", expected: "an open handle" },
  );
}

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && code.startsWith("SQLITE_") ? code : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}
