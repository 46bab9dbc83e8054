import type { ActRepository } from "../act-repository.js";
import type { Tables } from "./tables.js";

export function memoryActs(tables: Tables): ActRepository {
  return {
    async list({ tenant, entity, entityId, by, after = 0, limit }) {
      return tables.acts
        .map((act, i) => ({ ...act, number: i + 1 }))
        .filter((act) => act.tenant === tenant && act.number > after)
        .filter((act) => (entity ?? act.entity) === act.entity && (entityId ?? act.entityId) === act.entityId)
        .filter((act) => (by ?? act.by) === act.by)
        .slice(0, limit);
    },
  };
}
