import type pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { crossed, installed, lease, markOf, notificationOf } from "./delivery-samples.js";
import { Database, type Run } from "./driver.js";
import { markStep } from "./notification-mark.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

const day = 86_400_000;
const person = { tenant: "default", by: "ann", why: "a test" };
const lane = { ...person, notifier: "smtp" };

/** Here a mark is made a day after its lane was locked: nobody waits for a midnight. */
class DayLater extends Database {
  override transaction<T>(...[work, options]: Parameters<typeof Database.prototype.transaction<T>>): Promise<T> {
    const later = (row: object) =>
      "move" in row && "now" in row ? { ...row, now: new Date(Number(row.now) + day) } : row;
    return super.transaction<T>((run, connection) => {
      const delayed: Run = async (statement, values) => (await run<object>(statement, values)).map(later) as never;
      return work(delayed, connection);
    }, options);
  }
}

let sandbox: Sandbox;
let store: PostgresStore;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  store = sandbox.store();
  await store.migrate();
  await installed(store);
});
afterEach(() => sandbox.dispose());

async function leasedTwo() {
  const [announce] = await crossed(store, "acme", ["c-1"]);
  await announce!(["n-1", "n-2"].map((id) => notificationOf("c-1", id)));
  const [first, second] = await store.notifications.claim({ notifiers: ["smtp"], limit: 2, served: [], lease });
  return { first: first!, second: second! };
}

/** A transaction of another process that holds locks, and its end. */
async function holding(sql: string) {
  const client = await sandbox.pool({ max: 1 }).connect();
  await client.query(`SET search_path TO "${sandbox.schema}"; BEGIN; ${sql}`);
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  return {
    /** As soon as a statement waits for it. */
    async isWaitedFor(admin: pg.Pool) {
      const text = "SELECT FROM pg_stat_activity WHERE $1::integer = ANY (pg_blocking_pids(pid))";
      while ((await admin.query(text, [rows[0].pid])).rowCount === 0);
    },
    async release() {
      await client.query("COMMIT");
      client.release();
    },
  };
}

test("a mark that waits for its row takes its room when it is made, so that no more than the rate are made after it", async () => {
  const admin = sandbox.pool({ max: 1 });
  const { first, second } = await leasedTwo();
  await store.lanes.limit({ ...lane, rate: { count: 1, interval: 1_000 } });

  // The mark learns that the lane is metered, which a share lets it read, and comes again to lock it: by then its row is held.
  const share = await holding("SELECT FROM lanes FOR SHARE");
  const marking = store.notifications.mark({ marks: [markOf(first)], lease });
  await share.isWaitedFor(admin);
  const row = await holding(`SELECT FROM notifications WHERE id = '${first.id}' FOR UPDATE`);
  await share.release();
  await row.isWaitedFor(admin);
  // so that its time is another than that of the lane's lock
  await admin.query("SELECT pg_sleep(0.05)");
  await row.release();

  const [marked] = await marking;
  if (marked?.result !== "marked") throw new Error(`it is ${marked?.result}`);
  const now = new Date(marked.markedAt.getTime() + 999);
  expect(await store.notifications.mark({ marks: [markOf(second)], lease, now })).toMatchObject([
    { result: "deferred" },
  ]);
});

test("a mark that waits for its row until its quota's next day is undone, and made anew takes its room of that day", async () => {
  const { first } = await leasedTwo();
  await store.lanes.limit({ ...lane, quota: { count: 1, per: "day:UTC" } });
  const database = new DayLater(sandbox.pool(), {
    schema: sandbox.schema,
    tablePrefix: "",
    prepare: true,
    notify: false,
  });
  const marks = [markOf(first)];
  await expect(markStep(database)({ marks, lease })).rejects.toMatchObject({ code: "store_busy" });
  const state = async () => (await store.notifications.list({ tenant: "default", limit: 9 })).map((each) => each.state);
  expect(await state()).toEqual(["leased", "leased"]);
  expect(await store.notifications.mark({ marks, lease })).toMatchObject([{ result: "marked" }]);
  expect(await state()).toEqual(["sending", "leased"]);
});
