import { compareKeys } from "../../text-key.js";
import type { DefinitionRepository, InstalledDefinition } from "../definition-repository.js";
import { definitionsChanged } from "../refusals.js";
import type { Tables } from "./tables.js";

export function memoryDefinitions(tables: Tables): DefinitionRepository {
  return {
    async install({ definitions }) {
      const installed = definitions.map((definition): InstalledDefinition => {
        const stored = tables.definitions.get(definition.metric);
        if (stored === undefined) return { ...definition, generation: 1 };
        if (stored.fingerprint === definition.fingerprint) return stored;
        for (const counter of tables.counters.values()) {
          if (counter.metric === definition.metric) throw definitionsChanged(definition.metric);
        }
        return { ...definition, generation: stored.generation + 1 };
      });
      for (const definition of installed) tables.definitions.set(definition.metric, definition);
      return installed;
    },

    async list() {
      return [...tables.definitions.values()].sort((a, b) => compareKeys(a.metric, b.metric));
    },
  };
}
