import {
  newCampaign,
  putMove,
  type Recurrence,
  type RecurrenceKey,
  type RecurrenceRepository,
  recurrenceNotFound,
  type Skip,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { insertCampaign } from "./campaign-repository.js";
import { allOf, list } from "./conditions.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<Recurrence> = rowCodec<Recurrence>({
  tenant: "plain",
  id: "plain",
  state: "plain",
  code: "plain",
  definition: "json",
  cron: "plain",
  zone: "plain",
  otherwise: "plain",
  catchUp: "plain",
  nextAt: "time",
  last: "plain",
  createdAt: "time",
});

const byKey = "WHERE tenant = ? AND id = ?";

export function recurrenceRepository(driver: Driver): RecurrenceRepository {
  return {
    put({ recurrence: given, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const existing = find(step, given);
        const recurrence = putMove(existing, given, at);
        if (recurrence === null) return existing!;
        const act = existing === null ? "create" : "edit";
        insertAct(step, { tenant: given.tenant, entity: "recurrence", entityId: given.id, act, by, why, at });
        step.run(
          `INSERT OR REPLACE INTO {recurrences} (${codec.columns}) VALUES (${codec.marks})`,
          ...codec.values(recurrence),
        );
        return recurrence;
      });
    },

    get: (key) => driver.read((step) => find(step, key)),

    list({ tenant, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["id > ?", after],
      ]);
      const sql = `SELECT * FROM {recurrences} WHERE ${where} ORDER BY id LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(codec.decode));
    },

    setPaused({ tenant, id, paused, nextAt, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const recurrence = find(step, { tenant, id });
        if (recurrence === null) throw recurrenceNotFound(id);
        const state = paused ? "paused" : "active";
        if (recurrence.state === state) return recurrence;
        const act = paused ? "pause" : "resume";
        insertAct(step, { tenant, entity: "recurrence", entityId: id, act, by, why, at });
        return patch(step, recurrence, { state, ...(!paused && { nextAt }) });
      });
    },

    remove({ tenant, id, by, why, now }) {
      return driver.write((step) => {
        if (step.run(`DELETE FROM {recurrences} ${byKey}`, tenant, id) === 0) return false;
        const at = step.now(now);
        insertAct(step, { tenant, entity: "recurrence", entityId: id, act: "remove", by, why, at });
        return true;
      });
    },

    due({ codes, limit, now }) {
      const sql = `SELECT * FROM {recurrences} WHERE state = 'active' AND next_at IS NOT NULL AND next_at <= ?
        AND (code = '' OR code IN (SELECT value FROM json_each(?))) ORDER BY next_at, tenant, id LIMIT ?`;
      return driver.read((step) => {
        const at = step.now(now);
        return { now: at, recurrences: step.all(sql, at.toISOString(), list(codes), limit).map(codec.decode) };
      });
    },

    occur({ tenant, id, was, campaign, skipped, nextAt, last, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const recurrence = find(step, { tenant, id });
        if (recurrence?.state !== "active" || recurrence.nextAt?.getTime() !== was.getTime()) return false;
        if (campaign !== null && insertCampaign(step, newCampaign(campaign, at))) {
          insertAct(step, { tenant, entity: "campaign", entityId: campaign.id, act: "create", by, why, at });
        }
        for (const { occurrence, at: due, reason } of skipped) {
          step.run(
            `INSERT INTO {recurrence_skips} (tenant, recurrence, occurrence, at, reason) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING`,
            ...[tenant, id, occurrence, due.toISOString(), reason],
          );
        }
        patch(step, recurrence, { nextAt, last });
        return true;
      });
    },

    skips({ tenant, id, before, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["recurrence = ?", id],
        ["occurrence < ?", before],
      ]);
      const sql = `SELECT occurrence, at, reason FROM {recurrence_skips} WHERE ${where} ORDER BY occurrence DESC LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(skips.decode));
    },
  };
}

const skips: RowCodec<Skip> = rowCodec<Skip>({ occurrence: "plain", at: "time", reason: "plain" });

function find(step: Step, { tenant, id }: RecurrenceKey): Recurrence | null {
  const row = step.get(`SELECT * FROM {recurrences} ${byKey}`, tenant, id);
  return row === undefined ? null : codec.decode(row);
}

function patch(step: Step, recurrence: Recurrence, change: Partial<Recurrence>): Recurrence {
  const { set, values } = codec.assignments(change);
  step.run(`UPDATE {recurrences} SET ${set} ${byKey}`, ...values, recurrence.tenant, recurrence.id);
  return { ...recurrence, ...change };
}
