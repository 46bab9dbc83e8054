import type { WorkerRecord, WorkerRepository } from "@milepost/core/store";
import { later } from "./conditions.js";
import type { Driver } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<WorkerRecord> = rowCodec<WorkerRecord>({
  id: "plain",
  host: "plain",
  pid: "plain",
  version: "plain",
  concurrency: "plain",
  inFlight: "plain",
  notifiers: "json",
  beatsEvery: "plain",
  startedAt: "time",
  seenAt: "time",
});

export function workerRepository(driver: Driver): WorkerRepository {
  return {
    beat({ keep, now, ...beat }) {
      return driver.write((step) => {
        const at = step.now(now);
        step.run("DELETE FROM {workers} WHERE id <> ? AND seen_at < ?", beat.id, later(at, -keep).toISOString());
        step.run(
          `INSERT INTO {workers} (${codec.columns}) VALUES (${codec.marks})
           ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, version = excluded.version,
             concurrency = excluded.concurrency, in_flight = excluded.in_flight, notifiers = excluded.notifiers,
             beats_every = excluded.beats_every, seen_at = excluded.seen_at`,
          ...codec.values({ ...beat, startedAt: at, seenAt: at }),
        );
        return { now: at };
      });
    },

    async leave({ id }) {
      await driver.write((step) => step.run("DELETE FROM {workers} WHERE id = ?", id));
    },

    list({ now }) {
      return driver.snapshot((step) => {
        const rows = step.all("SELECT * FROM {workers} ORDER BY started_at, id");
        return { now: step.now(now), workers: rows.map(codec.decode) };
      });
    },
  };
}
