import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createMilepost, type TransactionRecorder } from "@milepost/core";
import type { InboxEvent } from "@milepost/core/store";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { type SqliteDatabase, sqliteStore } from "./index.js";
import { type OpenedSqliteStore, openSqliteStore } from "./sqlite-harness.js";
import { birth, definition, event, metric, rules } from "./store-samples.js";

let opened: OpenedSqliteStore;
beforeEach(async () => {
  opened = await openSqliteStore();
  opened.db.exec("CREATE TABLE host (a)");
});
afterEach(() => opened.dispose());

function fact(id: string, fields: Partial<InboxEvent> = {}): InboxEvent {
  const { tenant, metric, subject, amount, occurredAt } = event();
  return { tenant, metric, id, subject, amount, observed: false, occurredAt, ...fields };
}

function enqueue(tx: SqliteDatabase, ...ids: string[]): void {
  opened.store.inbox.enqueue(
    tx,
    ids.map((id) => fact(id)),
  );
}

async function waiting(store = opened.store): Promise<string[]> {
  return (await store.inbox.list({ refused: false, limit: 10_000 })).map(({ id }) => id);
}

function errorOf(work: () => void, code: string): Error {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ code });
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const refusedWith = (code: string, path?: string) => expect.objectContaining({ code, ...(path && { path }) });

describe("enqueue", () => {
  test("is part of db.transaction(): stored with the host's own rows, or neither", async () => {
    const order = opened.db.transaction((id: string, fails: boolean) => {
      opened.db.prepare("INSERT INTO host VALUES (?)").run(id);
      enqueue(opened.db, id);
      if (fails) throw new Error("the host's own");
    });
    order("a", false);
    expect(() => order("b", true)).toThrow("the host's own");
    order.immediate("c", false);
    expect(await waiting()).toEqual(["a", "c"]);
    expect(opened.db.prepare("SELECT a FROM host").pluck().all()).toEqual(["a", "c"]);
  });

  test("is undone by a ROLLBACK TO, alone", async () => {
    opened.db.exec("BEGIN");
    enqueue(opened.db, "a");
    opened.db.exec("SAVEPOINT inner");
    enqueue(opened.db, "b");
    opened.db.exec("ROLLBACK TO inner");
    enqueue(opened.db, "c");
    opened.db.exec("COMMIT");
    expect(await waiting()).toEqual(["a", "c"]);
  });

  test("answers nothing, so that better-sqlite3 sees no promise, and keeps the order of a call", async () => {
    expectTypeOf(opened.store.inbox.enqueue).returns.toEqualTypeOf<void>();
    const milepost = createMilepost({ store: opened.store, onUnknownMetric: "count" });
    const record = () => {
      expectTypeOf(milepost.in(opened.db)).toEqualTypeOf<TransactionRecorder<void>>();
      return milepost.in(opened.db).record({ id: "first", metric, subject: "s" });
    };
    expect(opened.db.transaction(record)()).toBeUndefined();
    const ids = Array.from({ length: 1_000 }, (_, i) => `e${(i * 7919) % 1_000}`);
    opened.db.transaction(() => enqueue(opened.db, ...ids))();
    expect(await waiting()).toEqual(["first", ...ids]);
    await milepost.close();
  });

  test("keeps every value as it is, on a handle whose host chose BigInt", async () => {
    opened.db.defaultSafeIntegers(true);
    const awkward = ["'; DROP TABLE host; --", "ü💥", "\n\t\u0001", "{inbox}", "?1 $a :b", "null", "__proto__"];
    const facts = awkward.map((text, i) => {
      const amount = i % 2 === 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
      return fact(text, { tenant: text, metric: text, subject: text, amount });
    });
    opened.db.transaction(() => opened.store.inbox.enqueue(opened.db, facts))();
    const rows = await opened.store.inbox.list({ refused: false, limit: 100 });
    expect(rows).toEqual(facts.map((each, i) => ({ ...each, number: i + 1, refusal: null })));
  });

  test("outside a transaction is refused, and stores nothing", async () => {
    expect(() => enqueue(opened.db, "a")).toThrow(refusedWith("no_transaction", "tx"));
    const other = opened.database.open();
    expect(() => enqueue(other, "a")).toThrow(refusedWith("no_transaction"));
    other.close();
    expect(() => enqueue(other, "a")).toThrow(refusedWith("store_unavailable", "tx"));
    for (const wrong of [undefined, "app.db", {}]) {
      expect(() => enqueue(wrong as unknown as SqliteDatabase, "a")).toThrow(refusedWith("invalid_options", "tx"));
    }
    expect(await waiting()).toEqual([]);
  });

  test("in the middle of an iteration says so, and works when it has ended, without a new transaction", async () => {
    const other = opened.database.open();
    for (const db of [opened.db, other]) {
      db.exec("BEGIN IMMEDIATE; INSERT INTO host VALUES (1), (2)");
      for (const _ of db.prepare("SELECT a FROM host").iterate()) {
        const { message } = errorOf(() => enqueue(db, "never"), "store_busy");
        expect(message).toContain("after the iteration has ended");
        expect(message).not.toContain("BEGIN IMMEDIATE");
      }
      enqueue(db, "after");
      db.exec("COMMIT");
    }
    expect(await waiting()).toEqual(["after", "after"]);
  });

  test("before migrate() says so, and the host's transaction goes on", () => {
    const db = opened.database.open();
    const store = sqliteStore(db, { tablePrefix: "other_" });
    db.exec("BEGIN; INSERT INTO host VALUES (1)");
    expect(() => store.inbox.enqueue(db, [fact("a")])).toThrow(refusedWith("schema_missing"));
    db.exec("COMMIT");
    expect(opened.db.prepare("SELECT count(*) FROM host").pluck().get()).toBe(1);
  });

  test("of several events that fails stores none of them, though the host goes on and commits", async () => {
    opened.db.exec("BEGIN");
    enqueue(opened.db, "a");
    const broken = [fact("b"), fact("c", { subject: null as unknown as string })];
    expect(() => opened.store.inbox.enqueue(opened.db, broken)).toThrow(refusedWith("store_failed"));
    opened.db.exec("COMMIT");
    expect(await waiting()).toEqual(["a"]);
  });
});

