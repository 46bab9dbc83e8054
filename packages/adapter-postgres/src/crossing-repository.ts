import type { ClaimedCrossing, Crossing, CrossingRepository } from "@milepost/core/store";
import { announcementSteps } from "./announcement-steps.js";
import { commitStep } from "./crossing-commit.js";
import type { Database, Value } from "./driver.js";
import { reasonsStep } from "./reasons-step.js";
import { textArray } from "./values.js";

const columns = `c.tenant, c.id, c.milestone, c.metric, c.subject, c.period, c.threshold,
  c.limit_version AS "limitVersion", c.arming, c.at, c.direction, c.code, c.severity,
  c.limit_amount AS "limitAmount", c.skipped, c.previous, c.value, c.event_id AS "eventId",
  c.reached_at AS "reachedAt", c.state, c.reason, c.detail, c.notifications, c.attempts, c.created_at AS "createdAt"`;

export function crossingRepository(database: Database): CrossingRepository {
  const get = database.statement(
    "crossings_get",
    `SELECT ${columns}
     FROM (SELECT DISTINCT * FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) AS g (tenant, id)) k
     JOIN {crossings} c ON c.tenant = k.tenant AND c.id = k.id`,
  );

  return {
    commitEvaluation: commitStep(database),

    ...announcementSteps<ClaimedCrossing>(database, { table: "crossings", kind: "crossing", columns }),

    async get({ keys }) {
      if (keys.length === 0) return [];
      const values = [textArray(keys.map(({ tenant }) => tenant)), textArray(keys.map(({ id }) => id))];
      return database.run<Crossing>(get, values);
    },

    async list({ tenant, subject, milestone, metric, period, ids, eventIds, states, after, limit }) {
      const values: Value[] = [tenant, limit];
      const where = ["c.tenant = $1"];
      const value = (given: Value) => `$${values.push(given)}`;
      if (subject !== undefined) where.push(`c.subject = ${value(subject)}`);
      if (milestone !== undefined) where.push(`c.milestone = ${value(milestone)}`);
      if (metric !== undefined) where.push(`c.metric = ${value(metric)}`);
      if (period !== undefined) where.push(`c.period = ${value(period)}`);
      if (ids !== undefined) where.push(`c.id = ANY (${value(textArray(ids))}::text[])`);
      if (eventIds !== undefined) where.push(`c.event_id = ANY (${value(textArray(eventIds))}::text[])`);
      if (states !== undefined) where.push(`c.state = ANY (${value(textArray(states))}::text[])`);
      if (after !== undefined) where.push(`c.id > ${value(after)}`);
      const statement = database.statement(
        "crossings_list",
        `SELECT ${columns} FROM {crossings} c WHERE ${where.join(" AND ")} ORDER BY c.id LIMIT $2`,
      );
      return database.run<Crossing>(statement, values);
    },

    reasons: reasonsStep(database, "crossings"),
  };
}
