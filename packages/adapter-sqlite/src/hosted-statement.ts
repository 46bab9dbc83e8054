import type { SqlStatement, SqlValue } from "@milepost/core/store";
import type { HostedValue } from "./driver.js";

/** A statement of the host as SQLite takes it. */
export interface HostedStatement {
  readonly sql: string;
  readonly values: readonly HostedValue[];
}

/** `?` for each value, with a space after it: in `LIMIT ${n}0` it would else become the parameter with number 0. */
export function hostedStatement({ texts, values }: SqlStatement): HostedStatement {
  return { sql: texts.join("? "), values: values.map(hostedValue) };
}

/**
 * SQLite has neither booleans nor times: 0 and 1, and ISO text as in our own tables. better-sqlite3 hands every number
 * over as a REAL, so that a column without a type, or a text, would get `1000.0`: integers go as a bigint.
 */
function hostedValue(value: SqlValue): HostedValue {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}
