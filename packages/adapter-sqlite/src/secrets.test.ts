import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyRing } from "@milepost/core";
import Database from "better-sqlite3";
import { afterEach, expect, test } from "vitest";

// Secrets of a host in its own table: what a thief of the file, or whoever may write to it, has of them (S13).

const folder = mkdtempSync(join(tmpdir(), "milepost-secrets-"));
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
