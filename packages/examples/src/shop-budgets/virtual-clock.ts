import type { ShopTables } from "./shop-tables.js";

/** The time that the example's months pass in. It is kept with the shops, and never goes back. */
export interface VirtualClock {
  now(): Date;
  /** Stored before anything happens at that time, so that a run which was cut off goes on there. */
  advance(to: Date): Promise<void>;
}

export function virtualClock(tables: Pick<ShopTables, "setClock">, stored: Date | null, first: Date): VirtualClock {
  let now = stored ?? first;
  return {
    now: () => now,
    async advance(to) {
      if (to <= now) return;
      await tables.setClock(to);
      now = to;
    },
  };
}
