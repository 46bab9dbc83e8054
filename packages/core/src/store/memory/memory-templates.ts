import {
  type NewTemplateVersion,
  newTemplate,
  type StoredTemplate,
  type TemplateKey,
  type TemplateVersion,
  templateMove,
  versionMove,
} from "../../message/stored-template.js";
import { compareKeys } from "../../text-key.js";
import { templateNotFound } from "../refusals.js";
import type { TemplateRepository } from "../template-repository.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryTemplates(tables: Tables): TemplateRepository {
  const find = ({ tenant, name }: TemplateKey) => tables.storedTemplates.get(keyOf(tenant, name));
  const existing = (key: TemplateKey): StoredTemplate => {
    const template = find(key);
    if (template === undefined) throw templateNotFound(key.name);
    return template;
  };
  const store = (template: StoredTemplate): StoredTemplate => {
    tables.storedTemplates.set(keyOf(template.tenant, template.name), template);
    return template;
  };
  const storeVersion = (
    { tenant, name }: TemplateKey,
    parent: number | null,
    given: NewTemplateVersion,
    createdAt: Date,
  ): TemplateVersion => {
    const version = { tenant, name, number: (parent ?? 0) + 1, parent, ...given, createdAt };
    for (const { hash, content } of given.variants) {
      const key = keyOf(tenant, hash);
      if (!tables.templates.has(key)) tables.templates.set(key, content);
    }
    tables.templateVersions.set(keyOf(tenant, name, version.number), version);
    return version;
  };
  const record = ({ tenant, name }: TemplateKey, act: string, { by, why }: { by: string; why: string }, at: Date) =>
    void tables.acts.push({ tenant, entity: "template", entityId: name, act, by, why, at });

  return {
    async create({ template: given, version, by, why, now = tables.clock() }) {
      const same = find(given);
      if (same !== undefined) return { created: false, template: same };
      storeVersion(given, null, version, now);
      record(given, "create", { by, why }, now);
      return { created: true, template: store(newTemplate(given, now)) };
    },

    async addVersion({ parent, version, by, why, now = tables.clock(), ...key }) {
      const template = existing(key);
      const move = versionMove(template, parent);
      record(key, "version", { by, why }, now);
      store({ ...template, ...move });
      return storeVersion(key, parent, version, now);
    },

    async act({ by, why, now = tables.clock(), ...input }) {
      const template = existing(input);
      const move = templateMove(template, input, now);
      if (move.isDefault) {
        for (const other of tables.storedTemplates.values()) {
          const replaced = other.tenant === template.tenant && other.category === template.category && other.isDefault;
          if (replaced) store({ ...other, isDefault: false });
        }
      }
      record(input, input.act, { by, why }, now);
      return store({ ...template, ...move });
    },

    async get(key) {
      return find(key) ?? null;
    },

    async list({ tenant, category, origin, isDefault, archived, after, limit }) {
      return [...tables.storedTemplates.values()]
        .filter((template) => template.tenant === tenant)
        .filter((template) => (category ?? template.category) === template.category)
        .filter((template) => (origin ?? template.origin) === template.origin)
        .filter((template) => (isDefault ?? template.isDefault) === template.isDefault)
        .filter(({ archivedAt }) => archived === undefined || archived === (archivedAt !== null))
        .filter(({ name }) => after === undefined || compareKeys(name, after) > 0)
        .sort((a, b) => compareKeys(a.name, b.name))
        .slice(0, limit);
    },

    async version({ tenant, name, number = find({ tenant, name })?.active ?? 0 }) {
      return tables.templateVersions.get(keyOf(tenant, name, number)) ?? null;
    },

    async versions({ tenant, name, after, limit }) {
      return [...tables.templateVersions.values()]
        .filter((version) => version.tenant === tenant && version.name === name && version.number > after)
        .sort((a, b) => a.number - b.number)
        .slice(0, limit);
    },
  };
}
