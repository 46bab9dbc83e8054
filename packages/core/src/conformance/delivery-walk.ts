import { seeded } from "../seeded.js";
import type { Store } from "../store/store.js";
import { actKinds } from "./delivery-acts.js";
import { type DeliveryCommandKind, picksOfCommand } from "./delivery-command.js";
import { upkeepKinds } from "./delivery-upkeep.js";
import { workKinds } from "./delivery-work.js";
import { DeliveryWorld } from "./delivery-world.js";
import { assertSound } from "./sound.js";

/** Every kind of command of a walk. */
export const deliveryCommands: readonly DeliveryCommandKind[] = [...workKinds, ...upkeepKinds, ...actKinds];

/** What `verify()` must never find on a walk: what delivery does to rows. Sources and sweeps of a walk are made up. */
const ofDelivery = ["I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I16"] as const;

/** Walks as many random steps on an empty store; answers the moves between states that were seen. */
export async function walkDelivery(store: Store, seed: number, steps: number): Promise<ReadonlySet<string>> {
  const below = seeded(seed);
  const kinds = deliveryCommands.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  const world = new DeliveryWorld();
  for (let taken = 0; taken < steps; ) {
    const picks = Array.from({ length: picksOfCommand }, () => below(100));
    const command = kinds[below(kinds.length)]!.command(picks);
    if (!command.check(world)) continue;
    await command.run(world, store);
    taken++;
    if (taken % 10 === 0) await assertSound(store, { only: ofDelivery, sweep: 0, now: world.date() });
  }
  return world.moves;
}
