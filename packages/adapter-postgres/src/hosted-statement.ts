import type { SqlStatement, SqlValue } from "@milepost/core/store";
import type { HostedStatement, Value } from "./driver.js";
import { time } from "./values.js";

/**
 * A statement of the host as Postgres takes it: its values as `$1`, `$2` …, whose types follow from where they stand;
 * numbered after those of a text that it becomes part of.
 */
export function hostedStatement({ texts, values }: SqlStatement, before = 0): HostedStatement {
  const text = texts.reduce((start, after, i) => {
    // `LIMIT${5}` is not the name "limit$1", and `${1}0` is not `$10`
    const [space, gap] = [/[\w$\u0080-\uffff]$/.test(start) ? " " : "", /^\w/.test(after) ? " " : ""];
    return `${start}${space}$${before + i}${gap}${after}`;
  });
  return { text, values: values.map(parameterOf) };
}

function parameterOf(value: SqlValue): Value {
  if (value instanceof Date) return time(value);
  return typeof value === "bigint" ? value.toString() : value;
}
