import {
  type CounterKey,
  type LevelsOwner,
  type LevelsRepository,
  lifetime,
  type StoredLevels,
} from "@milepost/core/store";
import { allOf, type Condition, list } from "./conditions.js";
import { counterKeyOf } from "./counter-key.js";
import type { Driver, SqlRow, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";
import { notedColumns, noteOnTrail } from "./trail-mark.js";

const codec: RowCodec<StoredLevels> = rowCodec<StoredLevels>({
  tenant: "plain",
  milestone: "plain",
  subject: "plain",
  version: "plain",
  levels: "json",
  applied: "flag",
  by: "plain",
  why: "plain",
  createdAt: "time",
});

const byOwner = "tenant = ? AND milestone = ? AND subject = ?";

export function levelsRepository(driver: Driver): LevelsRepository {
  return {
    add({ tenant, milestone, subject, levels, by, why, now }) {
      return driver.write((step) => {
        const latest = `SELECT coalesce(max(version), 0) AS version FROM {levels} WHERE ${byOwner}`;
        const version = (step.one(latest, tenant, milestone, subject).version as number) + 1;
        const owner = { tenant, milestone, subject };
        const stored: StoredLevels = { ...owner, version, levels, applied: false, by, why, createdAt: step.now(now) };
        step.run(`INSERT INTO {levels} (${codec.columns}) VALUES (${codec.marks})`, ...codec.values(stored));
        return stored;
      });
    },

    apply({ tenant, milestone, subject, version, metric, period, after, limit, now }) {
      return driver.write((step) => {
        const owner = [tenant, milestone, subject] as const;
        const taken = `UPDATE {levels} SET applied = 1 WHERE ${byOwner} AND version = ?`;
        if (step.run(taken, ...owner, version) === 0) return { counters: [], next: null };

        const mark = { levels: { milestone, subject, version } };
        const recordedAt = step.now(now).toISOString();
        const about = { tenant, metric, period, limit, ...(subject !== "" && { subject }), ...(after && { after }) };
        const counters = countersOf(step, about).map((row) => {
          noteOnTrail(step, row, { mark }, recordedAt);
          return counterKeyOf(row);
        });
        const last = counters.at(-1);
        if (last !== undefined && counters.length === limit) return { counters, next: last };
        step.run(`UPDATE {levels} SET pending = 0 WHERE ${byOwner} AND version = ?`, ...owner, version);
        return { counters, next: null };
      });
    },

    pending({ milestones, limit }) {
      const sql = `SELECT * FROM {levels} WHERE pending = 1 AND milestone IN (SELECT value FROM json_each(?))
        ORDER BY created_at, tenant, milestone, subject, version LIMIT ?`;
      return driver.read((step) => step.all(sql, list(milestones), limit).map(codec.decode));
    },

    of({ owners }) {
      const sql = `SELECT * FROM {levels} WHERE ${byOwner} ORDER BY version`;
      return driver.snapshot((step) =>
        owners.flatMap(({ tenant, milestone, subject }) => step.all(sql, tenant, milestone, subject).map(codec.decode)),
      );
    },
  };
}

/** How many versions of an owner's levels were applied. */
export function appliedLevels(step: Step, { tenant, milestone, subject }: LevelsOwner): number {
  const sql = `SELECT count(*) AS applied FROM {levels} WHERE ${byOwner} AND applied = 1`;
  return step.one(sql, tenant, milestone, subject).applied as number;
}

interface CountersOf {
  readonly tenant: string;
  readonly metric: string;
  readonly subject?: string;
  readonly period: string;
  readonly after?: CounterKey;
  readonly limit: number;
}

function countersOf(step: Step, { tenant, metric, subject, period, after, limit }: CountersOf): SqlRow[] {
  // of a unit and zone: keys that begin with them
  const span: Condition =
    period === lifetime ? ["period = ?", lifetime] : ["period >= ? AND period < ?", `${period}:`, `${period};`];
  const { where, values } = allOf([
    ["tenant = ? AND metric = ?", tenant, metric],
    ["subject = ?", subject],
    span,
    ["(subject, period) > (?, ?)", after?.subject, after?.period],
  ]);
  const sql = `SELECT ${notedColumns} FROM {counters} WHERE ${where} ORDER BY subject, period LIMIT ?`;
  return step.all(sql, ...values, limit);
}
