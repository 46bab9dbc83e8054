import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ended } from "../example-process.js";
import { clients, file, mails, onPostgres, onSqlite, type Place } from "./program-under-test.js";
import { sampleLog } from "./sample/sample-log.js";

const bundledLog = new URL("sample/deliveries.csv", import.meta.url);

const rows = [
  ["a1", "acme", "x@example.net", "bounced", "2026-01-01T10:00:00Z"],
  ["a2", "acme", "x@example.net", "delivered", "2026-01-01T10:00:01Z"],
  ["a2", "acme", "x@example.net", "delivered", "2026-01-01T10:00:01Z"],
  ["q1", "quiet", "x@example.net", "delivered", "2026-01-01T12:00:00+01:00"],
  ["f1", "acme", "x@example.net", "failed", ""],
  ["u1", "unheard-of", "x@example.net", "delivered", "2026-01-01T10:00:03Z"],
  ["a1", "acme", "x@example.net", "delivered", "2026-01-01T10:00:04Z"],
];
const csv = `id,client,address,status,delivered_at\n${rows.map((row) => row.join(",")).join("\n")}\n`;
const ndjson = rows
  .map(([id, client, address, status, delivered_at]) => JSON.stringify({ id, client, address, status, delivered_at }))
  .join("\n");

const crossing = (client: string, milestone: number, eventId: string, reachedAt: string, told: string[]) => ({
  client,
  milestone,
  eventId,
  reachedAt,
  told,
  reason: told.length === 0 ? "unaddressed" : null,
});
const acmeTold = ["abe@acme.example.com", "zoe@acme.example.com"];
const crossed = [
  crossing("acme", 1, "a2", "2026-01-01T10:00:01.000Z", acmeTold),
  crossing("quiet", 1, "q1", "2026-01-01T11:00:00.000Z", []),
  crossing("unheard-of", 1, "u1", "2026-01-01T10:00:03.000Z", []),
];
const jsonLines = (objects: readonly object[]) => objects.map((one) => `${JSON.stringify(one)}\n`).join("");

/** What the bundled log must lead to, read without any of the program's code. */
async function expectedOfBundledLog(): Promise<readonly object[]> {
  const people: Record<string, string[]> = {};
  const sample = JSON.parse(await readFile(new URL("sample/clients.json", import.meta.url), "utf8"));
  for (const { id, members } of sample) {
    const told = members.filter(({ role }: { role: string }) => role !== "Viewer");
    people[id] = [...new Set<string>(told.map(({ email }: { email: string }) => email.toLowerCase()))].sort();
  }
  const counts: Record<string, number> = {};
  const expected: ReturnType<typeof crossing>[] = [];
  for (const line of (await readFile(bundledLog, "utf8")).trim().split("\n").slice(1)) {
    const [id, client, , status, at] = line.split(",") as [string, string, string, string, string];
    if (status !== "delivered") continue;
    counts[client] = (counts[client] ?? 0) + 1;
    if (![1, 1_000, 10_000, 100_000].includes(counts[client])) continue;
    expected.push(crossing(client, counts[client], id, new Date(at).toISOString(), people[client]!));
  }
  return expected.sort((a, b) => (a.client < b.client ? -1 : a.client > b.client ? 1 : a.milestone - b.milestone));
}

