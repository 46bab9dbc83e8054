import { actingSteps, actingTables, beforeActing } from "@milepost/core/conformance";
import type pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

let sandbox: Sandbox;
let store: PostgresStore;
let admin: pg.Pool;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  admin = sandbox.pool();
  store = sandbox.store();
  await store.migrate();
  await beforeActing(store);
  await admin.query(`CREATE FUNCTION "${sandbox.schema}".no_more() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'the disk is full'; END $$;
    CREATE TRIGGER no_more BEFORE INSERT ON "${sandbox.schema}".acts
      FOR EACH ROW EXECUTE FUNCTION "${sandbox.schema}".no_more()`);
});
afterEach(() => sandbox.dispose());

test.each(actingSteps)("$name leaves nothing half-written when its last statement fails", async ({ take }) => {
  const read = (table: string) => admin.query(`SELECT * FROM "${sandbox.schema}".${table}`);
  const contents = () => Promise.all(actingTables.map(async (table) => (await read(table)).rows));
  const before = await contents();
  await expect(take(store)).rejects.toMatchObject({ code: "store_failed" });
  expect(await contents()).toEqual(before);
});
