import { createMilepost, memoryStore } from "@milepost/core";
import type Database from "better-sqlite3";
import { expectTypeOf, test } from "vitest";
import { type SqliteDatabase, sqliteStore } from "./index.js";

// Checked by the compiler, in `pnpm typecheck`.

const open = (db: Database.Database) => createMilepost({ store: sqliteStore(db) });
type Recorder = ReturnType<ReturnType<typeof open>["in"]>;

test("in(tx) takes a handle of better-sqlite3, and its calls are synchronous", () => {
  expectTypeOf<Parameters<ReturnType<typeof open>["in"]>>().toEqualTypeOf<[tx: SqliteDatabase]>();
  expectTypeOf<Database.Database>().toExtend<SqliteDatabase>();
  expectTypeOf<ReturnType<Recorder["record"]>>().toEqualTypeOf<void>();
});

test("a store without host transactions takes nothing", () => {
  const inMemory = () => createMilepost({ store: memoryStore() });
  expectTypeOf<Parameters<ReturnType<typeof inMemory>["in"]>>().toEqualTypeOf<[tx: never]>();
});
