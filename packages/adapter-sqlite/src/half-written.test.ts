import { afterEach, beforeEach, expect, test } from "vitest";
import { type SqliteStore, sqliteStore } from "./index.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";

// A step that fails at its last statement leaves nothing of the others. Each of these ends with its act.

let database: TemporaryDatabase;
let store: SqliteStore;
beforeEach(async () => {
  database = temporaryDatabase();
  const db = database.open();
  store = sqliteStore(db);
  await store.migrate();
  const address = { tenant: "default", recipientKey: "max", scope: "*", by: "ann", why: "she asked" };
  await store.suppressions.add({ ...address, reason: "manual", detail: null });
  await store.suppressions.bounced({ ...address, recipientKey: "ada", limit: 9, within: 1_000, detail: null });
  db.exec("CREATE TRIGGER no_more BEFORE INSERT ON milepost_acts BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
});
afterEach(() => database.dispose());

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
    return tables.map((table) => database.open().prepare(`SELECT * FROM milepost_${table}`).all());
  };
  const before = contents();
  await expect((async () => steps[name]?.())()).rejects.toMatchObject({ code: "store_failed" });
  expect(contents()).toEqual(before);
});
