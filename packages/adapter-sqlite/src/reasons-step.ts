import type { CrossingRepository, ReasonCount } from "@milepost/core/store";
import { allOf } from "./conditions.js";
import type { Driver } from "./driver.js";

/** Counts what ended unsent by its reason: the same for crossings and for what is said of them later. */
export function reasonsStep(driver: Driver, table: "crossings" | "notices"): CrossingRepository["reasons"] {
  return ({ tenant, milestone, since, until }) => {
    const { where, values } = allOf([
      ["tenant = ?", tenant],
      ["milestone = ?", milestone],
      ["created_at >= ?", since?.toISOString()],
      ["created_at < ?", until?.toISOString()],
    ]);
    const sql = `SELECT reason, count(*) AS count FROM {${table}} WHERE ${where} AND reason IS NOT NULL
      GROUP BY reason ORDER BY reason`;
    return driver.read((step) => step.all(sql, ...values) as unknown as ReasonCount[]);
  };
}
