import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { postgresPool } from "./place.js";
import { checkServer, openPlaces, ServerError } from "./places.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "milepost-places-test-"));
  vi.stubEnv("TMPDIR", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** The server of the tests, another account, database or password. */
function serverUrl(parts: Partial<Pick<URL, "username" | "password" | "pathname">> = {}): string {
  return Object.assign(new URL(inject("databaseUrl")), parts).href;
}

/** An account of its own, whose databases are told apart from those that other tests make meanwhile. */
async function withRole(
  may: "CREATEDB" | "NOCREATEDB",
  use: (url: string, owned: () => Promise<readonly string[]>, admin: pg.Pool) => Promise<void>,
): Promise<void> {
  const role = `chaos_test_${randomBytes(6).toString("hex")}`;
  const admin = postgresPool(serverUrl(), 1);
  const ofRole = `SELECT datname FROM pg_database WHERE datdba = '${role}'::regrole`;
  const owned = async () => (await admin.query<{ datname: string }>(ofRole)).rows.map(({ datname }) => datname);
  try {
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret' ${may}`);
    await use(serverUrl({ username: role, password: "secret" }), owned, admin);
  } finally {
    await admin.query(`DROP ROLE IF EXISTS ${role}`);
    await admin.end();
  }
}

async function refused(url: string): Promise<string> {
  const error: unknown = await checkServer(url).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(ServerError);
  expect(await readdir(folder)).toEqual([]);
  return (error as ServerError).message;
}

test("a server that can be used is left as it was", async () => {
  await withRole("CREATEDB", async (url, owned) => {
    await checkServer(url);
    expect(await owned()).toEqual([]);
  });
  expect(await readdir(folder)).toEqual([]);
});

test("nobody listens: the reason is told, and nothing is left", async () => {
  expect(await refused("postgres://me:secret@127.0.0.1:1/x")).toBe("connect ECONNREFUSED 127.0.0.1:1");
});

test("nobody listens on any address of the host: one line, not none", async () => {
  const message = await refused("postgres://me:secret@localhost:1/x");
  expect(message).toMatch(/^connect ECONNREFUSED [^\n]+$/);
  expect(message).not.toContain("secret");
});

test("the database is missing", async () => {
  expect(await refused(serverUrl({ pathname: "/not_there" }))).toBe('database "not_there" does not exist');
});

test("the account may not create databases", async () => {
  await withRole("NOCREATEDB", async (url) => {
    expect(await refused(url)).toBe("permission denied to create database");
  });
});

test("another kind of server, which hangs up", async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as { port: number };
    expect(await refused(`postgres://me:secret@127.0.0.1:${port}/x`)).not.toContain("secret");
  } finally {
    server.close();
  }
});

test.each(["me:secret@host", "http://me:secret@127.0.0.1/x", "postgres:x", "postgres://me:sec/ret@host:port/x"])(
  "no URL of a Postgres server, and none of it is repeated: %s",
  async (url) => {
    expect(await refused(url)).toBe("it is not a URL like postgres://user:password@host:5432/database");
  },
);

test("a server that lets nobody in any more keeps its database, but the folder is removed", async () => {
  await withRole("CREATEDB", async (url, owned, admin) => {
    const places = await openPlaces("postgres", url);
    await admin.query(`ALTER ROLE ${new URL(url).username} NOLOGIN`);
    const [left] = await owned();
    await expect(places.dispose()).rejects.toThrow(`the database ${left} is not removed: `);
    expect(await readdir(folder)).toEqual([]);
    await admin.query(`DROP DATABASE ${left}`);
  });
});
