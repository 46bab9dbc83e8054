import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import { afterEach, beforeEach, inject } from "vitest";
import { type ExampleProcess, ended, ownDatabase, type Printed, startExample } from "../example-process.js";

// Runs the program as a person does, for each test in a folder of its own.

export let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "client-milestones-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

export async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

export function start(args: readonly string[], url?: string): ExampleProcess {
  return startExample(["client-milestones", ...args], { cwd: folder, url });
}

export interface Place {
  run(...args: string[]): Promise<Printed>;
  start(...args: string[]): ExampleProcess;
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
}

export function onSqlite(): Place {
  return {
    run: (...args) => ended(start(args)),
    start: (...args) => start(args),
    async rows(sql) {
      const db = new BetterSqlite3(join(folder, "client-milestones.db"), { readonly: true });
      try {
        return db.prepare<[], Record<string, unknown>>(sql).all();
      } finally {
        db.close();
      }
    },
  };
}

export async function onPostgres(): Promise<Place & { drop(): Promise<void> }> {
  const database = await ownDatabase(inject("databaseUrl"));
  return {
    run: (...args) => ended(start(args, database.url)),
    start: (...args) => start(args, database.url),
    rows: database.rows,
    drop: database.drop,
  };
}

/** Acme has three members to tell at two addresses, Quiet has none. */
export const clients: string = JSON.stringify([
  {
    id: "acme",
    name: "Acme",
    domain: "acme.example.com",
    members: [
      { email: "zoe@acme.example.com", firstName: "Zoe", lastName: "Z", role: "Owner" },
      { email: "abe@acme.example.com", firstName: "Abe", lastName: "A", role: "Manager" },
      { email: "ABE@acme.example.com", firstName: "Abel", lastName: "A", role: "Owner" },
      { email: "vic@acme.example.com", firstName: "Vic", lastName: "V", role: "Viewer" },
    ],
  },
  {
    id: "quiet",
    name: "Quiet",
    domain: "quiet.example.com",
    members: [{ email: "vera@quiet.example.com", firstName: "Vera", lastName: "V", role: "Viewer" }],
  },
]);

/** How many mails were printed. */
export const mails = (text: string): number => text.match(/^To: /gm)?.length ?? 0;
