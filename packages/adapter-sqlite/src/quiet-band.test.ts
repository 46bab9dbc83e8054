import { createMilepost, membersWithRole, memoryNotifier, milestone, thresholds } from "@milepost/core";
import type Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { sqliteStore } from "./index.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";

let database: TemporaryDatabase;
beforeEach(() => {
  database = temporaryDatabase();
});
afterEach(() => database.dispose());

/** Writes down every statement as it is run. */
function watched(db: Database.Database): string[] {
  const texts: string[] = [];
  const prepare = db.prepare.bind(db) as (sql: string) => Database.Statement;
  db.prepare = ((sql: string) => {
    const statement = prepare(sql);
    for (const method of ["run", "get", "all"] as const) {
      const call = statement[method].bind(statement) as (...params: unknown[]) => never;
      statement[method] = (...params: unknown[]) => {
        texts.push(sql);
        return call(...params);
      };
    }
    return statement;
  }) as typeof db.prepare;
  return texts;
}

async function runningEngine() {
  const db = database.open();
  const texts = watched(db);
  const milepost = createMilepost({
    store: sqliteStore(db),
    milestones: [
      milestone({
        name: "m",
        metric: "x",
        policy: thresholds(1, 1_000_000),
        recipients: membersWithRole("owner"),
        message: { text: "hello" },
        notifier: memoryNotifier(),
      }),
    ],
  });
  await milepost.migrate();
  const subjects = Array.from({ length: 20 }, (_, i) => `s${i}`);
  await milepost.recordMany(subjects.map((subject) => ({ id: `first-${subject}`, metric: "x", subject })));
  texts.length = 0;
  return { milepost, texts, subjects };
}

const begins = (texts: readonly string[]) => texts.filter((text) => text.startsWith("BEGIN"));

it("stores a batch of known subjects within their quiet band in one transaction: ids and counters, nothing else", async () => {
  const { milepost, texts, subjects } = await runningEngine();
  await milepost.recordMany(subjects.map((subject) => ({ id: `second-${subject}`, metric: "x", subject })));
  expect(begins(texts)).toEqual(["BEGIN IMMEDIATE"]);
  expect(texts.at(-1)).toBe("COMMIT");
  const written = texts.flatMap((text) => /^\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\S+)/.exec(text)?.[1] ?? []);
  expect([...new Set(written)]).toEqual(['"milepost_events"', '"milepost_counters"']);
});

it("stores 100 concurrent calls of record() in at most 5 transactions, each with its own answer", async () => {
  const { milepost, texts, subjects } = await runningEngine();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => milepost.record({ id: `e${i}`, metric: "x", subject: subjects[i % 20]! })),
  );
  expect(begins(texts).length).toBeGreaterThan(0);
  expect(begins(texts).length).toBeLessThanOrEqual(5);
  expect(answers.map(({ value }) => value)).toEqual(Array.from({ length: 100 }, (_, i) => 2 + Math.floor(i / 20)));
});
