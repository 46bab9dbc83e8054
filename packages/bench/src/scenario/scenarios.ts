import { adoption } from "./adoption.js";
import { deadlockBait } from "./deadlock-bait.js";
import { deployments } from "./deployments.js";
import { effects } from "./effects.js";
import { failpoints } from "./failpoints.js";
import { heldTransaction } from "./held-transaction.js";
import { hostTransactions } from "./host-transactions.js";
import { killedProducers } from "./killed-producers.js";
import { killedAtLeastOnce, killedAtMostOnce, killedIdempotent } from "./killed-senders.js";
import { lateResults } from "./late-results.js";
import { lostAnswers } from "./lost-answers.js";
import { migrators } from "./migrators.js";
import { poison } from "./poison.js";
import type { Scenario } from "./scenario.js";
import { shutdown } from "./shutdown.js";
import { stoppedAfterClaim, stoppedAfterMark } from "./zombies.js";

/** Every scenario, in the order in which they run. */
export const scenarios: readonly Scenario[] = [
  migrators,
  failpoints,
  killedProducers,
  hostTransactions,
  heldTransaction,
  deployments,
  adoption,
  lostAnswers,
  effects,
  deadlockBait,
  killedAtMostOnce,
  killedAtLeastOnce,
  killedIdempotent,
  stoppedAfterClaim,
  stoppedAfterMark,
  lateResults,
  poison,
  shutdown,
];