describe("another handle of the host", () => {
  test("on the same file takes part in its own transaction, under any name of the file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "milepost-link-"));
    const link = join(folder, "link.db");
    symlinkSync(opened.database.file, link);
    for (const name of [opened.database.file, relative(process.cwd(), opened.database.file), link]) {
      const other = new Database(name);
      other.transaction(() => enqueue(other, name))();
      other.exec("BEGIN");
      enqueue(other, "never");
      expect(opened.db.inTransaction).toBe(false);
      other.exec("ROLLBACK");
      other.close();
    }
    expect(await waiting()).toHaveLength(3);
    rmSync(folder, { recursive: true });
  });

  test("on another database is refused, although that one has Milepost's tables too", async () => {
    const elsewhere = await openSqliteStore();
    const memory = new Database(":memory:");
    await sqliteStore(memory).migrate();
    for (const db of [elsewhere.db, memory]) {
      const record = db.transaction(() => enqueue(db, "a"));
      expect(record).toThrow(refusedWith("invalid_options", "tx"));
      expect(await waiting(sqliteStore(db))).toEqual([]);
    }
    const second = new Database(":memory:");
    second.exec("BEGIN");
    expect(() => sqliteStore(memory).inbox.enqueue(second, [fact("a")])).toThrow(refusedWith("invalid_options", "tx"));
    memory.transaction(() => sqliteStore(memory).inbox.enqueue(memory, [fact("a")]))();
    expect(await waiting(sqliteStore(memory))).toEqual(["a"]);
    for (const db of [memory, second]) db.close();
    await elsewhere.dispose();
  });

  test("that cannot write while another one writes is told so at once, and what to do", () => {
    const other = opened.database.open();
    opened.db.exec("BEGIN IMMEDIATE");
    other.exec("BEGIN");
    expect(() => enqueue(other, "a")).toThrow(
      expect.objectContaining({ code: "store_busy", message: expect.stringContaining("BEGIN IMMEDIATE") }),
    );
    expect(other.inTransaction).toBe(true);
  });
});

describe("while the host's transaction is open", () => {
  test("what it recorded is neither listed nor counted, and no step of ours ends with it", async () => {
    await opened.store.definitions.install({ definitions: [definition()] });
    opened.db.exec("BEGIN");
    enqueue(opened.db, "a");
    expect(await waiting(await opened.reopen())).toEqual([]);
    const listed = waiting();
    const added = opened.store.counters.add({ events: [event({ id: "own" })], rules: rules() });
    opened.db.exec("ROLLBACK");
    expect(await listed).toEqual([]);
    expect((await added).counters).toMatchObject([{ value: 1 }]);
  });
});

