import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { crossed, installed, lease, markOf, notificationOf } from "./delivery-samples.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

let sandbox: Sandbox;
let store: PostgresStore;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  store = sandbox.store();
  await store.migrate();
  await installed(store);
});
afterEach(() => sandbox.dispose());

test("a mark that waits for its row takes its room when it is made, so that no more than the rate are made after it", async () => {
  const person = { tenant: "default", by: "ann", why: "a test" };
  const [announce] = await crossed(store, "acme", ["c-1"]);
  await announce!(["n-1", "n-2"].map((id) => notificationOf("c-1", id)));
  await store.lanes.limit({ ...person, notifier: "smtp", rate: { count: 1, interval: 1_000 } });
  const [first, second] = await store.notifications.claim({ notifiers: ["smtp"], limit: 2, served: [], lease });

  const client = await sandbox.pool({ max: 1 }).connect();
  const row = `SELECT FROM "${sandbox.schema}".notifications WHERE id = '${first!.id}' FOR UPDATE`;
  await client.query(`BEGIN; ${row}`);
  const marking = store.notifications.mark({ marks: [markOf(first!)], lease });
  // for longer than the rate's interval, by the database's clock
  await client.query("SELECT pg_sleep(1.2)");
  await client.query("COMMIT");
  client.release();
  expect(await marking).toMatchObject([{ result: "marked" }]);
  expect(await store.notifications.mark({ marks: [markOf(second!)], lease })).toMatchObject([{ result: "deferred" }]);
});
