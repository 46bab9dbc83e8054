import pg from "pg";
import { expect, inject, it } from "vitest";
import { type PostgresPool, type PostgresStoreOptions, postgresStore } from "./index.js";

const pool = new pg.Pool();

it("refuses what is no pool and options it does not have, with their path", async () => {
  const refused = (make: () => unknown, path: string) =>
    expect(make).toThrow(expect.objectContaining({ code: "invalid_options", path }));
  refused(() => postgresStore("postgres://localhost" as unknown as PostgresPool), "pool");
  refused(() => postgresStore(undefined as unknown as PostgresPool), "pool");
  refused(() => postgresStore(pool, { scheme: "x" } as PostgresStoreOptions), "scheme");
});

it("says so when it was given a client instead of a pool", async () => {
  const client = new pg.Client({ connectionString: inject("databaseUrl") });
  try {
    await expect(postgresStore(client as unknown as PostgresPool).definitions.list()).rejects.toMatchObject({
      code: "invalid_options",
      path: "pool",
    });
  } finally {
    await client.end();
  }
});
