import { type SmtpTestServer, type SmtpTestServerOptions, smtpTestServer } from "@milepost/mailer/testing";
import BetterSqlite3 from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { ended } from "../example-process.js";
import { clients, file, folder, mails, onSqlite } from "./program-under-test.js";

let server: SmtpTestServer | undefined;
afterEach(() => server?.close());

async function smtp(answer?: SmtpTestServerOptions["answer"]): Promise<readonly string[]> {
  server = await smtpTestServer(answer && { answer });
  return ["--smtp", `smtp://${server.host}:${server.port}`];
}

/** One mail of Acme was delivered: Abe and Zoe are to be told. */
async function input(): Promise<readonly string[]> {
  const log = "id,client,address,status,delivered_at\na1,acme,x@example.net,delivered,2026-01-01T10:00:00Z\n";
  return ["--input", await file("log.csv", log), "--clients", await file("c.json", clients)];
}

/** The column "told" of the report's table, line by line. */
function toldColumn(stdout: string): readonly string[] {
  const table = stdout.slice(stdout.indexOf("Milestones\n"));
  const [, header = "", ...lines] = table.slice(0, table.indexOf("\n\n")).split("\n");
  return lines.map((line) => line.slice(header.lastIndexOf("told")));
}

/** What --json says of each crossing. */
const reasonsOf = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => {
      const { told, reason } = JSON.parse(line);
      return { told, reason };
    });

/** What was refused for now is due at once. */
function skipRetryDelay(): void {
  const db = new BetterSqlite3(`${folder}/client-milestones.db`);
  db.exec("UPDATE milepost_notifications SET not_before = '2026-01-01T00:00:00.000Z' WHERE state = 'pending'");
  // the lane waits too, as nobody could be reached through it
  db.exec("UPDATE milepost_lanes SET not_before = NULL");
  db.close();
}

describe("client-milestones reports", () => {
  test("printed mails under a heading, how many there were, and what to try next", async () => {
    const first = await onSqlite().run(...(await input()));
    expect(first.stdout).toContain("\n\nMails, printed by the console notifier:\n\nTo: ");
    expect(first.stdout.match(/Mails, printed/g)).toHaveLength(1);
    expect(first.stdout).toMatch(/\n\n2 mails were printed\.\n$/);
    expect(first.stderr).toMatch(/^Try next: the same again \(sends nothing twice\), .*--help\n$/);

    const second = await onSqlite().run(...(await input()));
    expect(second.stdout).not.toContain("Mails, printed");
    expect(second.stdout).toMatch(/\n\nNothing new was sent\.\n$/);
    expect((await onSqlite().run("--json")).stderr).not.toContain("Try next");
  });

  test("mails that failed over SMTP wait for a run that has it, and are never printed", async () => {
    const failed = await onSqlite().run(...(await input()), "--smtp", "smtp://127.0.0.1:1");
    expect(toldColumn(failed.stdout)[0]).toMatch(
      /^not sent yet: abe@acme.example.com \(the connection failed \(ESOCKET, ECONNREFUSED/,
    );
    expect(failed.stdout).toMatch(
      /\n\nNothing new was sent\.\n2 mails wait for another try: run --once with the same --smtp in a while\.\n$/,
    );
    expect(failed.code).toBe(0);

    skipRetryDelay();
    const other = await onSqlite().run("--once");
    expect(mails(other.stdout)).toBe(0);
    expect(other.stdout).toMatch(/\n\nNothing new was sent\.\n2 mails wait for --smtp\.\n$/);
    expect(reasonsOf((await onSqlite().run("--once", "--json")).stdout)).toEqual([{ told: [], reason: "pending" }]);

    const sent = await onSqlite().run("--once", ...(await smtp()));
    expect(server!.heard.filter((line) => line.startsWith("RCPT"))).toHaveLength(2);
    expect(sent.stdout).toMatch(/\n\n2 mails were sent\.\n$/);
  });

  test("who was refused, beside those who were told", async () => {
    const { stdout } = await onSqlite().run(
      ...(await input()),
      ...(await smtp((_, line) => (line.startsWith("RCPT TO:<abe") ? "550 no such user" : undefined))),
    );
    expect(toldColumn(stdout)).toEqual([
      "zoe@acme.example.com",
      expect.stringMatching(/^not told: abe@acme\.example\.com, refused \(550 no such user \(to RCPT TO\)\)$/),
    ]);
    expect(stdout).toMatch(/\n\n1 mail was sent\.\n1 mail was refused for good\.\n$/);
    const json = await onSqlite().run("--once", "--json");
    expect(reasonsOf(json.stdout)).toEqual([{ told: ["zoe@acme.example.com"], reason: null }]);
  });

  test("that nobody knows whether a mail arrived", async () => {
    const { stdout } = await onSqlite().run(
      ...(await input()),
      ...(await smtp((step) => (step === "dot" ? "cut" : undefined))),
    );
    expect(toldColumn(stdout)).toEqual([
      expect.stringMatching(/^perhaps told: abe@acme\.example\.com, no_answer/),
      expect.stringMatching(/^perhaps told: zoe@acme\.example\.com, no_answer/),
    ]);
    expect(stdout).toMatch(/\n\n2 mails perhaps arrived, and will not be sent again\.\n$/);
    expect(reasonsOf((await onSqlite().run("--once", "--json")).stdout)).toEqual([{ told: [], reason: "no_answer" }]);
  });

  test("what was only recorded as not announced yet", async () => {
    const { stdout } = await onSqlite().run(...(await input()), "--record-only");
    expect(toldColumn(stdout)).toEqual(["not announced yet"]);
    expect(stdout).not.toContain("Never told");
    expect(stdout).toMatch(/\n\nNothing new was sent\.\n1 milestone is not announced yet: run --once or --worker\.\n$/);
  });

  test.each([[[]], [["--json"]]])("to a reader that went away, quietly: %j", async (args) => {
    const child = onSqlite().start(...args);
    const printed = ended(child);
    child.stdout.destroy();
    const { code, stderr } = await printed;
    expect(stderr).not.toMatch(/EPIPE|Error|^ +at /m);
    expect(code).toBe(0);
  });
}, 60_000);
