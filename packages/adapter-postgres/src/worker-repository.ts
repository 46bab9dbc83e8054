import type { WorkerRecord, WorkerRepository } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { time } from "./values.js";

const columns = `id, host, pid, version, concurrency, in_flight AS "inFlight", notifiers, beats_every AS "beatsEvery",
  started_at AS "startedAt", seen_at AS "seenAt"`;

export function workerRepository(database: Database): WorkerRepository {
  const beat = database.statement(
    "workers_beat",
    `WITH step AS MATERIALIZED (
       SELECT date_trunc('milliseconds', coalesce($10::timestamptz, clock_timestamp())) AS now
     ), gone AS (
       DELETE FROM {workers} w USING step
       WHERE w.id <> $1 AND w.seen_at < step.now - $9::float8 * interval '1 millisecond'
     )
     INSERT INTO {workers} AS w
       (id, host, pid, version, concurrency, in_flight, notifiers, beats_every, started_at, seen_at)
     SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, $8, step.now, step.now FROM step
     ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, version = excluded.version,
       concurrency = excluded.concurrency, in_flight = excluded.in_flight, notifiers = excluded.notifiers,
       beats_every = excluded.beats_every, seen_at = excluded.seen_at
     RETURNING w.seen_at AS now`,
  );
  const leave = database.statement("workers_leave", "DELETE FROM {workers} WHERE id = $1");
  // The clock is answered even where no worker is.
  const list = database.statement(
    "workers_list",
    `WITH step AS MATERIALIZED (
       SELECT date_trunc('milliseconds', coalesce($1::timestamptz, clock_timestamp())) AS now
     )
     SELECT step.now, w.* FROM step LEFT JOIN (SELECT ${columns} FROM {workers}) w ON true ORDER BY w."startedAt", w.id`,
  );

  return {
    async beat({ id, host, pid, version, concurrency, inFlight, notifiers, beatsEvery, keep, now }) {
      const place = [id, host, pid, version];
      const load = [concurrency, inFlight, JSON.stringify(notifiers), beatsEvery];
      const [row] = await database.run<{ readonly now: Date }>(beat, [...place, ...load, keep, time(now)]);
      return row as { readonly now: Date };
    },

    async leave({ id }) {
      await database.run(leave, [id]);
    },

    async list({ now: given }) {
      const rows = await database.run<WorkerRecord & { readonly now: Date }>(list, [time(given)]);
      const workers = rows.filter(({ id }) => id !== null).map(({ now: _, ...worker }) => worker);
      return { now: rows[0]!.now, workers };
    },
  };
}
