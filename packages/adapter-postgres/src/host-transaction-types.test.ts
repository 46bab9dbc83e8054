import { createMilepost } from "@milepost/core";
import pg from "pg";
import { expectTypeOf, test } from "vitest";
import { type PostgresTransaction, postgresStore } from "./index.js";

// Checked by the compiler, in `pnpm typecheck`.

const open = () => createMilepost({ store: postgresStore(new pg.Pool()) });
type Recorder = ReturnType<ReturnType<typeof open>["in"]>;

test("in(tx) takes a client of pg and nothing of another driver, and its calls answer with a Promise", () => {
  expectTypeOf<Parameters<ReturnType<typeof open>["in"]>>().toEqualTypeOf<[tx: PostgresTransaction]>();
  expectTypeOf<pg.PoolClient>().toExtend<PostgresTransaction>();
  expectTypeOf<{ prepare(sql: string): unknown }>().not.toExtend<PostgresTransaction>();
  expectTypeOf<ReturnType<Recorder["record"]>>().toEqualTypeOf<Promise<void>>();
});
