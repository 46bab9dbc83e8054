import type { Store } from "../store/store.js";
import { assertAgreement } from "./delivery-agreement.js";
import type { DeliveryWorld } from "./delivery-world.js";

/** One step of a walk; has the shape of an asynchronous command of fast-check. */
export interface DeliveryCommand {
  check(world: Readonly<DeliveryWorld>): boolean;
  run(world: DeliveryWorld, store: Store): Promise<void>;
  toString(): string;
}

/** A kind of command, how often it is to be chosen beside the others, and what it does with six numbers of 0 or more. */
export interface DeliveryCommandKind {
  readonly name: string;
  readonly weight: number;
  command(picks: readonly number[]): DeliveryCommand;
}

/** Chooses by the numbers of a command, one after the other. */
export interface Pick {
  below(bound: number): number;
  of<T>(choices: readonly T[]): T;
}

export interface Step {
  readonly world: DeliveryWorld;
  readonly store: Store;
  readonly pick: Pick;
}

export const picksOfCommand = 6;

/**
 * A kind of command: `step` does it to the store and to the model, compares the answers, and says in a few words what it
 * did; after it everything that is stored is compared.
 */
export function commandKind(
  name: string,
  weight: number,
  possible: (world: Readonly<DeliveryWorld>) => boolean,
  step: (step: Step) => Promise<string>,
): DeliveryCommandKind {
  return {
    name,
    weight,
    command(picks) {
      return {
        check: possible,
        async run(world, store) {
          try {
            world.log.push(`${name}: ${await step({ world, store, pick: pickBy(picks) })}`);
            await assertAgreement(world, store);
          } catch (error) {
            throw new Error(`${world.log.join("\n")}\nthen ${name}`, { cause: error });
          }
        },
        toString: () => `${name}(${picks.join(", ")})`,
      };
    },
  };
}

function pickBy(picks: readonly number[]): Pick {
  let next = 0;
  const below = (bound: number) => picks[next++ % picks.length]! % bound;
  return { below, of: (choices) => choices[below(choices.length)]! };
}
