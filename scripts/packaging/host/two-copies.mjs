// Both module formats in one process: two copies of every class, which must still know each other's errors.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as adapter from "@milepost/adapter-sqlite";
import * as core from "@milepost/core";
import * as store from "@milepost/core/store";
import Database from "better-sqlite3";

const require = createRequire(import.meta.url);
const esm = { ...core, ...adapter };
const cjs = { ...require("@milepost/core"), ...require("@milepost/adapter-sqlite") };
assert.notEqual(cjs.MilepostError, esm.MilepostError, "there is one copy only: this proves nothing");
assert.equal(store.MilepostError, esm.MilepostError, "every entry of a format has the same class");
assert.equal(require("@milepost/core/store").MilepostError, cjs.MilepostError);

const db = new Database(":memory:");
for (const [thrower, knower] of [
  [cjs, esm],
  [esm, cjs],
]) {
  const unmigrated = thrower.sqliteStore(db);
  const errors = {
    invalid_options: () => thrower.createMilepost({}),
    schema_missing: () => unmigrated.counters.list({ tenant: "default", limit: 1 }),
  };
  for (const [code, act] of Object.entries(errors)) {
    await assert.rejects(
      async () => act(),
      (error) => {
        assert.ok(error instanceof thrower.MilepostError && !(error instanceof knower.MilepostError));
        assert.ok(knower.MilepostError.is(error));
        assert.equal(error.code, code);
        return true;
      },
    );
  }
  // and through the other copy's engine
  const milepost = knower.createMilepost({ store: unmigrated, onUnknownMetric: "count" });
  await assert.rejects(milepost.record({ id: "1", metric: "m", subject: "s" }), { code: "schema_missing" });
  await milepost.close();
}
assert.ok(!esm.MilepostError.is(new Error("schema_missing")));
