import { counterActId, type ParkedCounter, type Parking, type ParkingRepository } from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { allOf, later } from "./conditions.js";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { Driver, SqlRow } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<ParkedCounter> = rowCodec<ParkedCounter>({
  tenant: "plain",
  metric: "plain",
  subject: "plain",
  period: "plain",
  reason: "plain",
  detail: "plain",
  attempts: "plain",
  withoutEffects: "flag",
  since: "time",
  retryAt: "time",
});

export function parkingRepository(driver: Driver): ParkingRepository {
  return {
    park({ from, reason, detail, retryIn, now, ...key }) {
      return driver.write((step) => {
        const waits = `SELECT 1 FROM {counters} WHERE ${byCounterKey} AND due = 1 AND folded = ?`;
        if (step.get(waits, ...counterKeyValues(key), from) === undefined) return;
        const at = step.now(now);
        const why = { reason, detail, attempts: 1, withoutEffects: false };
        const first: ParkedCounter = { ...counterKeyOf(key), ...why, since: at, retryAt: later(at, retryIn) };
        step.run(
          `INSERT INTO {parked} (${codec.columns}) VALUES (${codec.marks})
            ON CONFLICT (tenant, metric, subject, period) DO UPDATE SET attempts = attempts + 1,
              reason = excluded.reason, detail = excluded.detail, retry_at = excluded.retry_at`,
          ...codec.values(first),
        );
      });
    },

    release({ withoutEffects, by, why, now, ...key }) {
      return driver.write((step) => {
        const at = step.now(now);
        const { set, values } = codec.assignments({ withoutEffects, retryAt: at });
        const parked = step.run(
          `UPDATE {parked} SET ${set} WHERE ${byCounterKey}`,
          ...values,
          ...counterKeyValues(key),
        );
        if (parked === 0) return false;
        const act = withoutEffects ? "release_without_effects" : "release";
        const about = { tenant: key.tenant, entity: "counter", entityId: counterActId(key), act };
        insertAct(step, { ...about, by, why, at });
        return true;
      });
    },

    list({ tenant, metric, subject, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["metric = ?", metric],
        ["subject = ?", subject],
        ["(metric, subject, period) > (?, ?, ?)", after?.metric, after?.subject, after?.period],
      ]);
      const sql = `SELECT * FROM {parked} WHERE ${where} ORDER BY metric, subject, period LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(codec.decode));
    },
  };
}

/** Of a row with the columns of a counter's parking, if it is parked. */
export function parkingOf({ attempts, without_effects }: SqlRow): Parking | undefined {
  return attempts === null ? undefined : { attempts: attempts as number, withoutEffects: without_effects !== 0 };
}
