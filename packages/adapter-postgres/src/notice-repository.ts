import type { ClaimedNotice, Notice, NoticeRepository } from "@milepost/core/store";
import { announcementSteps } from "./announcement-steps.js";
import type { Database, Value } from "./driver.js";
import { reasonsStep } from "./reasons-step.js";
import { textArray } from "./values.js";

const columns = `c.tenant, c.id, c.crossing, c.milestone, c.kind, c.number, c.value, c.noticed_at AS "noticedAt", c.state,
  c.reason, c.detail, c.notifications, c.attempts, c.created_at AS "createdAt"`;

export function noticeRepository(database: Database): NoticeRepository {
  return {
    ...announcementSteps<ClaimedNotice>(database, { table: "notices", kind: "notice", columns }),

    async list({ tenant, crossings, milestone, ids, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["c.tenant = $1"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (crossings !== undefined) where.push(`c.crossing = ANY (${value(textArray(crossings))}::text[])`);
      if (milestone !== undefined) where.push(`c.milestone = ${value(milestone)}`);
      if (ids !== undefined) where.push(`c.id = ANY (${value(textArray(ids))}::text[])`);
      if (after !== undefined) where.push(`c.id > ${value(after)}`);
      const statement = database.statement(
        "notices_list",
        `SELECT ${columns} FROM {notices} c WHERE ${where.join(" AND ")} ORDER BY c.id LIMIT $2`,
      );
      return database.run<Notice>(statement, values);
    },

    reasons: reasonsStep(database, "notices"),
  };
}
