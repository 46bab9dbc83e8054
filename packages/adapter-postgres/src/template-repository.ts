import {
  type StoredTemplate,
  type TemplateRepository,
  type TemplateVersion,
  templateMove,
  templateNotFound,
  versionMove,
} from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { time } from "./values.js";

// No EXISTS: for a page of templates the planner would read the defaults of all tenants into a hash.
const isDefault = `coalesce(t.name = (SELECT d.template FROM {template_defaults} d
  WHERE d.tenant = t.tenant AND d.category = t.category), false)`;

const columns = `t.tenant, t.name, t.category, t.origin, t.source, t.newest, t.active, ${isDefault} AS "isDefault",
  t.archived_at AS "archivedAt", t.created_at AS "createdAt"`;

const versionColumns = `v.tenant, v.template AS name, v.number, v.parent, v.fallback, v.tags, v.sample,
  v.max_items AS "maxItems", v.created_at AS "createdAt",
  (SELECT jsonb_agg(jsonb_build_object('language', r.language, 'hash', r.hash, 'content', c.content) ORDER BY r.language)
   FROM {template_variants} r JOIN {templates} c ON c.tenant = r.tenant AND c.hash = r.hash
   WHERE r.tenant = v.tenant AND r.template = v.template AND r.version = v.number) AS variants`;

const clock = (parameter: string) =>
  `date_trunc('milliseconds', coalesce(${parameter}::timestamptz, clock_timestamp()))`;

/** Stores the newest version of the template that `of` has, `$1` its fields, and the act `$2` by `$3`, because of `$4`. */
const addedVersion = (of: string) => `
step AS MATERIALIZED (
  SELECT ${clock("$5")} AS now
), given AS MATERIALIZED (
  SELECT p.* FROM jsonb_to_record($1) AS p (fallback text, tags jsonb, sample jsonb, "maxItems" integer, variants jsonb)
), contents AS (
  INSERT INTO {templates} (tenant, hash, content, created_at)
  SELECT t.tenant, r.hash, r.content, step.now
  FROM ${of} t, step, given, jsonb_to_recordset(given.variants) AS r (hash text, content jsonb)
  ORDER BY r.hash COLLATE "C"
  ON CONFLICT DO NOTHING
), variants AS (
  INSERT INTO {template_variants} (tenant, template, version, language, hash)
  SELECT t.tenant, t.name, t.newest, r.language, r.hash
  FROM ${of} t, given, jsonb_to_recordset(given.variants) AS r (language text, hash text)
), act AS (
  INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
  SELECT t.tenant, 'template', t.name, $2, $3, $4, step.now FROM ${of} t, step
), version AS (
  INSERT INTO {template_versions} (tenant, template, number, parent, fallback, tags, sample, max_items, created_at)
  SELECT t.tenant, t.name, t.newest, nullif(t.newest - 1, 0), g.fallback, g.tags, g.sample, g."maxItems", step.now
  FROM ${of} t, given g, step
  RETURNING created_at
)`;

