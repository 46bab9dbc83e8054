import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Client } from "pg";

// For tests: examples as the processes that people start.

const program = fileURLToPath(new URL("../example.mjs", import.meta.url));

export type ExampleProcess = ChildProcessByStdio<null, Readable, Readable>;

export interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExamplePlace {
  readonly cwd: string;
  /** The Postgres database; SQLite is used without it. */
  readonly url?: string | undefined;
  /** Where temporary files go, if not where the machine puts them. */
  readonly tmp?: string;
}

export function startExample(args: readonly string[], { cwd, url, tmp }: ExamplePlace): ExampleProcess {
  const { DATABASE_URL: _, ...env } = process.env;
  return spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...env, ...(url !== undefined && { DATABASE_URL: url }), ...(tmp !== undefined && { TMPDIR: tmp }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export async function ended(child: ExampleProcess): Promise<Printed> {
  const out = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (out.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...out };
}

export interface OwnDatabase {
  readonly url: string;
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** A new database on the server of `serverUrl`: an example's schema has a fixed name, and tests run in parallel. */
export async function ownDatabase(serverUrl: string): Promise<OwnDatabase> {
  const name = `example_${crypto.randomUUID().replaceAll("-", "")}`;
  const own = new URL(serverUrl);
  own.pathname = `/${name}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  return {
    url: own.href,
    rows: (sql) => query(own.href, sql),
    drop: async () => void (await query(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`)),
  };
}

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
