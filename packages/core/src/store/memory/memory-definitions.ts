import { defaultTenant } from "../../recording/event.js";
import { compareKeys } from "../../text-key.js";
import type { DefinitionRepository } from "../definition-repository.js";
import type { Tables } from "./tables.js";

export function memoryDefinitions(tables: Tables): DefinitionRepository {
  return {
    async install({ definitions, act, now = tables.clock() }) {
      const follows = definitions.every(
        ({ metric, generation }) => (tables.definitions.get(metric)?.generation ?? 0) === generation - 1,
      );
      if (!follows) return false;
      for (const definition of definitions) {
        const { metric } = definition;
        tables.definitions.set(metric, definition);
        if (act === undefined) continue;
        const about = { tenant: defaultTenant, entity: "definition", entityId: metric, act: "reinstall" };
        tables.acts.push({ ...about, ...act, at: now });
      }
      return true;
    },

    async adopted({ metric, generation }) {
      const stored = tables.definitions.get(metric);
      if (stored?.generation !== generation) return false;
      tables.definitions.set(metric, { ...stored, adopted: generation });
      return true;
    },

    async list() {
      return [...tables.definitions.values()].sort((a, b) => compareKeys(a.metric, b.metric));
    },
  };
}
