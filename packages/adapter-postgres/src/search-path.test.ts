import { createMilepost, milestone, thresholds } from "@milepost/core";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { hostilePublic } from "./hostile-public.js";
import { ownDatabase, watched } from "./postgres-harness.js";
import { postgresStore } from "./postgres-store.js";
import { refuseUnsafeSearchPath, searchPathText } from "./search-path.js";

describe("refuseUnsafeSearchPath", () => {
  test.each([
    "",
    "public",
    '"$user", public',
    "pg_catalog, public",
    "PG_CATALOG,public",
    "pg_temp, pg_catalog",
    '"Pg_Catalog", public',
  ])("takes %j", (path) => expect(() => refuseUnsafeSearchPath(path)).not.toThrow());

  test.each([
    ["public, pg_catalog", "public"],
    ['"$user", public,pg_catalog', "$user"],
    ['pg_temp, "with, comma", pg_catalog', "with, comma"],
    ['"say ""hi""", "pg_catalog"', 'say "hi"'],
    ["not_there_yet, PG_CATALOG", "not_there_yet"],
  ])("refuses %j for what stands before pg_catalog", (path, named) => {
    expect(() => refuseUnsafeSearchPath(path)).toThrow(
      expect.objectContaining({ code: "unsafe_search_path", message: expect.stringContaining(`"${named}"`) }),
    );
  });
});

describe("over a real connection", () => {
  let database: Awaited<ReturnType<typeof ownDatabase>>;
  const pools: pg.Pool[] = [];
  const poolWith = (searchPath: string) => {
    const pool = new pg.Pool({
      connectionString: database.url,
      options: `-c search_path=${searchPath.replace(/[ \\]/g, "\\$&")}`,
      max: 2,
    });
    pools.push(pool);
    return pool;
  };
  beforeAll(async () => {
    database = await ownDatabase(inject("databaseUrl"));
    // Every comparison of two texts is true for whoever finds this operator first.
    await poolWith("pg_catalog").query(`${hostilePublic};
      CREATE FUNCTION public.always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
      CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.always)`);
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.drop();
  });

  const engine = (pool: pg.Pool, schema: string) =>
    createMilepost({
      store: postgresStore(pool, { schema }),
      milestones: [milestone({ name: "m", metric: "x", policy: thresholds(2) })],
    });
  const event = (id: string) => ({ id, metric: "x", subject: "acme" });

  test("one that puts public before pg_catalog is refused, and nothing is stored", async () => {
    const safe = engine(poolWith("public"), "kept");
    await safe.migrate();
    await safe.record(event("e1"));

    const unsafe = engine(poolWith("public, pg_catalog"), "kept");
    await expect(unsafe.record(event("e2"))).rejects.toMatchObject({ code: "unsafe_search_path", path: "search_path" });
    await expect(engine(poolWith("public, pg_catalog"), "other").migrate()).rejects.toMatchObject({
      code: "unsafe_search_path",
    });
    expect(await safe.counters.list()).toMatchObject([{ subject: "acme", value: 1 }]);
    const { rows } = await poolWith("pg_catalog").query("SELECT FROM pg_namespace WHERE nspname = 'other'");
    expect(rows).toEqual([]);
    expect(await safe.record(event("e2"))).toMatchObject({ counted: true, value: 2, crossings: [{ threshold: "2" }] });
  });

  test("the connection goes back to the pool, and is taken once its setting is repaired", async () => {
    const pool = new pg.Pool({ connectionString: database.url, options: "-c search_path=public,pg_catalog", max: 1 });
    pools.push(pool);
    const milepost = engine(pool, "repaired");
    await expect(milepost.migrate()).rejects.toMatchObject({ code: "unsafe_search_path" });
    await pool.query("SET search_path = public");
    expect((await milepost.migrate()).applied).not.toEqual([]);
    expect(pool.totalCount).toBe(1);
  });

  test("is looked at once per connection, before anything else", async () => {
    const texts: string[] = [];
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    pools.push(pool);
    const milepost = engine(
      watched(pool, (text) => texts.push(text)),
      "looked",
    );
    await milepost.migrate();
    await milepost.record(event("e1"));
    await milepost.record(event("e2"));
    expect(texts[0]).toBe(searchPathText);
    expect(texts.filter((text) => text === searchPathText)).toHaveLength(1);
  });
});