export function templateRepository(database: Database): TemplateRepository {
  const create = database.statement(
    "templates_create",
    `WITH created AS (
       INSERT INTO {message_templates} AS t (tenant, name, category, origin, source, newest, active, created_at)
       SELECT p.tenant, p.name, p.category, p.origin, p.source, 1, 1, ${clock("$5")}
       FROM jsonb_to_record($6) AS p (tenant text, name text, category text, origin text, source text)
       ON CONFLICT DO NOTHING
       RETURNING t.*
     ), ${addedVersion("created")}
     SELECT ${columns} FROM created t`,
  );
  const get = database.statement(
    "templates_get",
    `SELECT ${columns} FROM {message_templates} t WHERE t.tenant = $1 AND t.name = $2`,
  );
  const lock = database.statement(
    "templates_lock",
    `SELECT ${columns}, ${clock("$3")} AS now FROM {message_templates} t WHERE t.tenant = $1 AND t.name = $2 FOR UPDATE OF t`,
  );
  const add = database.statement(
    "templates_add",
    `WITH moved AS (
       UPDATE {message_templates} t SET newest = $8 WHERE t.tenant = $6 AND t.name = $7 RETURNING t.*
     ), ${addedVersion("moved")}
     SELECT v.created_at AS "createdAt" FROM version v`,
  );
  const patch = database.statement(
    "templates_patch",
    "UPDATE {message_templates} SET active = $3, archived_at = $4 WHERE tenant = $1 AND name = $2",
  );
  const makeDefault = database.statement(
    "templates_default",
    `INSERT INTO {template_defaults} (tenant, category, template) VALUES ($1, $2, $3)
     ON CONFLICT (tenant, category) DO UPDATE SET template = excluded.template`,
  );
  const makeNone = database.statement(
    "templates_no_default",
    "DELETE FROM {template_defaults} WHERE tenant = $1 AND category = $2 AND template = $3",
  );
  const record = database.statement(
    "templates_act",
    "INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'template', $2, $3, $4, $5, $6)",
  );
  const version = database.statement(
    "templates_version",
    `SELECT ${versionColumns} FROM {template_versions} v WHERE v.tenant = $1 AND v.template = $2
       AND v.number = coalesce($3::integer, (SELECT t.active FROM {message_templates} t WHERE t.tenant = $1 AND t.name = $2))`,
  );
  const versions = database.statement(
    "templates_versions",
    `SELECT ${versionColumns} FROM {template_versions} v
     WHERE v.tenant = $1 AND v.template = $2 AND v.number > $3 ORDER BY v.number LIMIT $4`,
  );

  return {
    async create({ template, version: given, by, why, now }) {
      const values = [JSON.stringify(given), "create", by, why, time(now), JSON.stringify(template)];
      const [created] = await database.run<StoredTemplate>(create, values);
      if (created !== undefined) return { created: true, template: created };
      const [existing] = await database.run<StoredTemplate>(get, [template.tenant, template.name]);
      return { created: false, template: existing! };
    },

    addVersion: ({ tenant, name, parent, version: given, by, why, now }) =>
      database.transaction(async (run) => {
        const [template] = await run<StoredTemplate>(lock, [tenant, name, time(now)]);
        if (template === undefined) throw templateNotFound(name);
        const { newest } = versionMove(template, parent);
        const values = [JSON.stringify(given), "version", by, why, time(now), tenant, name, newest];
        const [added] = await run<Pick<TemplateVersion, "createdAt">>(add, values);
        return { tenant, name, number: newest, parent, ...given, ...added! };
      }),

    act: ({ tenant, name, by, why, now: given, ...input }) =>
      database.transaction(async (run) => {
        const [found] = await run<StoredTemplate & { readonly now: Date }>(lock, [tenant, name, time(given)]);
        if (found === undefined) throw templateNotFound(name);
        const { now, ...template } = found;
        const move = templateMove(template, input, now);
        const moved = { ...template, ...move };
        await run(patch, [tenant, name, moved.active, time(moved.archivedAt)]);
        // its row is where two who make another one the default wait for each other
        if (move.isDefault !== undefined) {
          await run(move.isDefault ? makeDefault : makeNone, [tenant, template.category, name]);
        }
        await run(record, [tenant, name, input.act, by, why, time(now)]);
        return moved;
      }),

    async get({ tenant, name }) {
      const [template] = await database.run<StoredTemplate>(get, [tenant, name]);
      return template ?? null;
    },

    // filters that were not given are left out, so that the plan is made for those that were
    list({ tenant, limit, ...filters }) {
      const values: Value[] = [tenant, limit];
      const where = ["t.tenant = $1"];
      const given = [
        ["t.category =", filters.category],
        ["t.origin =", filters.origin],
        ["(t.archived_at IS NOT NULL) =", filters.archived],
        [`${isDefault} =`, filters.isDefault],
        ["t.name >", filters.after],
      ] as const;
      for (const [condition, value] of given) {
        if (value !== undefined) where.push(`${condition} $${values.push(value)}`);
      }
      const text = `SELECT ${columns} FROM {message_templates} t WHERE ${where.join(" AND ")} ORDER BY t.name LIMIT $2`;
      return database.run<StoredTemplate>(database.statement("templates_list", text), values);
    },

    async version({ tenant, name, number }) {
      const [found] = await database.run<TemplateVersion>(version, [tenant, name, number ?? null]);
      return found ?? null;
    },

    versions: ({ tenant, name, after, limit }) => database.run<TemplateVersion>(versions, [tenant, name, after, limit]),
  };
}
