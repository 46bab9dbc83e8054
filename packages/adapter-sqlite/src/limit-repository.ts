import { type CounterKey, type Limit, type LimitRepository, type LimitSubject, lifetime } from "@milepost/core/store";
import { list } from "./conditions.js";
import { counterKeyValues } from "./counter-key.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";
import { notedColumns, noteOnTrail } from "./trail-mark.js";

const codec: RowCodec<Limit> = rowCodec<Limit>({
  tenant: "plain",
  metric: "plain",
  subject: "plain",
  version: "plain",
  amount: "plain",
  effectiveFrom: "time",
  applied: "flag",
  by: "plain",
  why: "plain",
  createdAt: "time",
});

const bySubject = "tenant = ? AND metric = ? AND subject = ?";

export function limitRepository(driver: Driver): LimitRepository {
  return {
    add({ tenant, metric, subject, amount, effectiveFrom, by, why, now }) {
      return driver.write((step) => {
        const createdAt = step.now(now);
        const latest = `SELECT coalesce(max(version), 0) AS version FROM {limits} WHERE ${bySubject}`;
        const version = (step.one(latest, tenant, metric, subject).version as number) + 1;
        const given = { tenant, metric, subject, version, amount, by, why, createdAt };
        const limit: Limit = { ...given, effectiveFrom: effectiveFrom ?? createdAt, applied: false };
        step.run(`INSERT INTO {limits} (${codec.columns}) VALUES (${codec.marks})`, ...codec.values(limit));
        return limit;
      });
    },

    apply({ tenant, metric, subject, version, generation, periods, now }) {
      return driver.write((step) => {
        const known = "SELECT 1 FROM {definitions} WHERE metric = ? AND generation = ?";
        if (step.all(known, metric, generation).length === 0) return "stale";
        const about = [tenant, metric, subject] as const;
        const taken = `UPDATE {limits} SET applied = 1 WHERE ${bySubject} AND version = ? AND applied = 0`;
        if (step.run(taken, ...about, version) === 0) return [];
        const recordedAt = step.now(now).toISOString();
        const told: { period: string }[] = [];
        for (const { period, from, open } of periods) {
          if (open !== undefined) openCounter(step, { tenant, metric, subject, period: open }, generation);
          // of a unit and zone: keys that begin with them, from the given one on
          const [first, end] = period === lifetime ? [lifetime, `${lifetime}\u0001`] : [from, `${period};`];
          const counters = `SELECT ${notedColumns} FROM {counters}
            WHERE ${bySubject} AND period >= ? AND period < ? ORDER BY period`;
          for (const counter of step.all(counters, ...about, first, end)) {
            noteOnTrail(step, counter, { limitVersion: version }, recordedAt);
            told.push({ period: counter.period as string });
          }
        }
        return told;
      });
    },

    pending({ metrics, limit, now }) {
      return driver.snapshot((step) => {
        const sql = `SELECT * FROM {limits} WHERE applied = 0 AND effective_from <= ?
          AND metric IN (SELECT value FROM json_each(?)) ORDER BY effective_from, version LIMIT ?`;
        return step.all(sql, step.now(now).toISOString(), list(metrics), limit).map(codec.decode);
      });
    },

    of({ subjects }) {
      const sql = `SELECT * FROM {limits} WHERE ${bySubject} ORDER BY version`;
      return driver.snapshot((step) =>
        subjects.flatMap(({ tenant, metric, subject }) => step.all(sql, tenant, metric, subject).map(codec.decode)),
      );
    },
  };
}

/** How many versions of a subject's limit were applied. */
export function appliedLimits(step: Step, { tenant, metric, subject }: LimitSubject): number {
  const sql = `SELECT count(*) AS applied FROM {limits} WHERE ${bySubject} AND applied = 1`;
  return step.one(sql, tenant, metric, subject).applied as number;
}

/** A counter in which nothing was counted yet; due, because it is told next. */
function openCounter(step: Step, key: CounterKey, generation: number): void {
  step.run(
    `INSERT INTO {counters} (tenant, metric, subject, period, value, rev, due, generation)
      VALUES (?, ?, ?, ?, 0, 0, 1, ?) ON CONFLICT (tenant, metric, subject, period) DO NOTHING`,
    ...[...counterKeyValues(key), generation],
  );
}
