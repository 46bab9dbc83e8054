import { type InboxRepository, type InboxRow, MilepostError, refuseOtherDriver } from "@milepost/core/store";
import type { Database, PostgresTransaction, Run, Value } from "./driver.js";
import { plainArray, textArray, time } from "./values.js";

const client = "a pg.PoolClient with an open transaction";

/**
 * One message of the simple query protocol, so one round trip, and whole or not at all. SAVEPOINT is what Postgres refuses
 * (25P01) outside a transaction block, at the head of such a message too. Comparing statement_timestamp() with
 * transaction_timestamp() is no test: the messages of the extended protocol have a time each, so in 10,000 of 10,000
 * tries they differed without a transaction. Nothing is between savepoint and release, so it costs no transaction id.
 * One event takes 0.13 ms; asking first and then a prepared insert 0.07 on the same machine, but a second round trip.
 *
 * Only this table is touched. To read {definitions} here would make every install wait for the host's transaction.
 */
const enqueueText = `SAVEPOINT milepost; RELEASE SAVEPOINT milepost;
INSERT INTO {inbox} (tenant, metric, id, subject, amount, observed, occurred_at)
SELECT tenant, metric, id, subject, amount, observed, "occurredAt" FROM jsonb_to_recordset(convert_from(decode('`;
const enqueueEnd = `', 'base64'), 'UTF8')::jsonb)
  AS e (tenant text, metric text, id text, subject text, amount bigint, observed boolean,
    "occurredAt" timestamptz)`;

export function inboxRepository(database: Database): InboxRepository<PostgresTransaction, Promise<void>> {
  const enqueueHead = database.fill(enqueueText);

  const refuse = database.statement(
    "inbox_refuse",
    `UPDATE {inbox} SET refusal = jsonb_build_object('code', $2::text, 'message', $3::text)
     WHERE number = $1 AND refusal IS NULL`,
  );

  const decide = (act: "retry" | "discard", change: string) => `WITH refused AS MATERIALIZED (
       SELECT number FROM {inbox}
       WHERE tenant = $1 AND refusal IS NOT NULL AND ($2::bigint[] IS NULL OR number = ANY ($2))
       ORDER BY number FOR UPDATE
     ), decided AS (
       ${change} WHERE number = ANY (ARRAY(SELECT number FROM refused)) RETURNING number
     ), act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
       SELECT $1, 'inbox', number::text, '${act}', $3, $4,
         date_trunc('milliseconds', coalesce($5::timestamptz, clock_timestamp()))
       FROM decided ORDER BY number
     )
     SELECT count(*) AS count FROM decided`;
  const decisions = {
    retry: database.statement("inbox_retry", decide("retry", "UPDATE {inbox} SET refusal = NULL")),
    discard: database.statement("inbox_discard", decide("discard", "DELETE FROM {inbox}")),
  };

  return {
    async enqueue(tx, events) {
      refuseNoTransaction(tx);
      const rows = events.map(({ tenant, metric, id, subject, amount, observed, occurredAt }) => {
        return { tenant, metric, id, subject, amount, observed, occurredAt: time(occurredAt) };
      });
      // Values would need the extended protocol, which takes one statement at a time. Base64 has no character that ends
      // or escapes a literal, whatever the session's standard_conforming_strings.
      const payload = Buffer.from(JSON.stringify(rows)).toString("base64");
      await database.within(tx, `${enqueueHead}${payload}${enqueueEnd}`);
    },

    async list({ refused, tenant, metrics, after = 0, limit }) {
      // Written per shape, so that each has a plan by its index: the refused by their own, the others by the number.
      const values: Value[] = [after, limit];
      const where = [`refusal IS ${refused ? "NOT " : ""}NULL`, "number > $1"];
      if (tenant !== undefined) where.push(`tenant = $${values.push(tenant)}`);
      if (metrics !== undefined) where.push(`metric = ANY ($${values.push(textArray(metrics))}::text[])`);
      const statement = database.statement(
        "inbox_list",
        `SELECT number, tenant, metric, id, subject, amount, observed, occurred_at AS "occurredAt", refusal
         FROM {inbox}
         WHERE ${where.join(" AND ")} ORDER BY number LIMIT $2`,
      );
      return database.run<InboxRow>(statement, values);
    },

    async refuse({ number, code, message }) {
      await database.run(refuse, [number, code, message]);
    },

    async decide({ tenant, act, numbers, by, why, now }) {
      const values = [tenant, numbers === undefined ? null : plainArray(numbers), by, why, time(now)];
      const [row] = await database.run<{ count: number }>(decisions[act], values);
      return row!.count;
    },
  };
}

/**
 * The end of `counters.add` for what was drained. Two drainers may hold the same rows: both lock them by number, so the
 * second waits for the first and finds them gone, and neither waits for the other. By an array, because a join with the
 * locked rows is planned as one with the whole table.
 */
export function forgetDrained(database: Database): (run: Run, numbers: readonly number[]) => Promise<void> {
  const statement = database.statement(
    "inbox_drained",
    `DELETE FROM {inbox} WHERE number = ANY (ARRAY(
       SELECT number FROM {inbox} WHERE number = ANY ($1::bigint[]) ORDER BY number FOR UPDATE
     ))`,
  );
  return async (run, numbers) => {
    await run(statement, [plainArray(numbers)]);
  };
}

/** A pool has query() too, but each call of it may take another connection. */
function refuseNoTransaction(tx: PostgresTransaction): void {
  refuseOtherDriver(tx, ["query"], "tx", client);
  if (!("connect" in tx && "totalCount" in tx)) return;
  const expected = `${client}, not the pool`;
  throw new MilepostError("invalid_options", `tx: ${expected}`, { path: "tx", expected });
}
