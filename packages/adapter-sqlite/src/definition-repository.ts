import { type DefinitionRepository, defaultTenant, type InstalledDefinition } from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import type { Driver } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const codec: RowCodec<InstalledDefinition> = rowCodec<InstalledDefinition>({
  metric: "plain",
  generation: "plain",
  decrements: "flag",
  gauge: "flag",
  retain: "plain",
  eventRetention: "plain",
  rememberedSince: "time",
  births: "json",
  milestones: "json",
  former: "json",
  removed: "json",
  adopted: "plain",
});

export function definitionRepository(driver: Driver): DefinitionRepository {
  return {
    install({ definitions, act, now }) {
      // No lock on single definitions, as Postgres needs one against a recorder: BEGIN IMMEDIATE keeps all others out.
      return driver.write((step) => {
        for (const { metric, generation } of definitions) {
          const stored = step.get("SELECT generation FROM {definitions} WHERE metric = ?", metric);
          if ((stored?.generation ?? 0) !== generation - 1) return false;
        }
        const at = step.now(now);
        for (const definition of definitions) {
          const sql = `INSERT OR REPLACE INTO {definitions} (${codec.columns}) VALUES (${codec.marks})`;
          step.run(sql, ...codec.values(definition));
          if (act === undefined) continue;
          const { by, why } = act;
          const about = { tenant: defaultTenant, entity: "definition", entityId: definition.metric };
          insertAct(step, { ...about, act: "reinstall", by, why, at });
        }
        return true;
      });
    },

    adopted({ metric, generation }) {
      const sql = "UPDATE {definitions} SET adopted = generation WHERE metric = ? AND generation = ?";
      return driver.write((step) => step.run(sql, metric, generation) > 0);
    },

    list() {
      return driver.read((step) => step.all("SELECT * FROM {definitions} ORDER BY metric").map(codec.decode));
    },
  };
}
