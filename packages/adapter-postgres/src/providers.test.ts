import { randomBytes } from "node:crypto";
import { createMilepost, keyRing, type Notifier } from "@milepost/core";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";

// What whoever reads the tables, or writes to them, has of accounts (S13).

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

const notifier: Notifier = {
  name: "mail",
  channel: "email",
  mode: "at-most-once",
  send: async () => {},
  accounts: { problem: () => null, validate: async () => ({ ok: true, revision: 1 }) },
};

test("no table holds a secret, and a row that is copied to another tenant or changed opens nothing", async () => {
  const ring = keyRing({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });
  const milepost = createMilepost({ store: sandbox.store(), keyRing: ring, notifiers: [notifier] });
  await milepost.migrate();
  const secrets = Array.from({ length: 200 }, () => `pw-${randomBytes(12).toString("hex")}`);
  for (const [i, password] of secrets.entries()) {
    const credentials = { type: "password", user: `u${i}`, password } as const;
    const sender = { address: `control-7f3a-${i}@shop.example` };
    await milepost.providers.add({
      tenant: "acme",
      id: `a${i}`,
      kind: "smtp",
      sender,
      credentials,
      by: "ann",
      why: "x",
    });
  }
  const pool = sandbox.pool();
  const tables = await pool.query("SELECT tablename FROM pg_tables WHERE schemaname = $1", [sandbox.schema]);
  let dump = "";
  for (const { tablename } of tables.rows) {
    const { rows } = await pool.query(`SELECT t::text AS row FROM "${sandbox.schema}"."${tablename}" t`);
    dump += rows.map(({ row }) => row).join("\n");
  }
  expect(dump.includes("control-7f3a"), "what is not sealed is found").toBe(true);
  expect(secrets.filter((secret) => dump.includes(secret))).toEqual([]);

  const providers = `"${sandbox.schema}".providers`;
  await pool.query(
    `INSERT INTO ${providers} SELECT 'globex', id, family, channel, kind, name, sender, reply_to, settings, credentials,
       state, detail, is_primary, position, revision, renewing_until, validated_at, validation_error, created_at
     FROM ${providers}`,
  );
  await pool.query(`UPDATE ${providers} SET credentials = overlay(credentials PLACING 'AAAA' FROM 90) WHERE id = 'a0'`);
  const opens = async (tenant: string, id: string) => {
    const row = (await sandbox.store().providers.get({ tenant, id }))!;
    const place = { tenant, table: "providers", column: "credentials", row: id };
    try {
      return ring.open(row.credentials!, place).includes(secrets[Number(id.slice(1))]!);
    } catch (error) {
      return (error as { readonly code?: unknown }).code;
    }
  };
  expect(await opens("acme", "a1")).toBe(true);
  expect(await opens("acme", "a0")).toBe("secret_unreadable");
  for (let i = 0; i < 200; i += 17) expect(await opens("globex", `a${i}`)).toBe("secret_unreadable");
  await milepost.close();
});

test("the schema allows one primary account of a tenant and channel", async () => {
  const milepost = createMilepost({ store: sandbox.store(), notifiers: [notifier] });
  await milepost.migrate();
  const account = { kind: "smtp", sender: { address: "a@shop.example" }, by: "ann", why: "x" };
  for (const id of ["a", "b"]) await milepost.providers.add({ ...account, id });
  const sql = `UPDATE "${sandbox.schema}".providers SET is_primary = true`;
  await expect(sandbox.pool().query(sql)).rejects.toMatchObject({ code: "23505" });
  await milepost.close();
});
