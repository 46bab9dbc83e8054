import { type DefinitionRepository, definitionsChanged, type InstalledDefinition } from "@milepost/core/store";
import type { Driver } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<InstalledDefinition> = rowCodec<InstalledDefinition>({
  metric: "plain",
  generation: "plain",
  fingerprint: "plain",
  decrements: "flag",
  births: "json",
  milestones: "json",
});

export function definitionRepository(driver: Driver): DefinitionRepository {
  return {
    install({ definitions }) {
      // No lock on single definitions, as Postgres needs one against a recorder: BEGIN IMMEDIATE keeps all others out.
      return driver.write((step) =>
        definitions.map((definition) => {
          const row = step.get("SELECT * FROM {definitions} WHERE metric = ?", definition.metric);
          const stored = row && codec.decode(row);
          if (stored?.fingerprint === definition.fingerprint) return stored;
          if (stored !== undefined && step.get("SELECT 1 FROM {counters} WHERE metric = ? LIMIT 1", stored.metric)) {
            throw definitionsChanged(definition.metric);
          }
          const installed = { ...definition, generation: (stored?.generation ?? 0) + 1 };
          const sql = `INSERT OR REPLACE INTO {definitions} (${codec.columns}) VALUES (${codec.marks})`;
          step.run(sql, ...codec.values(installed));
          return installed;
        }),
      );
    },

    list() {
      return driver.read((step) => step.all("SELECT * FROM {definitions} ORDER BY metric").map(codec.decode));
    },
  };
}
