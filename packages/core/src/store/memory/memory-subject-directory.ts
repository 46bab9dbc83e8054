import { compareKeys } from "../../text-key.js";
import type { SubjectDirectory } from "../subject-repository.js";
import { keyOf, type Tables } from "./tables.js";

export function memorySubjectDirectory(tables: Tables): SubjectDirectory {
  return {
    async put({ subjects }) {
      for (const { members, ...subject } of subjects) {
        const key = keyOf(subject.tenant, subject.id);
        tables.subjects.set(key, subject);
        if (members !== null) {
          tables.members.set(
            key,
            [...members].sort((a, b) => compareKeys(a.id, b.id)),
          );
        }
      }
    },

    async get({ tenant, id }) {
      return tables.subjects.get(keyOf(tenant, id)) ?? null;
    },

    async members({ tenant, subject, roles }) {
      const members = tables.members.get(keyOf(tenant, subject)) ?? [];
      return members.filter((member) => roles === undefined || (member.role !== null && roles.includes(member.role)));
    },

    async list({ tenant, after, limit }) {
      return [...tables.subjects.values()]
        .filter((subject) => subject.tenant === tenant && (after === undefined || compareKeys(subject.id, after) > 0))
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit);
    },
  };
}
