import type { OwnMigrations } from "../migrations.js";
import type { Delivery, DeliveryStatus } from "./delivery.js";

/** The example's own table and views, in whichever database. */
export interface DeliveriesTable {
  /** After the engine's own migrations: the views look at its tables. */
  migrate(): Promise<void>;
  /**
   * Stores those whose id is new, all or none. Answers the ids that were known before, with the status they have: what
   * was stored first stays. Ids within one call are unique.
   */
  add(deliveries: readonly Delivery[]): Promise<ReadonlyMap<string, DeliveryStatus>>;
  hasClients(): Promise<boolean>;
}

/** Numbered migrations, after the engine's own. */
export function deliveriesMigrations(dialect: "postgres" | "sqlite"): OwnMigrations {
  return { folder: new URL(`migrations/${dialect}/`, import.meta.url), table: "client_milestones_migrations" };
}
