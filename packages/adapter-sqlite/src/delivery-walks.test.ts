import { DeliveryWorld, deliveryCommands, picksOfCommand } from "@milepost/core/conformance";
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type SqliteStore, sqliteStore } from "./index.js";

const walks = Number(process.env.DELIVERY_WALKS ?? 40);

it(
  `goes as the table of moves says on any walk of workers, sweepers, persons and the clock (${walks} walks)`,
  async () => {
    const picks = fc.array(fc.nat(99), { minLength: picksOfCommand, maxLength: picksOfCommand });
    const kinds = deliveryCommands.flatMap(({ weight, command }) => Array(weight).fill(picks.map(command)));
    const check = async (walk: Iterable<fc.AsyncCommand<DeliveryWorld, SqliteStore>>) => {
      const db = new Database(":memory:");
      try {
        const store = sqliteStore(db);
        await store.migrate();
        await fc.asyncModelRun(() => ({ model: new DeliveryWorld(), real: store }), walk);
      } finally {
        db.close();
      }
    };
    const property = fc.asyncProperty(fc.commands(kinds, { maxCommands: 150, size: "max" }), check);
    await expect(fc.assert(property, { numRuns: walks, unbiased: true })).resolves.toBeUndefined();
  },
  60_000 + walks * 20_000,
);
