import fc from "fast-check";
import { expect, it } from "vitest";
import { tableOfMoves } from "../conformance/delivery-agreement.js";
import { picksOfCommand } from "../conformance/delivery-command.js";
import { deliveryCommands, walkDelivery } from "../conformance/delivery-walk.js";
import { DeliveryWorld } from "../conformance/delivery-world.js";
import { memoryStore } from "../store/memory/memory-store.js";

const walks = Number(process.env.DELIVERY_WALKS ?? 300);

it(
  `goes as the table of moves says on any walk of workers, sweepers, persons and the clock (${walks} walks)`,
  async () => {
    const picks = fc.array(fc.nat(99), { minLength: picksOfCommand, maxLength: picksOfCommand });
    const kinds = deliveryCommands.flatMap(({ weight, command }) => Array(weight).fill(picks.map(command)));
    const check = async (walk: Iterable<fc.AsyncCommand<DeliveryWorld, ReturnType<typeof memoryStore>>>) =>
      fc.asyncModelRun(() => ({ model: new DeliveryWorld(), real: memoryStore() }), walk);
    const property = fc.asyncProperty(fc.commands(kinds, { maxCommands: 150, size: "max" }), check);
    await expect(fc.assert(property, { numRuns: walks, unbiased: true })).resolves.toBeUndefined();
  },
  60_000 + walks * 20_000,
);

it("meets every move of the table on its walks", async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    for (const move of await walkDelivery(memoryStore(), seed, 300)) seen.add(move);
  }
  expect([...seen].sort()).toEqual([...tableOfMoves].sort());
});
