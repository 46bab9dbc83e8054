import type { CrossingRepository, ReasonCount } from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { time } from "./values.js";

/** Counts what ended unsent by its reason: the same for crossings and for what is said of them later. */
export function reasonsStep(database: Database, table: "crossings" | "notices"): CrossingRepository["reasons"] {
  return async ({ tenant, milestone, since, until }) => {
    const values: Value[] = [tenant];
    const where = ["tenant = $1", "reason IS NOT NULL"];
    const value = (given: Value) => `$${values.push(given)}`;
    if (milestone !== undefined) where.push(`milestone = ${value(milestone)}`);
    if (since !== undefined) where.push(`created_at >= ${value(time(since))}::timestamptz`);
    if (until !== undefined) where.push(`created_at < ${value(time(until))}::timestamptz`);
    const statement = database.statement(
      `${table}_reasons`,
      `SELECT reason, count(*) AS count FROM {${table}} WHERE ${where.join(" AND ")}
       GROUP BY reason ORDER BY reason COLLATE "C"`,
    );
    return database.run<ReasonCount>(statement, values);
  };
}
