import type { CounterRepository, CounterState } from "@milepost/core/store";
import { addStep } from "./counter-add.js";
import { dueStep } from "./counter-due.js";
import { idleStep } from "./counter-idle.js";
import { keyArrays, sameCounter } from "./counter-key.js";
import { readStep } from "./counter-read.js";
import { wakeStep } from "./counter-wake.js";
import type { Database, Value } from "./driver.js";

const columns = "c.tenant, c.metric, c.subject, c.period, c.value, c.rev, c.due";

export function counterRepository(database: Database): CounterRepository {
  const get = database.statement(
    "counters_get",
    `SELECT DISTINCT ${columns}
     FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]))
       AS k (tenant, metric, subject, period)
     JOIN {counters} c ON ${sameCounter("c", "k")}`,
  );

  return {
    add: addStep(database),

    async get({ keys }) {
      if (keys.length === 0) return [];
      return database.run<CounterState>(get, keyArrays(keys));
    },

    read: readStep(database),
    due: dueStep(database),
    wake: wakeStep(database),
    idle: idleStep(database),

    async list({ tenant, metric, subject, after, limit }) {
      // Written per shape: "metric = $2 OR $2 IS NULL" would keep the generic plan from using the key's order.
      const values: Value[] = [tenant, limit];
      const where = ["c.tenant = $1"];
      const value = (given: string) => `$${values.push(given)}`;
      if (metric !== undefined) where.push(`c.metric = ${value(metric)}`);
      if (subject !== undefined) where.push(`c.subject = ${value(subject)}`);
      if (after !== undefined) {
        const row = [after.metric, after.subject, after.period].map(value);
        where.push(`(c.metric, c.subject, c.period) > (${row.join(", ")})`);
      }
      const statement = database.statement(
        "counters_list",
        `SELECT ${columns} FROM {counters} c WHERE ${where.join(" AND ")}
         ORDER BY c.metric, c.subject, c.period LIMIT $2`,
      );
      return database.run<CounterState>(statement, values);
    },
  };
}
