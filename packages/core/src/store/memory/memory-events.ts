import type { EventRepository } from "../event-repository.js";
import { keyOf, type Tables } from "./tables.js";

export function memoryEvents(tables: Tables): EventRepository {
  return {
    async list({ tenant, metric, subject, after, limit }) {
      return tables.retained
        .filter((event) => event.tenant === tenant && event.metric === metric && event.subject === subject)
        .filter(
          ({ rev, place }) => after === undefined || rev - after.rev > 0 || (rev === after.rev && place > after.place),
        )
        .sort((a, b) => a.rev - b.rev || a.place - b.place)
        .slice(0, limit);
    },

    async known({ tenant, metric, ids }) {
      return [...new Set(ids)].filter((id) => tables.events.has(keyOf(tenant, metric, id)));
    },

    async purge({ metric, generation, age, limit, now = tables.clock() }) {
      if (tables.definitions.get(metric)?.generation !== generation) return 0;
      const old = (event: { readonly metric: string; readonly occurredAt: Date | null }) =>
        event.metric === metric && event.occurredAt !== null && now.getTime() - event.occurredAt.getTime() > age;
      const ids = [...tables.events].filter(([, event]) => old(event)).slice(0, limit);
      for (const [key] of ids) tables.events.delete(key);
      const retained = tables.retained.filter(old).slice(0, limit);
      const gone = new Set(retained);
      tables.retained = tables.retained.filter((event) => !gone.has(event));
      return Math.max(ids.length, retained.length);
    },
  };
}
