import type { SqlRow, SqlValue } from "./driver.js";

/** How a member is kept: as it is, as ISO text, as 0 or 1, as JSON text. null is NULL in each. */
export type ColumnKind = "plain" | "time" | "flag" | "json";

/** Between a row type of the contract and a table; a member `notBefore` is the column `not_before`. */
export interface RowCodec<T> {
  /** Comma-separated columns, and as many question marks. */
  readonly columns: string;
  readonly marks: string;
  values(record: T): SqlValue[];
  decode(row: SqlRow): T;
  /** A patch as `SET` text and its values. */
  assignments(patch: Partial<T>): { readonly set: string; readonly values: SqlValue[] };
}

export function rowCodec<T extends object>(kinds: { readonly [K in keyof T]-?: ColumnKind }): RowCodec<T> {
  const members = (Object.keys(kinds) as (keyof T & string)[]).map((key) => ({
    key,
    column: columnOf(key),
    kind: kinds[key],
  }));
  return {
    columns: members.map(({ column }) => column).join(", "),
    marks: members.map(() => "?").join(", "),
    values: (record) => members.map(({ key, kind }) => encode(kind, record[key])),
    decode(row) {
      const record: Partial<Record<keyof T, unknown>> = {};
      for (const { key, column, kind } of members) record[key] = decode(kind, row[column] ?? null);
      return record as T;
    },
    assignments(patch) {
      const keys = Object.keys(patch) as (keyof T & string)[];
      return {
        set: keys.map((key) => `${columnOf(key)} = ?`).join(", "),
        values: keys.map((key) => encode(kinds[key], patch[key])),
      };
    },
  };
}

function columnOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function encode(kind: ColumnKind, value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (kind === "time") return (value as Date).toISOString();
  if (kind === "flag") return value ? 1 : 0;
  return kind === "json" ? JSON.stringify(value) : (value as SqlValue);
}

function decode(kind: ColumnKind, value: SqlValue): unknown {
  if (value === null) return null;
  if (kind === "time") return new Date(value);
  if (kind === "flag") return value !== 0;
  return kind === "json" ? JSON.parse(String(value)) : value;
}
