import type { InboxEvent, InboxRepository, InboxRow } from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { allOf, list } from "./conditions.js";
import type { Driver, SqliteDatabase, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<InboxRow> = rowCodec<InboxRow>({
  number: "plain",
  tenant: "plain",
  metric: "plain",
  id: "plain",
  subject: "plain",
  amount: "plain",
  observed: "flag",
  occurredAt: "time",
  refusal: "json",
});

/** One statement for all of a call, which SQLite itself makes whole or not at all: a savepoint would be three more. */
const append = `INSERT INTO {inbox} (tenant, metric, id, subject, amount, observed, occurred_at)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?) ORDER BY key`;

export function inboxRepository(driver: Driver): InboxRepository<SqliteDatabase, void> {
  return {
    // Synchronous, unlike Postgres: better-sqlite3 allows no promise inside db.transaction(). And the host's transaction
    // takes the database's only write lock with it, where Postgres' inbox has none that anybody could wait for.
    enqueue(tx, events) {
      driver.within(tx, (step) => void step.run(append, JSON.stringify(events.map(valuesOf))));
    },

    list({ refused, tenant, metrics, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["number > ?", after ?? 0],
        ["metric IN (SELECT value FROM json_each(?))", list(metrics)],
      ]);
      const which = refused ? "refusal IS NOT NULL" : "refusal IS NULL";
      const sql = `SELECT * FROM {inbox} WHERE ${which} AND ${where} ORDER BY number LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(codec.decode));
    },

    refuse({ number, code, message }) {
      const sql = "UPDATE {inbox} SET refusal = ? WHERE number = ? AND refusal IS NULL";
      return driver.write((step) => void step.run(sql, JSON.stringify({ code, message }), number));
    },

    decide({ tenant, act, numbers, by, why, now }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["number IN (SELECT value FROM json_each(?))", list(numbers)],
      ]);
      const change = act === "retry" ? "UPDATE {inbox} SET refusal = NULL" : "DELETE FROM {inbox}";
      const sql = `${change} WHERE refusal IS NOT NULL AND ${where} RETURNING number`;
      return driver.write((step) => {
        const decided = step.all(sql, ...values).map((row) => row.number as number);
        const at = step.now(now);
        // RETURNING has no order of its own
        for (const number of decided.sort((a, b) => a - b)) {
          insertAct(step, { tenant, entity: "inbox", entityId: String(number), act, by, why, at });
        }
        return decided.length;
      });
    },
  };
}

/** Deletes the rows whose events a batch has counted; one that is gone already changes nothing. */
export function deleteDrained(step: Step, numbers: readonly number[]): void {
  step.run("DELETE FROM {inbox} WHERE number IN (SELECT value FROM json_each(?))", list(numbers));
}

/** A list, not an object: half as long, and its order is the statement's. */
function valuesOf({ tenant, metric, id, subject, amount, observed, occurredAt }: InboxEvent): readonly unknown[] {
  return [tenant, metric, id, subject, amount, observed, occurredAt];
}
