import { compareKeys } from "../../text-key.js";
import type { WorkerRepository } from "../worker-repository.js";
import type { Tables } from "./tables.js";

export function memoryWorkers({ workers, clock }: Tables): WorkerRepository {
  return {
    async beat({ keep, now = clock(), ...beat }) {
      for (const [id, { seenAt }] of workers) {
        if (id !== beat.id && now.getTime() - seenAt.getTime() > keep) workers.delete(id);
      }
      workers.set(beat.id, { ...beat, startedAt: workers.get(beat.id)?.startedAt ?? now, seenAt: now });
      return { now };
    },

    async leave({ id }) {
      workers.delete(id);
    },

    async list({ now = clock() }) {
      const all = [...workers.values()].sort(
        (a, b) => a.startedAt.getTime() - b.startedAt.getTime() || compareKeys(a.id, b.id),
      );
      return { now, workers: all };
    },
  };
}
