import { adoption } from "./adoption.js";
import { deadlockBait } from "./deadlock-bait.js";
import { deployments } from "./deployments.js";
import { effects } from "./effects.js";
import { failpoints } from "./failpoints.js";
import { heldTransaction } from "./held-transaction.js";
import { hostTransactions } from "./host-transactions.js";
import { killedProducers } from "./killed-producers.js";
import { lostAnswers } from "./lost-answers.js";
import { mailFaults } from "./mail-faults.js";
import { migrators } from "./migrators.js";
import { postfix } from "./postfix.js";
import type { Scenario } from "./scenario.js";

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
  mailFaults,
  deadlockBait,
  postfix,
];