describe.each(["SQLite", "Postgres"])(
  "client-milestones on %s",
  (database) => {
    let place: Place;
    let drop = async () => {};
    beforeEach(async () => {
      if (database === "SQLite") {
        place = onSqlite();
        return;
      }
      const postgres = await onPostgres();
      place = postgres;
      drop = postgres.drop;
    });
    afterEach(() => drop());

    test("tells owners and managers once of each milestone of a log", async () => {
      const args = ["--json", "--input", await file("log.csv", csv), "--clients", await file("c.json", clients)];
      const first = await place.run(...args);
      expect(first.stdout).toBe(jsonLines(crossed));
      expect(mails(first.stderr)).toBe(2);
      expect(first.stderr).toContain('line 7: client "unheard-of" is not in the directory');
      expect(first.code).toBe(0);

      const second = await place.run(...args);
      expect(second.stdout).toBe(first.stdout);
      expect(mails(second.stderr)).toBe(0);

      expect(await place.rows("SELECT client, delivered FROM client_totals ORDER BY client")).toEqual(
        [
          { client: "acme", delivered: 1 },
          { client: "quiet", delivered: 1 },
          { client: "unheard-of", delivered: 1 },
        ].map((row) => (database === "Postgres" ? { ...row, delivered: String(row.delivered) } : row)),
      );
      const milestones = await place.rows("SELECT client, sent, sent_at FROM client_milestones ORDER BY client");
      expect(milestones.map(({ sent, sent_at }) => [Boolean(sent), sent_at !== null])).toEqual([
        [true, true],
        [false, false],
        [false, false],
      ]);
      expect(await place.rows("SELECT id, status FROM email_deliveries ORDER BY id")).toEqual([
        { id: "a1", status: "bounced" },
        { id: "a2", status: "delivered" },
        { id: "f1", status: "failed" },
        { id: "q1", status: "delivered" },
        { id: "u1", status: "delivered" },
      ]);
      expect(await place.rows("SELECT id, domain FROM clients ORDER BY id")).toEqual([
        { id: "acme", domain: "acme.example.com" },
        { id: "quiet", domain: "quiet.example.com" },
      ]);
      expect(await place.rows("SELECT email FROM members WHERE role = 'viewer' ORDER BY email")).toEqual([
        { email: "vera@quiet.example.com" },
        { email: "vic@acme.example.com" },
      ]);
    });

    test("reads NDJSON as it reads CSV", async () => {
      const log = await file("log.ndjson", ndjson);
      const printed = await place.run("--json", "--input", log, "--clients", await file("c.json", clients));
      expect(printed.stdout).toBe(jsonLines(crossed));
    });

    test("finds in the bundled log what a plain count finds, and sends nothing the second time", async () => {
      const expected = await expectedOfBundledLog();
      expect(expected).toHaveLength(8);
      const first = await place.run("--json");
      expect(first.stdout).toBe(jsonLines(expected));
      expect(mails(first.stderr)).toBe(13);

      const second = await place.run();
      expect(second.stdout).toContain("Nothing new was sent.");
      expect(mails(second.stdout)).toBe(0);
      expect(second.stdout).toMatch(/duplicates +13,077/);
    });

    test("--once delivers what was only recorded", async () => {
      const recorded = await place.run("--record-only", "--json");
      expect(mails(recorded.stderr)).toBe(0);
      const states = recorded.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).reason);
      expect(new Set(states)).toEqual(new Set(["pending"]));

      const delivered = await place.run("--once", "--json");
      expect(delivered.stdout).toBe(jsonLines(await expectedOfBundledLog()));
      expect(mails(delivered.stderr)).toBe(13);
    });

    test("--worker delivers what another process records, and stops gracefully at SIGTERM", async () => {
      const worker = place.start("--worker", "--json");
      const printed = ended(worker);
      const mailed = new Promise<void>((resolve) => {
        let seen = 0;
        worker.stderr.on("data", (text: string) => {
          seen += mails(text);
          if (seen >= 13) resolve();
        });
      });
      const recorded = await place.run("--record-only");
      expect(recorded.code).toBe(0);
      await mailed;
      worker.kill("SIGTERM");
      const { code, stdout, stderr } = await printed;
      expect(stdout).toBe(jsonLines(await expectedOfBundledLog()));
      expect(mails(stderr)).toBe(13);
      expect(code).toBe(0);
    });
  },
  60_000,
);

describe("client-milestones", () => {
  test("reports each broken line with its number, in their order, and goes on", async () => {
    const lines = [
      "delivered_at,status,address,client,id,campaign",
      "2026-01-01T10:00:00Z,delivered,x@example.net,unheard-of,a1,c",
      "2026-01-01T10:00:00Z,delivered,x@example.net",
      "2026-01-01T10:00:00Z,delivered,x@example.net,acme,,c",
      '2026-01-01T10:00:00Z,delivered,"x@example.net,acme,a2,c',
      "",
      "yesterday,delivered,x@example.net,acme,a3,c",
      "2026-01-01 10:00:00,delivered,x@example.net,acme,a3,c",
      ",delivered,x@example.net,acme,a4,c",
      "2026-01-01T10:00:00Z,read,x@example.net,acme,a5,c",
      '2026-01-01T10:00:00Z,delivered,"""x, y""@example.net",acme,a6,c',
    ];
    const log = await file("log.csv", `\uFEFF${lines.join("\r\n")}`);
    const { code, stdout } = await onSqlite().run("--input", log, "--clients", await file("c.json", clients));
    expect(stdout.slice(stdout.indexOf("Problems"), stdout.indexOf("\n\n", stdout.indexOf("Problems")))).toBe(
      [
        "Problems",
        '  line 2: client "unheard-of" is not in the directory: counted, but there is nobody to tell',
        "  line 3: has 3 columns instead of 6",
        "  line 4: id is empty",
        "  line 5: a quote is not closed",
        '  line 7: delivered_at "yesterday" is no ISO 8601 date (2026-01-01T10:00:00Z is one)',
        '  line 8: delivered_at "2026-01-01 10:00:00" is no ISO 8601 date (2026-01-01T10:00:00Z is one)',
        "  line 9: delivered_at is empty, but the email was delivered",
        '  line 10: status "read" is none of delivered, bounced, failed',
      ].join("\n"),
    );
    expect(stdout).toMatch(/counted +2 /);
    expect(code).toBe(0);
  });

  test("--generate crosses 100,000, the same way each time", async () => {
    const args = ["--json", "--generate", "120000", "--seed", "3"];
    const first = await onSqlite().run(...args);
    const biggest = first.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(biggest.filter(({ client }) => client === "northwind").map(({ milestone }) => milestone)).toEqual([
      1, 1_000, 10_000, 100_000,
    ]);
    const second = await onSqlite().run(...args, "--db", "another.db");
    expect(second.stdout).toBe(first.stdout);
  });

  test("ships the log that its generator writes", async () => {
    expect((await readFile(bundledLog, "utf8")) === sampleLog()).toBe(true);
  });
}, 60_000);
