import { redact } from "./redact.js";

/**
 * The closed list of codes a {@link MilepostError} can carry. Each has a heading in `docs/errors.md`;
 * codes are never renamed or reused.
 */
export const errorCodes = [
  // what came from outside was refused; nothing was stored
  "invalid_options",
  "invalid_event",
  "invalid_delivery_event",
  "invalid_milestone",
  "invalid_campaign",
  "invalid_template",
  "invalid_subject",
  "invalid_recipient",
  "invalid_contact",
  "invalid_filter",
  "invalid_data",
  "unsorted_rows",
  "unknown_metric",
  "event_too_late",
  "event_too_early",
  "policy_failed",
  "counter_overflow",
  "missing_tag",
  "render_failed",
  "effect_failed",
  "webhook_refused",
  "webhook_repeated",
  // the engine's own state forbids the call
  "stale_definitions",
  "behind",
  "events_not_retained",
  "no_transaction",
  "unsupported",
  "queue_full",
  "closed",
  "act_refused",
  "not_found",
  "secret_unreadable",
  // the store
  "schema_missing",
  "schema_changed",
  "schema_newer",
  "unsafe_durability",
  "unsafe_search_path",
  "store_busy",
  "store_unavailable",
  "store_failed",
  // a test fake's expectation was not met
  "expectation_failed",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface MilepostErrorDetails {
  /** The field that was refused, as in `members[2].email`; absent where no single field is at fault. */
  readonly path?: string;
  /** What would have been accepted. */
  readonly expected?: string;
  readonly cause?: unknown;
}

// Symbol.for, so that an error thrown by the ESM copy is recognised by the CJS copy in the same process.
const brand: unique symbol = Symbol.for("milepost.error") as never;

/** The only error class that Milepost throws. Tell errors apart by `code`, never by message. */
export class MilepostError extends Error {
  override readonly name = "MilepostError";
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly expected: string | undefined;

  constructor(code: ErrorCode, message: string, details: MilepostErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.expected = details.expected;
    Object.defineProperty(this, brand, { value: true });
  }

  /** True for an error of any copy of this library, whatever module format it was loaded from. */
  static is(error: unknown): error is MilepostError {
    try {
      return typeof error === "object" && error !== null && brand in error;
    } catch {
      return false; // a proxy whose trap throws
    }
  }
}

/** What others say, as it is stored and told: one line, well-formed, at most 500 characters. */
export function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .slice(0, 500)
    .toWellFormed();
}

/** What an error says of itself, as it says it. Never throws, whatever it is given. */
export function errorText(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message || error.name : error);
  } catch {
    return "something that cannot be described was thrown";
  }
}

/** {@link errorText} as it is stored and told: {@link oneLine}, without addresses and credentials. */
export function describeError(error: unknown): string {
  return oneLine(redact(errorText(error)));
}
