import type { CounterKey, CounterRepository } from "@milepost/core/store";
import { list } from "./conditions.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { Step } from "./driver.js";
import { notedColumns, noteOnTrail } from "./trail-mark.js";

type WakeInput = Parameters<CounterRepository["wake"]>[0];

const inMetrics = "metric IN (SELECT value FROM json_each(?))";
/** Those of one time in the order of the index: sorting them would read all that end with a month for the first few. */
const firstToWake = `SELECT ${notedColumns} FROM {counters} WHERE ${inMetrics} AND wake_at <= ? ORDER BY wake_at, rowid LIMIT ?`;
/** By the key, not by the time: after the end of a month far more counters are to be woken than one subject has. */
const ofSubject = `SELECT ${notedColumns} FROM {counters}
  WHERE ${inMetrics} AND +wake_at <= ? AND tenant = ? AND subject = ? ORDER BY wake_at, rowid LIMIT ?`;

export function wakeCounters(step: Step, { metrics, subject, at, limit, now }: WakeInput): CounterKey[] {
  const clock = step.now(now);
  const until = (at ?? clock).toISOString();
  const sql = subject === undefined ? firstToWake : ofSubject;
  const about = subject === undefined ? [] : [subject.tenant, subject.subject];
  return step.all(sql, list(metrics), until, ...about, limit).map((row) => {
    const key = counterKeyOf(row);
    noteOnTrail(step, row, { mark: { wokenAt: until } }, clock.toISOString());
    step.run(`UPDATE {counters} SET wake_at = NULL WHERE ${byCounterKey}`, ...counterKeyValues(key));
    return key;
  });
}
