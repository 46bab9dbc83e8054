import assert from "node:assert/strict";
import { type SqlStatement, sql } from "../milestone/sql.js";
import type { HostDatabase, OpenedStore } from "./case.js";

// A table of the host's in which statements leave lines; its numbers show their order.

const create = "CREATE TABLE host_log (number integer PRIMARY KEY, line text NOT NULL)";

/** Appends a line. */
export const log = (line: string): SqlStatement =>
  sql`INSERT INTO host_log (number, line) SELECT coalesce(max(number), 0) + 1, ${line} FROM host_log`;
/** Always fails: a line is NOT NULL. */
export const broken: SqlStatement = sql`INSERT INTO host_log (number, line) VALUES (1, ${null})`;

export async function lines(host: HostDatabase): Promise<readonly unknown[]> {
  return (await host.all("SELECT line FROM host_log ORDER BY number")).map(({ line }) => line);
}

/** The host's tables, with an empty log. */
export async function hostOf({ host }: OpenedStore): Promise<HostDatabase> {
  assert.ok(host, "a store with effects is opened with the host's tables");
  await host.run(create);
  return host;
}
