import type { CounterChange, EventRepository, RetainedEvent } from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<RetainedEvent> = rowCodec<RetainedEvent>({
  tenant: "plain",
  metric: "plain",
  subject: "plain",
  rev: "plain",
  place: "plain",
  id: "plain",
  amount: "plain",
  occurredAt: "time",
  value: "plain",
});

/** Times are compared as text, which has its order only from year 0 on; events begin in year 1. */
const yearZero = Date.parse("0000-01-01T00:00:00.000Z");

export function eventRepository(driver: Driver): EventRepository {
  return {
    list({ tenant, metric, subject, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["metric = ?", metric],
        ["subject = ?", subject],
        ["(rev, place) > (?, ?)", after?.rev, after?.place],
      ]);
      const sql = `SELECT * FROM {retained_events} WHERE ${where} ORDER BY rev, place LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(codec.decode));
    },

    known({ tenant, metric, ids }) {
      return driver.read((step) => step.all(knownIds, tenant, metric, list(ids)).map(({ id }) => id as string));
    },

    purge({ metric, generation, age, limit, now }) {
      return driver.write((step) => {
        const current = "SELECT 1 FROM {definitions} WHERE metric = ? AND generation = ?";
        if (step.get(current, metric, generation) === undefined) return 0;
        const before = new Date(Math.max(step.now(now).getTime() - age, yearZero)).toISOString();
        const ids = step.run(purgeIds, metric, before, limit);
        return Math.max(ids, step.run(purgeRetained, metric, before, limit));
      });
    },
  };
}

const knownIds = "SELECT id FROM {events} WHERE tenant = ? AND metric = ? AND id IN (SELECT value FROM json_each(?))";

// SQLite is not always built with DELETE ... LIMIT, and these tables have no rowid: the keys come from a subselect, which
// is answered by the index on (metric, occurred_at) alone, since it carries them.
const purgeIds = `DELETE FROM {events} WHERE (tenant, metric, id) IN (
  SELECT tenant, metric, id FROM {events}
    WHERE metric = ? AND occurred_at < ? ORDER BY occurred_at LIMIT ?)`;
const purgeRetained = `DELETE FROM {retained_events} WHERE (tenant, metric, subject, rev, place) IN (
  SELECT tenant, metric, subject, rev, place FROM {retained_events}
    WHERE metric = ? AND occurred_at < ? ORDER BY occurred_at LIMIT ?)`;

const insertRetained = `INSERT INTO {retained_events} (tenant, metric, subject, rev, place, id, amount, occurred_at, value)
  SELECT ?, ?, ?, ?, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`;

/**
 * Keeps what a batch does to a lifetime counter, each event with the value after it. 25 us an event where each has its
 * own subject: a subject's events lie together, for list(), so that is a page each. A rowid table saves 1/6 of it.
 */
export function retainEvents(
  step: Step,
  { tenant, metric, subject, ids, occurredAts }: CounterChange,
  { added, from, rev }: { readonly added: readonly number[]; readonly from: number; readonly rev: number },
): void {
  let value = from;
  const kept = ids.map((id, place) => {
    const amount = added[place] as number;
    value += amount;
    return [id, amount, occurredAts[place], value];
  });
  step.run(insertRetained, tenant, metric, subject, rev, JSON.stringify(kept));
}
