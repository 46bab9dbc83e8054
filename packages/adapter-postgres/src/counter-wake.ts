import type { CounterKey, CounterRepository } from "@milepost/core/store";
import { counterLockOrder, sameCounter } from "./counter-key.js";
import type { Database } from "./driver.js";
import { textArray, time } from "./values.js";

const first = `ORDER BY c.wake_at LIMIT $2`;
const asleep = `c.wake_at <= (SELECT until FROM step) AND c.metric = ANY ($1::text[])`;

// A sweep passes over what others hold: that stays to be woken. It waits for no counter, so its order cannot deadlock.
// By ctid, because a join by key may be planned as one with the whole table. A row that got another one since the snapshot
// is passed over as well.
const anySubject = {
  locked: `SELECT c.ctid FROM {counters} c WHERE ${asleep} ${first} FOR UPDATE SKIP LOCKED`,
  woken: "WHERE c.ctid = ANY (ARRAY(SELECT ctid FROM locked))",
};

// Who asks for one subject is told of all that is to be woken there, so this waits.
const oneSubject = {
  locked: `SELECT c.tenant, c.metric, c.subject, c.period
    FROM (SELECT * FROM {counters} c WHERE ${asleep} AND c.tenant = $5 AND c.subject = $6 ${first}) a
    JOIN {counters} c ON ${sameCounter("c", "a")} AND c.wake_at <= (SELECT until FROM step)
    ORDER BY ${counterLockOrder("c")} FOR UPDATE OF c`,
  woken: `FROM locked l WHERE ${sameCounter("c", "l")}`,
};

const wakeText = ({ locked, woken }: { locked: string; woken: string }): string => `
WITH step AS (
  SELECT date_trunc('milliseconds', coalesce($3::timestamptz, $4::timestamptz, clock_timestamp())) AS until,
    coalesce($4::timestamptz, clock_timestamp()) AS now
), locked AS MATERIALIZED (
  ${locked}
), woken AS (
  UPDATE {counters} c SET rev = c.rev + 1, due = true, wake_at = NULL ${woken}
  RETURNING c.tenant, c.metric, c.subject, c.period, c.rev, c.generation, c.value
)
INSERT INTO {trail} (tenant, metric, subject, period, rev, generation, from_value, mark, ids, amounts, occurred_ats,
  recorded_at)
SELECT w.tenant, w.metric, w.subject, w.period, w.rev, w.generation, w.value,
  jsonb_build_object('wokenAt', to_char(step.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
  '{}', '{}', '{}', step.now
FROM woken w, step RETURNING tenant, metric, subject, period`;

export function wakeStep(database: Database): CounterRepository["wake"] {
  const wakeAny = database.statement("counters_wake", wakeText(anySubject));
  const wakeOne = database.statement("counters_wake_subject", wakeText(oneSubject));

  return async ({ metrics, subject, at, limit, now }) => {
    const common = [textArray(metrics), limit, time(at), time(now)];
    return subject === undefined
      ? database.run<CounterKey>(wakeAny, common)
      : database.run<CounterKey>(wakeOne, [...common, subject.tenant, subject.subject]);
  };
}
