import type { ConformanceCase } from "./case.js";
import { walkDelivery } from "./delivery-walk.js";
import { about } from "./notification-samples.js";

/** Whole courses, step by step beside the model: what single cases cannot name, because it takes many steps to come to it. */
export const notificationWalkCases: readonly ConformanceCase[] = [1, 2].map((seed) => ({
  about,
  name: `150 random steps of workers, sweepers, persons and the clock go as the table of moves says; walk ${seed}`,
  async run({ store }) {
    await walkDelivery(store, seed, 150);
  },
}));