describe("draining", () => {
  const toEvents = (ids: string[]) => ids.map((id) => event({ id, feeds: [birth] }));

  beforeEach(async () => {
    await opened.store.definitions.install({ definitions: [definition()] });
    opened.db.transaction(() => enqueue(opened.db, "a", "b"))();
  });

  test("counts and deletes in one transaction: a batch that fails leaves the rows", async () => {
    const events = [...toEvents(["a"]), event({ id: "b", amount: Number.MAX_SAFE_INTEGER })];
    const add = opened.store.counters.add({ events, rules: rules(), drained: [1, 2] });
    await expect(add).rejects.toMatchObject({ code: "counter_overflow" });
    expect(await waiting()).toEqual(["a", "b"]);
  });

  test("by a process that knows an older generation deletes nothing", async () => {
    const input = { events: toEvents(["a", "b"]), drained: [1, 2] };
    expect(await opened.store.counters.add({ ...input, rules: rules({ generation: 2 }) })).toMatchObject({
      stale: [metric],
    });
    expect(await waiting()).toEqual(["a", "b"]);
    expect(await opened.store.counters.add({ ...input, rules: rules() })).toMatchObject({ counters: [{ value: 2 }] });
    expect(await waiting()).toEqual([]);
  });

  test("never meets a number again: of a drain under way, or after all rows are gone", async () => {
    await opened.store.counters.add({ events: toEvents(["a", "b"]), rules: rules(), drained: [1, 2] });
    opened.db.transaction(() => enqueue(opened.db, "c"))();
    await opened.store.counters.add({ events: toEvents(["a", "b"]), rules: rules(), drained: [1, 2] });
    expect(await opened.store.inbox.list({ refused: false, limit: 9 })).toMatchObject([{ number: 3, id: "c" }]);
  });
});

describe("rows that are set aside", () => {
  const acts = (id: string) => opened.store.acts.list({ limit: 100, tenant: "t", entity: "inbox", entityId: id });
  const person = { by: "ann", why: "corrected" };

  beforeEach(async () => {
    opened.db.transaction(() => {
      enqueue(opened.db, "a", "b", "c");
      opened.store.inbox.enqueue(opened.db, [fact("d", { tenant: "u" })]);
    })();
    for (const number of [2, 3, 4]) await opened.store.inbox.refuse({ number, code: "c", message: `of ${number}` });
  });

  test("keep the first reason, hold up no other and are listed by themselves", async () => {
    await opened.store.inbox.refuse({ number: 2, code: "later", message: "m" });
    await opened.store.inbox.refuse({ number: 99, code: "c", message: "m" });
    expect(await waiting()).toEqual(["a"]);
    const refused = await opened.store.inbox.list({ refused: true, after: 1, limit: 2 });
    expect(refused.map(({ id, refusal }) => [id, refusal])).toEqual([
      ["b", { code: "c", message: "of 2" }],
      ["c", { code: "c", message: "of 3" }],
    ]);
    expect(await opened.store.inbox.list({ refused: true, metrics: ["other"], limit: 9 })).toEqual([]);
  });

  test("wait again when a person says so: by number, each with its act, or all of a tenant", async () => {
    expect(await opened.store.inbox.decide({ act: "retry", tenant: "t", numbers: [1, 3, 4], ...person })).toBe(1);
    expect(await waiting()).toEqual(["a", "c"]);
    expect(await acts("3")).toMatchObject([{ act: "retry", ...person }]);
    expect([...(await acts("1")), ...(await acts("4"))]).toEqual([]);
    expect(await opened.store.inbox.decide({ act: "retry", tenant: "t", ...person })).toBe(1);
    expect(await opened.store.inbox.decide({ act: "retry", tenant: "t", ...person })).toBe(0);
    expect(await opened.store.inbox.decide({ act: "retry", tenant: "t", numbers: [4], ...person })).toBe(0);
    expect(await waiting()).toEqual(["a", "b", "c"]);
    expect(await acts("2")).toHaveLength(1);
    expect([...(await acts("4")), ...(await acts("*"))]).toEqual([]);
  });
});
