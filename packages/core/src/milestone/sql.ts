import { MilepostError } from "../errors.js";

/** What may stand in a statement. A boolean and a time are rendered as each database has them. */
export type SqlValue = string | number | bigint | boolean | Date | null;

/** SQL as data: a statement with its values apart, which a store renders for its database. Made by {@link sql} alone. */
export interface SqlStatement {
  readonly kind: "sql";
  /** The texts around the values; one more than there are values. */
  readonly texts: readonly string[];
  readonly values: readonly SqlValue[];
}

// What JSON from outside cannot have: an object that only looks like a statement is a value, and refused as one.
const brand = Symbol.for("milepost.sql");

/**
 * One statement of the host, as data:
 *
 * ```ts
 * sql`UPDATE shops SET online = ${false} WHERE id = ${crossing.subject}`
 * ```
 *
 * Values become parameters, so they need no quotes and cannot become SQL; another `sql` text inside becomes part of the
 * statement. Throws `invalid_data` for a value that no database column holds, and for a statement that would begin or end
 * a transaction: it runs inside the one that stores the crossing.
 */
export function sql(texts: TemplateStringsArray, ...values: readonly (SqlValue | SqlStatement)[]): SqlStatement {
  const statement: { kind: "sql"; texts: string[]; values: SqlValue[] } = {
    kind: "sql",
    texts: [texts[0]!],
    values: [],
  };
  Object.defineProperty(statement, brand, { value: true });
  const append = (text: string) => statement.texts.push(`${statement.texts.pop()}${text}`);
  values.forEach((value, i) => {
    if (isSqlStatement(value)) {
      value.texts.forEach((text, place) => {
        if (place === 0) append(text);
        else statement.texts.push(text);
      });
      statement.values.push(...value.values);
      append(texts[i + 1]!);
    } else {
      statement.values.push(checked(value, i));
      statement.texts.push(texts[i + 1]!);
    }
  });
  refuseTransactionControl(statement.texts[0]!);
  return statement;
}

export function isSqlStatement(value: unknown): value is SqlStatement {
  return typeof value === "object" && value !== null && (value as { [brand]?: unknown })[brand] === true;
}

function checked(value: SqlValue, place: number): SqlValue {
  const plain = value === null || ["string", "boolean", "bigint"].includes(typeof value);
  if (plain || (typeof value === "number" && Number.isFinite(value))) return value;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
  const expected = "a text, a finite number, a bigint, a boolean, a valid Date or null";
  throw new MilepostError("invalid_data", `sql: value ${place + 1} must be ${expected}`, {
    path: `sql[${place}]`,
    expected,
  });
}

const leading = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/;
const control = /^(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b/i;

function refuseTransactionControl(text: string): void {
  if (!control.test(text.replace(leading, ""))) return;
  const expected = "a statement that neither begins nor ends a transaction";
  throw new MilepostError("invalid_data", `sql: ${expected}; it runs in the one that stores the crossing`, {
    path: "sql",
    expected,
  });
}
