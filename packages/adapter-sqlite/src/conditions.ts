import type { SqlValue } from "./driver.js";

/** A condition with its values, left out where the first of them is undefined: a filter that was not given. */
export type Condition = readonly [sql: string, ...values: (SqlValue | undefined)[]];

export function allOf(conditions: readonly Condition[]): {
  readonly where: string;
  readonly values: SqlValue[];
} {
  const given = conditions.filter(([, first]) => first !== undefined);
  return {
    where: given.map(([sql]) => sql).join(" AND "),
    values: given.flatMap(([, ...values]) => values as SqlValue[]),
  };
}

/** A list as one parameter, for `IN (SELECT value FROM json_each(?))`: the SQL text, and so its plan, stays one. */
export function list(values: readonly (string | number)[]): string;
export function list(values: readonly (string | number)[] | undefined): string | undefined;
export function list(values: readonly (string | number)[] | undefined): string | undefined {
  return values === undefined ? undefined : JSON.stringify(values);
}

export function later(now: Date, milliseconds: number): Date {
  return new Date(now.getTime() + milliseconds);
}
