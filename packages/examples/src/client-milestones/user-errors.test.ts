import { mkdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { ended, type Printed } from "../example-process.js";
import { file, onSqlite, start } from "./program-under-test.js";

function expectOneLine({ code, stdout, stderr }: Printed, line: string): void {
  expect(stderr).toBe(`${line}\n`);
  expect(stdout).toBe("");
  expect(code).toBe(2);
}

const member = { email: "ada@example.com", firstName: "Ada", lastName: "M", role: "Owner" };
const client = (fields: object) =>
  JSON.stringify([{ id: "a", name: "A", domain: "a.example", members: [], ...fields }]);

describe("client-milestones, asked for what cannot be", () => {
  test.each([
    [["--input", "a", "--generate", "1"], "exclude each other"],
    [["--once", "--input", "a"], "--once reads no input"],
    [["--generate", "many"], "a whole number of 1 or more"],
    [["--smtp", "mail.example.com"], "a URL like smtp://"],
    [["--smtp", "smtp://127.0.0.1", "--from", "a@x.example,b@x.example"], "--from: one mailbox"],
    [["--speed"], "--speed"],
  ])("refuses %j", async (args, message) => {
    const { stdout, stderr, code } = await onSqlite().run(...args);
    expect([stderr.includes(message), stdout, code]).toEqual([true, "", 2]);
  });

  test.each([
    [["--clients", "missing.json"], "--clients missing.json: there is no such file"],
    [["--input", "missing.csv"], "--input missing.csv: there is no such file"],
    [["--input", "folder"], "--input folder: is a folder"],
    [["--db", "nowhere/a.db"], "--db nowhere/a.db: Cannot open database because the directory does not exist"],
  ])("says in one line what is wrong with %j", async (args, line) => {
    await file("log.csv", "");
    if (args.includes("folder")) await mkdir((await file("x", "")).replace(/x$/, "folder"));
    expectOneLine(await onSqlite().run(...args), line);
  });

  test.each([
    [
      client({ members: [member, { ...member, role: "Boss" }] }),
      "[0].members[1].role: must be one of Owner, Manager, Viewer",
    ],
    [client({ members: [{ ...member, email: "ada" }] }), "[0].members[0].email: Invalid email address"],
    [client({ name: undefined }), "[0].name: Invalid input: expected string, received undefined"],
    [client({ id: "x".repeat(201) }), "[0].id: "],
    ["[", "is no JSON: "],
  ])("names the field of a --clients file: %s", async (json, what) => {
    await file("c.json", json);
    const { code, stdout, stderr } = await onSqlite().run("--clients", "c.json");
    expect(stderr).toMatch(/^--clients[^\n]*\n$/);
    expect(stderr).toContain(what);
    expect([stdout, code]).toEqual(["", 2]);
  });

  test("says that a --db file is no database", async () => {
    await file("text.db", "hello");
    expectOneLine(await onSqlite().run("--db", "text.db"), "--db text.db: file is not a database");
  });

  test.each([
    ["user:secret@host", "a URL like postgres://user:password@host:5432/database is expected."],
    ["postgres://user:secret@127.0.0.1:1/x", "connect ECONNREFUSED 127.0.0.1:1"],
  ])("names DATABASE_URL and keeps its password: %s", async (url, what) => {
    expectOneLine(await ended(start([], url)), `DATABASE_URL: ${what}`);
  });
}, 60_000);
