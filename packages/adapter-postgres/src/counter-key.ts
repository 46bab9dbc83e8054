import type { CounterKey } from "@milepost/core/store";
import type { Value } from "./driver.js";
import { textArray } from "./values.js";

/** That two rows are of one counter. */
export function sameCounter(a: string, b: string): string {
  return ["tenant", "metric", "subject", "period"].map((column) => `${a}.${column} = ${b}.${column}`).join(" AND ");
}

/**
 * The order in which every statement locks counters. The subject comes first because it differs: the sort then compares
 * one short key instead of walking over tenant and metric, which a batch mostly shares.
 */
export function counterLockOrder(alias: string): string {
  return ["subject", "tenant", "metric", "period"].map((column) => `${alias}.${column} COLLATE "C"`).join(", ");
}

/** Keys as four parallel arrays. */
export function keyArrays(keys: readonly CounterKey[]): Value[] {
  return [
    textArray(keys.map((key) => key.tenant)),
    textArray(keys.map((key) => key.metric)),
    textArray(keys.map((key) => key.subject)),
    textArray(keys.map((key) => key.period)),
  ];
}
