import {
  type NewTemplateVersion,
  newTemplate,
  type StoredTemplate,
  type TemplateKey,
  type TemplateRepository,
  type TemplateVariant,
  type TemplateVersion,
  templateMove,
  templateNotFound,
  versionMove,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { allOf } from "./conditions.js";
import type { Driver, SqlRow, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

type TemplateRow = Omit<StoredTemplate, "isDefault">;
const templateCodec: RowCodec<TemplateRow> = rowCodec<TemplateRow>({
  tenant: "plain",
  name: "plain",
  category: "plain",
  origin: "plain",
  source: "plain",
  newest: "plain",
  active: "plain",
  archivedAt: "time",
  createdAt: "time",
});

type VersionRow = Omit<TemplateVersion, "name" | "variants"> & { readonly template: string };
const versionCodec: RowCodec<VersionRow> = rowCodec<VersionRow>({
  tenant: "plain",
  template: "plain",
  number: "plain",
  parent: "plain",
  fallback: "plain",
  tags: "json",
  sample: "json",
  maxItems: "plain",
  createdAt: "time",
});

const isDefault = `EXISTS (SELECT 1 FROM {template_defaults} d
  WHERE d.tenant = t.tenant AND d.category = t.category AND d.template = t.name)`;
const selected = `SELECT t.*, ${isDefault} AS is_default FROM {message_templates} t`;
const byName = "WHERE tenant = ? AND name = ?";

export function templateRepository(driver: Driver): TemplateRepository {
  const record = (
    step: Step,
    { tenant, name }: TemplateKey,
    acting: { readonly act: string; readonly by: string; readonly why: string; readonly at: Date },
  ) => insertAct(step, { tenant, entity: "template", entityId: name, ...acting });

  return {
    create({ template: given, version, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const same = find(step, given);
        if (same !== undefined) return { created: false, template: same };
        const template = newTemplate(given, at);
        step.run(
          `INSERT INTO {message_templates} (${templateCodec.columns}) VALUES (${templateCodec.marks})`,
          ...templateCodec.values(template),
        );
        insertVersion(step, given, null, version, at);
        record(step, given, { act: "create", by, why, at });
        return { created: true, template };
      });
    },

    addVersion({ tenant, name, parent, version, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const key = { tenant, name };
        const { newest } = versionMove(existing(step, key), parent);
        step.run(`UPDATE {message_templates} SET newest = ? ${byName}`, newest, tenant, name);
        record(step, key, { act: "version", by, why, at });
        return insertVersion(step, key, parent, version, at);
      });
    },

    act({ tenant, name, by, why, now, ...input }) {
      return driver.write((step) => {
        const at = step.now(now);
        const template = existing(step, { tenant, name });
        const move = templateMove(template, input, at);
        const moved = { ...template, ...move };
        const { active, archivedAt, category } = moved;
        step.run(
          `UPDATE {message_templates} SET active = ?, archived_at = ? ${byName}`,
          ...[active, archivedAt?.toISOString() ?? null, tenant, name],
        );
        if (move.isDefault === true) {
          step.run(
            `INSERT INTO {template_defaults} (tenant, category, template) VALUES (?, ?, ?)
              ON CONFLICT (tenant, category) DO UPDATE SET template = excluded.template`,
            ...[tenant, category, name],
          );
        } else if (move.isDefault === false) {
          const sql = "DELETE FROM {template_defaults} WHERE tenant = ? AND category = ? AND template = ?";
          step.run(sql, tenant, category, name);
        }
        record(step, template, { act: input.act, by, why, at });
        return moved;
      });
    },

    get: (key) => driver.read((step) => find(step, key) ?? null),

    list({ tenant, category, origin, isDefault: wanted, archived, after, limit }) {
      const { where, values } = allOf([
        ["t.tenant = ?", tenant],
        ["t.category = ?", category],
        ["t.origin = ?", origin],
        ["(t.archived_at IS NOT NULL) = ?", flag(archived)],
        [`${isDefault} = ?`, flag(wanted)],
        ["t.name > ?", after],
      ]);
      const sql = `${selected} WHERE ${where} ORDER BY t.name LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(templateOf));
    },

    version({ tenant, name, number }) {
      return driver.snapshot((step) => {
        const wanted = number ?? find(step, { tenant, name })?.active ?? 0;
        const sql = "SELECT * FROM {template_versions} WHERE tenant = ? AND template = ? AND number = ?";
        const row = step.get(sql, tenant, name, wanted);
        return row === undefined ? null : versionOf(step, row);
      });
    },

    versions({ tenant, name, after, limit }) {
      const sql = `SELECT * FROM {template_versions} WHERE tenant = ? AND template = ? AND number > ?
        ORDER BY number LIMIT ?`;
      return driver.snapshot((step) => step.all(sql, tenant, name, after, limit).map((row) => versionOf(step, row)));
    },
  };
}

const flag = (given: boolean | undefined): number | undefined => (given === undefined ? undefined : Number(given));

function templateOf(row: SqlRow): StoredTemplate {
  return { ...templateCodec.decode(row), isDefault: row.is_default === 1 };
}

function find(step: Step, { tenant, name }: TemplateKey): StoredTemplate | undefined {
  const row = step.get(`${selected} WHERE t.tenant = ? AND t.name = ?`, tenant, name);
  return row && templateOf(row);
}

function existing(step: Step, key: TemplateKey): StoredTemplate {
  const template = find(step, key);
  if (template === undefined) throw templateNotFound(key.name);
  return template;
}

function insertVersion(
  step: Step,
  { tenant, name }: TemplateKey,
  parent: number | null,
  { variants, ...given }: NewTemplateVersion,
  createdAt: Date,
): TemplateVersion {
  const stored = { tenant, number: (parent ?? 0) + 1, parent, ...given, createdAt };
  step.run(
    `INSERT INTO {template_versions} (${versionCodec.columns}) VALUES (${versionCodec.marks})`,
    ...versionCodec.values({ ...stored, template: name }),
  );
  for (const { language, hash, content } of variants) {
    step.run(
      "INSERT INTO {templates} (tenant, hash, content, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ...[tenant, hash, JSON.stringify(content), createdAt.toISOString()],
    );
    step.run(
      "INSERT INTO {template_variants} (tenant, template, version, language, hash) VALUES (?, ?, ?, ?, ?)",
      ...[tenant, name, stored.number, language, hash],
    );
  }
  return { ...stored, name, variants };
}

function versionOf(step: Step, row: SqlRow): TemplateVersion {
  const { template: name, ...version } = versionCodec.decode(row);
  const sql = `SELECT r.language, r.hash, c.content FROM {template_variants} r
    JOIN {templates} c ON c.tenant = r.tenant AND c.hash = r.hash
    WHERE r.tenant = ? AND r.template = ? AND r.version = ? ORDER BY r.language`;
  const variants = step.all(sql, version.tenant, name, version.number).map(({ language, hash, content }) => {
    return { language, hash, content: JSON.parse(String(content)) } as TemplateVariant;
  });
  return { ...version, name, variants };
}
