import { damageCases, type SpoilableHistory, soundHistory } from "@milepost/core/conformance";
import type pg from "pg";
import { expect, inject, onTestFinished, test } from "vitest";
import { sqlFiller } from "./driver.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

interface History extends SpoilableHistory {
  readonly sandbox: Sandbox;
  readonly pool: pg.Pool;
  readonly store: PostgresStore;
}

async function withHistory(): Promise<History> {
  const sandbox = new Sandbox(inject("databaseUrl"));
  onTestFinished(() => sandbox.dispose());
  const pool = sandbox.pool();
  const store = sandbox.store({}, pool);
  await store.migrate();
  const fill = sqlFiller({ schema: sandbox.schema, tablePrefix: "" });
  return {
    ...{ sandbox, pool, store, now: await soundHistory(store) },
    async spoil({ sql, withoutKey }) {
      if (withoutKey !== undefined) {
        await pool.query(fill(`ALTER TABLE {${withoutKey}} DROP CONSTRAINT {#${withoutKey}_once}`));
      }
      await pool.query(fill(sql));
    },
  };
}

test("a history that nobody damaged is sound, also to who may only read", async () => {
  const { sandbox, now } = await withHistory();
  const options = "-c default_transaction_read_only=on";
  const { sound, checks } = await sandbox.store({}, sandbox.pool({ options })).verify({ now });
  expect(checks.flatMap(({ violations }) => violations)).toEqual([]);
  expect(sound).toBe(true);
});

test("nobody who writes waits for it", async () => {
  const history = await withHistory();
  const writer = await history.pool.connect();
  await writer.query("BEGIN");
  await writer.query(`UPDATE "${history.sandbox.schema}".notifications SET detail = detail`);
  expect((await history.store.verify({ now: history.now })).sound).toBe(true);
  await writer.query("ROLLBACK");
  writer.release();
});

test.each(damageCases)("$name", async ({ run }) => run(await withHistory()));
