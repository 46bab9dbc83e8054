import type { NewNotification } from "../notification.js";
import type { Machine } from "./explore.js";
import { clockSteps, type PersonAct, personSteps, sweeperSteps } from "./other-steps.js";
import { coreMoves, type Moves, smallWorld, type World, type WorldOptions } from "./small-world.js";
import { workerSteps } from "./worker-steps.js";
import { hasEnded, worldKey } from "./world-key.js";

export interface SmallMachine {
  /** All of one lane and one address. */
  readonly notifications: readonly NewNotification[];
  /** Of the lane; none unless said. */
  readonly limits?: WorldOptions["limits"];
  /** Whether a call may find nobody there; false unless said. */
  readonly outages?: boolean;
  /** What a person may do, and how often in all; none unless said. */
  readonly person?: { readonly acts: readonly PersonAct[]; readonly times: number };
  /** 2 unless said. */
  readonly workers?: number;
  readonly moves?: Partial<Moves>;
  /** Throws where something is not as it was promised; which calls may be made is looked at in any case. */
  readonly check: (world: World) => void;
}

/** Workers, a sweeper, a clock and a person over core's moves. */
export function smallMachine(given: SmallMachine): Machine<World> {
  const { notifications, person, check, workers = 2, limits = {}, outages = false } = given;
  const moves = { ...coreMoves, ...given.moves };
  return {
    start: smallWorld({ notifications, workers, acts: person?.times ?? 0, limits, outages }),
    *next(world) {
      yield* workerSteps(world, moves);
      yield* sweeperSteps(world, moves);
      yield* personSteps(world, person?.acts ?? [], moves);
      yield* clockSteps(world);
    },
    key: worldKey,
    check,
    ended: (world) => world.rows.every(hasEnded),
  };
}

/** What a row says of its message against what is known outside. */
export function assertTruth({ rows, acts, seen }: World): void {
  for (const [place, { id, state }] of rows.entries()) {
    const { uncertain, accepted } = seen[place]!;
    const confirmed = acts[place]!.includes("confirm");
    if (state === "sent" && !accepted && !confirmed) throw new Error(`${id} is sent, and was not accepted`);
    if (["failed", "expired", "cancelled", "suppressed"].includes(state) && uncertain > 0) {
      throw new Error(`${id} is ${state}, and may have been accepted`);
    }
  }
}
