import { createHash } from "node:crypto";
import type { Database } from "./driver.js";

/**
 * Between what adds notifications and what forbids an address: a suppression cannot see, and so cannot end, notifications
 * that another transaction is about to commit. Whoever adds some holds this lock shared until its commit; whoever forbids
 * an address takes it first, exclusively, and looks for notifications in a statement of its own after that. So it sees
 * all that were added before, and those that are added after it are marked by statements that see it.
 *
 * One number per tenant, as Postgres' advisory locks are numbers: a lock for each address would fill its lock table.
 */
export function addressLock(database: Database, tenant: string): string {
  const text = `milepost addresses ${database.fill("{suppressions}")} ${tenant}`;
  return createHash("sha256").update(text).digest().readBigInt64BE().toString();
}
