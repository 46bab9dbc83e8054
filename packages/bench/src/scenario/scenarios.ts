import { accounts } from "./accounts.js";
import { adoption } from "./adoption.js";
import { analytics } from "./analytics.js";
import { deadlockBait } from "./deadlock-bait.js";
import { deliveryEvents } from "./delivery-events.js";
import { deployments } from "./deployments.js";
import { effects } from "./effects.js";
import { expiring } from "./expiring.js";
import { failpoints } from "./failpoints.js";
import { foreignWriter } from "./foreign-writer.js";
import { heldTransaction } from "./held-transaction.js";
import { hostTransactions } from "./host-transactions.js";
import { httpFaultsScenario } from "./http-faults.js";
import { invoiceLaunch } from "./invoice-launch.js";
import { killedProducers } from "./killed-producers.js";
import { killedAtLeastOnce, killedAtMostOnce, killedIdempotent } from "./killed-senders.js";
import { lateResults } from "./late-results.js";
import { launch } from "./launch.js";
import { localHours } from "./local-hours.js";
import { lostAnswers } from "./lost-answers.js";
import { mailFaults } from "./mail-faults.js";
import { migrators } from "./migrators.js";
import { pausedAndCancelled } from "./paused-and-cancelled.js";
import { poison } from "./poison.js";
import { postfix } from "./postfix.js";
import { powerLoss } from "./power-loss.js";
import { quotas } from "./quotas.js";
import { restarts } from "./restarts.js";
import type { Scenario } from "./scenario.js";
import { shutdown } from "./shutdown.js";
import { silentListener } from "./silent-listener.js";
import { skewedClocks } from "./skewed-clocks.js";
import { storm } from "./storm.js";
import { suppressed } from "./suppressed.js";
import { tenants } from "./tenants.js";
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
  mailFaults,
  deadlockBait,
  restarts,
  silentListener,
  powerLoss,
  foreignWriter,
  killedAtMostOnce,
  killedAtLeastOnce,
  killedIdempotent,
  stoppedAfterClaim,
  stoppedAfterMark,
  pausedAndCancelled,
  suppressed,
  quotas,
  accounts,
  localHours,
  deliveryEvents,
  analytics,
  launch,
  invoiceLaunch,
  tenants,
  skewedClocks,
  expiring,
  storm,
  lateResults,
  poison,
  httpFaultsScenario,
  shutdown,
  postfix,
];
