import {
  counterOverflow,
  type ErrorCode,
  MilepostError,
  noTransaction,
  redact,
  scrubbedError,
} from "@milepost/core/store";

// Everything the driver throws becomes one MilepostError here. `detail`, `where` and `internalQuery` of a server error hold
// row data, and a query builder's error the parameters: none of them stays, on `cause` neither.

/** What is read of a thrown value; a server error has `severity`, an error of the network or the pool has not. */
interface DriverError {
  readonly code?: unknown;
  readonly severity?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** SQLSTATEs (or their two-character class) after which nothing was stored and another try may succeed. */
const busy = new Set(["40001", "40P01", "55P03", "57014"]);
const unavailable = new Set(["08", "53", "57P01", "57P02", "57P03", "57P04", "57P05", "25006", "58"]);
const missing = new Set(["42P01", "3F000"]);

/** Thrown by the pool and the protocol client without any code. */
const connectionLost = /connection|connect|terminated|not queryable|pool after calling end|timeout/i;

function facts(error: unknown): { state: string | undefined; driver: DriverError } {
  const thrown: DriverError = typeof error === "object" && error !== null ? error : {};
  // a host's query builder may hand its own error over, with the server's as its cause (Drizzle does)
  const cause = thrown.severity === undefined ? (thrown.cause as DriverError | null | undefined) : undefined;
  const driver = typeof cause?.severity === "string" ? cause : thrown;
  // EPIPE has five capital letters as well: only a server error has a severity.
  const state = typeof driver.severity === "string" && typeof driver.code === "string" ? driver.code : undefined;
  return { state, driver };
}

/**
 * Milliseconds until a step may simply run again, because all of it was rolled back: after a deadlock or a failed
 * serialization soon, after the time-out of a lock that the step itself set later, so that those who waited behind it get
 * on. Undefined: it may not. The `lock_timeout` of a host's pool is such a "not": ten tries would make 13 s of its 300 ms.
 */
export function pauseAfter(error: unknown, attempt: number, ownLockTimeout: boolean): number | undefined {
  const { state } = facts(error);
  if (state === "55P03") return ownLockTimeout ? 500 + Math.random() * 1_000 : undefined;
  return state === "40P01" || state === "40001" ? Math.random() * 4 * 2 ** Math.min(attempt, 6) : undefined;
}

/** Whether the connection may still be used after this error; when in doubt it is not. */
export function leavesConnectionUsable(error: unknown): boolean {
  if (MilepostError.is(error)) return true;
  const { state, driver } = facts(error);
  return state !== undefined && driver.severity === "ERROR";
}

/** What of a server error names no value: the C identifiers and positions are where Postgres' own code refused. */
const serverFields = [
  ...["code", "severity", "schema", "table", "column", "dataType", "constraint"],
  ...["position", "internalPosition", "file", "line", "routine"],
];
const networkFields = ["code", "errno", "syscall", "address", "port", "hostname"];

/** The driver's error as it is kept: what went wrong and where, without a value of a row or a password of a url. */
function withoutValues(error: unknown): Error {
  const { state, driver } = facts(error);
  if (state === undefined) {
    const { cause } = driver;
    const inner = cause instanceof Error ? cause : driver;
    // JSON.parse quotes what it could not read
    const text = inner instanceof SyntaxError ? "a text that cannot be parsed" : textOf(inner) || textOfEach(inner);
    return scrubbedError(inner, redact(text), networkFields);
  }
  // data exceptions quote the value, which may hold quotes itself; others quote names
  const message = state.startsWith("22") ? textOf(driver).replace(/".*"?/s, '"…"') : textOf(driver);
  return scrubbedError(driver, redact(message), serverFields);
}

/** A connection that was tried at several addresses has no words but those of each try. */
function textOfEach({ errors }: DriverError): string {
  return Array.isArray(errors) ? errors.map((each: DriverError) => textOf(each)).join("; ") : "";
}

function textOf({ message }: DriverError): string {
  return typeof message === "string" ? message : "";
}

export function translateError(error: unknown, constraintName: string): MilepostError {
  if (MilepostError.is(error)) return error;
  const { state, driver } = facts(error);
  const cause = withoutValues(error);
  const failure = (code: ErrorCode, message: string) => new MilepostError(code, message, { cause });

  if (state === undefined) {
    const code = typeof driver.code === "string" ? driver.code : "";
    const text = typeof driver.message === "string" ? driver.message : "";
    if (/^E[A-Z_]+$/.test(code) || connectionLost.test(text)) {
      return failure("store_unavailable", `Postgres could not be reached${code && ` (${code})`}. Try again later.`);
    }
    return failure("store_failed", "The Postgres driver failed; see `cause`.");
  }
  if (missing.has(state)) {
    return failure("schema_missing", `Milepost's tables are missing (${state}): run migrate(), or the text of ddl().`);
  }
  // 22003: the batch's own sum left bigint before the constraint could look at it.
  if ((state === "23514" && driver.constraint === constraintName) || state === "22003") return counterOverflow(cause);
  // Of all statements only the inbox's asks for a transaction that somebody else began.
  if (state === "25P01") return noTransaction("record between BEGIN and COMMIT of this client");
  if (state === "25P02") return noTransaction("roll it back and begin another", "This client's transaction has failed");
  if (busy.has(state)) {
    return failure("store_busy", `Postgres gave up waiting for other transactions (${state}). Try again.`);
  }
  if (unavailable.has(state) || unavailable.has(state.slice(0, 2))) {
    return failure("store_unavailable", `Postgres is not available (${state}). Try again later.`);
  }
  return failure("store_failed", `Postgres refused a statement (${state}); see \`cause\`.`);
}

/**
 * What an error means in a transaction of the host's, where that is something else than in one of ours. One that was begun
 * READ ONLY is healed by no time, unlike a server that is read-only; and tables that are missing there, of a store that
 * has them, are missing because the client is another database's.
 */
export function inHostTransaction(error: unknown): MilepostError | undefined {
  const { state = "" } = facts(error);
  if (state === "25006")
    return noTransaction("begin one that may, on a server that may", "This transaction cannot write");
  if (!missing.has(state)) return undefined;
  const expected = "a client on the store's database";
  return new MilepostError(
    "schema_missing",
    `tx: the database of this client has none of Milepost's tables (${state}). Take ${expected}; ` +
      "if it is, run migrate(), or the text of ddl(). Nothing was recorded.",
    { path: "tx", expected, cause: withoutValues(error) },
  );
}
