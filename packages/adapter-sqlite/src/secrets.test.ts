import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMilepost, keyRing, type Notifier } from "@milepost/core";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sqliteStore } from "./index.js";

// Secrets of a host in its own table: what a thief of the file, or whoever may write to it, has of them (S13).

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "milepost-secrets-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the database's files hold no secret, and a row that is copied to another tenant opens nothing", () => {
  const ring = keyRing({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });
  const db = new Database(join(folder, "host.db"));
  db.pragma("journal_mode = WAL");
  db.exec("CREATE TABLE providers (tenant TEXT, id TEXT, password TEXT, note TEXT, PRIMARY KEY (tenant, id))");
  const secrets = Array.from({ length: 200 }, () => `pw-${randomBytes(12).toString("hex")}`);
  const place = (tenant: string, row: string) => ({ tenant, table: "providers", column: "password", row });
  const insert = db.prepare("INSERT INTO providers VALUES (?, ?, ?, ?)");
  secrets.forEach((secret, i) => {
    insert.run("acme", `${i}`, ring.seal(secret, place("acme", `${i}`)), i === 0 ? "control-7f3a" : "");
  });
  db.exec("INSERT INTO providers SELECT 'globex', id, password, note FROM providers WHERE tenant = 'acme'");
  db.exec(
    "UPDATE providers SET password = (SELECT password FROM providers WHERE tenant = 'acme' AND id = '1') WHERE id = '0'",
  );

  const dump = Buffer.concat(readdirSync(folder).map((file) => readFileSync(join(folder, file))));
  expect(dump.includes("control-7f3a"), "what is not sealed is found").toBe(true);
  expect(secrets.filter((secret) => dump.includes(secret))).toEqual([]);

  const opened = (db.prepare("SELECT tenant, id, password FROM providers").all() as Record<string, string>[]).map(
    ({ tenant, id, password }) => {
      try {
        return [tenant, id, ring.open(password!, place(tenant!, id!)) === secrets[Number(id)]];
      } catch (error) {
        return [tenant, id, (error as { readonly code?: unknown }).code];
      }
    },
  );
  for (const [tenant, id, result] of opened) {
    expect(result).toBe(tenant === "acme" && id !== "0" ? true : "secret_unreadable");
  }
  expect(opened).toHaveLength(400);
  db.close();
});

const notifier: Notifier = {
  name: "mail",
  channel: "email",
  mode: "at-most-once",
  send: async () => {},
  accounts: { problem: () => null, validate: async () => ({ ok: true, revision: 1 }) },
};

test("the database's files hold no secret of an account, and one that is copied or changed opens nothing", async () => {
  const ring = keyRing({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });
  const db = new Database(join(folder, "app.db"));
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  const store = sqliteStore(db);
  const milepost = createMilepost({ store, keyRing: ring, notifiers: [notifier] });
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
  const dump = Buffer.concat(readdirSync(folder).map((file) => readFileSync(join(folder, file))));
  expect(dump.includes("control-7f3a"), "what is not sealed is found").toBe(true);
  expect(secrets.filter((secret) => dump.includes(secret))).toEqual([]);

  db.exec(`
    CREATE TEMP TABLE copied AS SELECT * FROM milepost_providers;
    UPDATE copied SET tenant = 'globex';
    INSERT INTO milepost_providers SELECT * FROM copied;
    UPDATE milepost_providers SET credentials = substr(credentials, 1, 90) || 'AAAA' || substr(credentials, 95)
      WHERE tenant = 'acme' AND id = 'a0'`);
  const opens = async (tenant: string, id: string) => {
    const { credentials } = (await store.providers.get({ tenant, id }))!;
    try {
      const text = ring.open(credentials!, { tenant, table: "providers", column: "credentials", row: id });
      return text.includes(secrets[Number(id.slice(1))]!);
    } catch (error) {
      return (error as { readonly code?: unknown }).code;
    }
  };
  expect(await opens("acme", "a1")).toBe(true);
  expect(await opens("acme", "a0")).toBe("secret_unreadable");
  for (let i = 0; i < 200; i += 17) expect(await opens("globex", `a${i}`)).toBe("secret_unreadable");
  expect(() => db.exec("UPDATE milepost_providers SET is_primary = 1")).toThrow(/UNIQUE/);
  await milepost.close();
  db.close();
});
