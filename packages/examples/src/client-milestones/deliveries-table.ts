import { readdir, readFile } from "node:fs/promises";
import type { Migration } from "@milepost/core/store";
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

/** `migrations/<dialect>/0001_name.sql` and those after it, in order. */
export async function readMigrations(dialect: "postgres" | "sqlite"): Promise<readonly Migration[]> {
  const folder = new URL(`migrations/${dialect}/`, import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(
    files.map(async (file) => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(5, -4),
      sql: await readFile(new URL(file, folder), "utf8"),
    })),
  );
}
