import type pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

// A step that fails at its last statement leaves nothing of the others. Each of these writes its act late.

let sandbox: Sandbox;
let store: PostgresStore;
let admin: pg.Pool;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  admin = sandbox.pool();
  store = sandbox.store();
  await store.migrate();
  const address = { tenant: "default", recipientKey: "max", scope: "*", by: "ann", why: "she asked" };
  await store.suppressions.add({ ...address, reason: "manual", detail: null });
  await store.suppressions.bounced({ ...address, recipientKey: "ada", limit: 9, within: 1_000, detail: null });
  await admin.query(`CREATE FUNCTION "${sandbox.schema}".no_more() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'the disk is full'; END $$;
    CREATE TRIGGER no_more BEFORE INSERT ON "${sandbox.schema}".acts
      FOR EACH ROW EXECUTE FUNCTION "${sandbox.schema}".no_more()`);
});
afterEach(() => sandbox.dispose());

const person = { tenant: "default", by: "ann", why: "she asked" };
const ada = { ...person, recipientKey: "ada" };
const steps: Readonly<Record<string, () => Promise<unknown>>> = {
  add: () => store.suppressions.add({ ...ada, scope: "*", reason: "hard_bounce", detail: null }),
  bounced: () => store.suppressions.bounced({ ...ada, limit: 2, within: 1_000, detail: null }),
  release: () => store.suppressions.release({ ...ada, recipientKey: "max", scope: "*" }),
  consent: () => store.suppressions.consent({ ...ada, scope: "news", granted: true, source: "a form" }),
  limit: () => store.lanes.limit({ ...person, notifier: "smtp", rate: { count: 1, interval: 1 } }),
  pause: () => store.lanes.setPaused({ ...person, notifier: "smtp", paused: true }),
};

test.each(Object.keys(steps))("%s leaves nothing half-written", async (name) => {
  const contents = () => {
    const tables = ["suppressions", "bounces", "consents", "lanes", "acts"];
    const read = (table: string) => admin.query(`SELECT * FROM "${sandbox.schema}".${table}`);
    return Promise.all(tables.map(async (table) => (await read(table)).rows));
  };
  const before = await contents();
  await expect(steps[name]?.()).rejects.toMatchObject({ code: "store_failed" });
  expect(await contents()).toEqual(before);
});
