import { type Damage, damages, soundHistory } from "@milepost/core/conformance";
import type pg from "pg";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { sqlFiller } from "./driver.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

interface History {
  readonly sandbox: Sandbox;
  readonly pool: pg.Pool;
  readonly store: PostgresStore;
  readonly now: Date;
}

async function withHistory(): Promise<History> {
  const sandbox = new Sandbox(inject("databaseUrl"));
  onTestFinished(() => sandbox.dispose());
  const pool = sandbox.pool();
  const store = sandbox.store({}, pool);
  await store.migrate();
  return { sandbox, pool, store, now: await soundHistory(store) };
}

async function spoil({ pool, sandbox }: History, { sql, withoutKey }: Damage): Promise<void> {
  const fill = sqlFiller({ schema: sandbox.schema, tablePrefix: "" });
  if (withoutKey !== undefined) {
    await pool.query(fill(`ALTER TABLE {${withoutKey}} DROP CONSTRAINT {#${withoutKey}_once}`));
  }
  await pool.query(fill(sql));
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

test("it tells so many examples as were asked for, that there are more, and those of one tenant", async () => {
  const history = await withHistory();
  await spoil(history, damages.find(({ invariant }) => invariant === "I16")!);
  const only = ["I16"] as const;
  const { checks } = await history.store.verify({ only, limit: 2 });
  expect(checks.map(({ id, violations, more }) => [id, violations.length, more])).toEqual([["I16", 2, true]]);
  expect(checks[0]!.violations[0]!.what).toMatch(/^notification [0-9a-f-]{36}$/);
  for (const limit of [0, -1]) {
    const report = await history.store.verify({ only, limit });
    expect([report.sound, report.checks[0]!.violations, report.checks[0]!.more]).toEqual([false, [], true]);
  }
  expect((await history.store.verify({ only, tenant: "other" })).sound).toBe(true);
  expect((await history.store.verify({ only, tenant: "default" })).sound).toBe(false);
});

describe.each(damages.map((damage, n) => [damage.invariant, damage.found, n, damage] as const))(
  "%s, %s (%i)",
  (id, found, _, damage) => {
    test("is reported, by this invariant alone", async () => {
      const history = await withHistory();
      await spoil(history, damage);
      const { checks } = await history.store.verify({ now: history.now });
      const violated = checks.filter(({ violations }) => violations.length > 0);
      expect(violated.map((check) => check.id)).toEqual([id]);
      expect(violated[0]!.violations.map((violation) => violation.found)).toContain(found);
    });
  },
);
