import {
  engineCases,
  hostileNames,
  runConformanceCase,
  type StoreHarness,
  storeCases,
} from "@milepost/core/conformance";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { hostilePublic } from "./hostile-public.js";
import { ownDatabase, postgresHarness, Sandbox } from "./postgres-harness.js";

// Every case runs in a database where others made functions and operators in public, with the default search_path.

const cases = [...storeCases(), ...engineCases()];
const texts = new Set<string>();
let database: Awaited<ReturnType<typeof ownDatabase>>;
let harness: StoreHarness;
let admin: pg.Client;
beforeAll(async () => {
  database = await ownDatabase(inject("databaseUrl"));
  harness = postgresHarness(database.url, (text) => texts.add(text));
  admin = new pg.Client({ connectionString: database.url, options: "-c search_path=pg_catalog" });
  await admin.connect();
  await admin.query(hostilePublic);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

describe.each([...new Set(cases.map(({ about }) => about))])("%s", (about) => {
  for (const each of cases.filter((one) => one.about === about)) {
    test(each.name, async ({ skip }) => {
      const outcome = await runConformanceCase(harness, each);
      if (outcome === "skipped") skip(`the store does not support ${each.requires}`);
    });
  }
});

describe("the statements that these cases sent", () => {
  /** Each once, over the tables of one schema: the cases had one each. A month's partition stands for its table. */
  function statements(schema: string): readonly string[] {
    const overOne = (text: string) =>
      text
        .replaceAll(/"test_[0-9a-f]{16}"/g, `"${schema}"`)
        .replaceAll(/delivery_events_\d{4}_\d\d/g, "delivery_events");
    return [...new Set([...texts].map(overOne))];
  }

  test("mean nothing that anybody made in public", async () => {
    const sandbox = new Sandbox(database.url);
    onTestFinished(() => sandbox.dispose());
    await sandbox.store().migrate();
    await admin.query("CREATE SCHEMA probe");
    const probed = statements(sandbox.schema).filter((text) => /^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b/.test(text));
    // A function whose body is parsed when it is made depends on every function and operator that the body means.
    const withDefaultPath = (text: string) =>
      admin.query(`SET search_path = "$user", public; ${text}; SET search_path = pg_catalog`);
    for (const [i, text] of probed.entries()) {
      await withDefaultPath(`PREPARE probe AS ${text}`);
      const { rows } = await admin.query(
        "SELECT array_to_string(parameter_types, ',') AS types FROM pg_prepared_statements WHERE name = 'probe'",
      );
      await admin.query("DEALLOCATE probe");
      const header = `CREATE FUNCTION probe.p${i}(${rows[0].types}) RETURNS void LANGUAGE sql`;
      await withDefaultPath(`${header} BEGIN ATOMIC ${text}; END`);
    }
    // The migrations' defaults, checks and index predicates are among them.
    const { rows } = await admin.query(`
      SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS ours,
        pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS theirs
      FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) AS o,
        pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) AS r
      WHERE r.schema = 'public' AND o.schema IS DISTINCT FROM 'public' AND o.type <> 'default acl'`);
    expect(rows).toEqual([]);
    expect(probed.length).toBeGreaterThan(40);
  });

  test("hold no name from outside: those only ever travel as parameters", () => {
    // one case gives "victim" in every place where a name may be given
    const attempts = hostileNames.filter((name) => name.includes("victim"));
    expect(attempts.length).toBeGreaterThan(0);
    expect([...texts].filter((text) => text.includes("victim"))).toEqual([]);
  });

  test("call no function without its schema", () => {
    // What may stand before a parenthesis and is no function, apart from names that were just introduced by AS or INTO.
    const syntax =
      /^(ARRAY|AS|AND|OR|NOT|IN|ANY|ON|OVER|FILTER|VALUES|FROM|JOIN|LATERAL|EXISTS|SELECT|WHERE|WHEN|THEN|ELSE|UNIQUE|KEY|CHECK|WITH|USING|INDEX|LIMIT|CONFLICT|SET|RETURNING|ALL|OPERATOR|RANGE|TO|gin|coalesce|greatest|least|nullif)$/;
    const calls = statements("s").flatMap((text) => {
      const bare = text.replace(/--.*$/gm, "").replace(/'(?:[^']|'')*'/g, "''");
      const found = bare.matchAll(/(?<!\b(?:AS|INTO|TABLE|ON)\s+)(?<![\w."])([a-z_][a-z0-9_]*)\s*\(/gi);
      return [...found].map(([, name]) => name!).filter((name) => !syntax.test(name));
    });
    expect(texts.size).toBeGreaterThan(40);
    expect([...new Set(calls)]).toEqual([]);
  });
});
