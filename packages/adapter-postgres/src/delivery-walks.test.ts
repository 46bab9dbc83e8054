import { DeliveryWorld, deliveryCommands, picksOfCommand } from "@milepost/core/conformance";
import fc from "fast-check";
import { expect, inject, it } from "vitest";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

const walks = Number(process.env.DELIVERY_WALKS ?? 15);

it(
  `goes as the table of moves says on any walk of workers, sweepers, persons and the clock (${walks} walks)`,
  async () => {
    const picks = fc.array(fc.nat(99), { minLength: picksOfCommand, maxLength: picksOfCommand });
    const kinds = deliveryCommands.flatMap(({ weight, command }) => Array(weight).fill(picks.map(command)));
    const sandbox = new Sandbox(inject("databaseUrl"));
    try {
      const store = sandbox.store();
      await store.migrate();
      const admin = sandbox.pool({ max: 1 });
      const { rows } = await admin.query<{ table: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS table FROM pg_tables WHERE schemaname = $1 AND tablename <> 'migrations'`,
        [sandbox.schema],
      );
      // a schema for each walk would take longer than the walk
      const empty = `TRUNCATE ${rows.map(({ table }) => table).join(", ")}`;
      const check = async (walk: Iterable<fc.AsyncCommand<DeliveryWorld, PostgresStore>>) => {
        await admin.query(empty);
        await fc.asyncModelRun(() => ({ model: new DeliveryWorld(), real: store }), walk);
      };
      const property = fc.asyncProperty(fc.commands(kinds, { maxCommands: 150, size: "max" }), check);
      await expect(fc.assert(property, { numRuns: walks, unbiased: true })).resolves.toBeUndefined();
    } finally {
      await sandbox.dispose();
    }
  },
  60_000 + walks * 20_000,
);
