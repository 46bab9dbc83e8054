import { type ClaimedCrossing, type CrossingRepository, crossingOf, type StoredCrossing } from "@milepost/core/store";
import { announcementSteps } from "./announcement-steps.js";
import { allOf, list } from "./conditions.js";
import { commitEvaluations } from "./crossing-commit.js";
import { crossingCodec } from "./crossing-row.js";
import type { Driver } from "./driver.js";
import { reasonsStep } from "./reasons-step.js";

export function crossingRepository(driver: Driver): CrossingRepository {
  return {
    commitEvaluation: (input) => commitEvaluations(driver, input),

    ...announcementSteps(driver, { table: "crossings", kind: "crossing", codec: crossingCodec, claimedOf }),

    get({ keys }) {
      const sql = "SELECT * FROM {crossings} WHERE tenant = ? AND id = ?";
      return driver.snapshot((step) =>
        keys.flatMap(({ tenant, id }) => {
          const row = step.get(sql, tenant, id);
          return row === undefined ? [] : crossingOf(crossingCodec.decode(row));
        }),
      );
    },

    list({ tenant, subject, milestone, metric, period, ids, eventIds, states, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["subject = ?", subject],
        ["milestone = ?", milestone],
        ["metric = ?", metric],
        ["period = ?", period],
        ["id IN (SELECT value FROM json_each(?))", list(ids)],
        ["event_id IN (SELECT value FROM json_each(?))", list(eventIds)],
        ["state IN (SELECT value FROM json_each(?))", list(states)],
        ["id > ?", after],
      ]);
      const sql = `SELECT * FROM {crossings} WHERE ${where} ORDER BY id LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map((row) => crossingOf(crossingCodec.decode(row))));
    },

    reasons: reasonsStep(driver, "crossings"),
  };
}

function claimedOf(row: StoredCrossing): ClaimedCrossing {
  return { ...crossingOf(row), fence: row.fence };
}
