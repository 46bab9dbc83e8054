import type { ConformanceCase } from "./case.js";
import { contactImportCases } from "./contact-import-repository.js";
import { contactCases } from "./contact-repository.js";
import { counterCases } from "./counter-repository.js";
import { crossingCases } from "./crossing-repository.js";
import { definitionCases } from "./definition-repository.js";
import { deliveryEventCases } from "./delivery-event-repository.js";
import { eventCases } from "./event-repository.js";
import { inboxCases } from "./inbox-repository.js";
import { laneLimitCases } from "./lane-limit.js";
import { laneQuotaAgainCases } from "./lane-quota-again.js";
import { actCases } from "./act-repository.js";
import { campaignCases } from "./campaign-repository.js";
import { recurrenceCases } from "./recurrence-repository.js";
import { laneCases } from "./lane-repository.js";
import { levelsCases } from "./levels-repository.js";
import { limitCases } from "./limit-repository.js";
import { noticeCases } from "./notice-repository.js";
import { notificationCases } from "./notification-repository.js";
import { parkingCases } from "./parking-repository.js";
import { providerFailoverCases } from "./provider-failover.js";
import { providerCases } from "./provider-repository.js";
import { reasonCountCases } from "./reason-counts.js";
import { wholeStoreCases } from "./store.js";
import { suppressionCases } from "./suppression-repository.js";
import { subjectDirectoryCases } from "./subject-directory.js";
import { subjectLaterCases } from "./subject-later.js";
import { subjectCases } from "./subject-repository.js";
import { templateCases } from "./template-repository.js";
import { workerCases } from "./worker-repository.js";
import { wakeUpCases } from "./wake-ups.js";

export type { ConformanceCase, HostDatabase, HostTransaction, OpenedStore, StoreHarness } from "./case.js";
export { runConformanceCase } from "./case.js";
export { type DeliveryCommand, type DeliveryCommandKind, picksOfCommand } from "./delivery-command.js";
export { deliveryCommands, walkDelivery } from "./delivery-walk.js";
export { randomDeliveryEvents, type StreamShape, shuffledAndRepeated } from "./delivery-event-stream.js";
export { DeliveryWorld } from "./delivery-world.js";
export { engineCases } from "./engine.js";
export type { HttpOtherSide, HttpOtherSideOptions, ReceivedRequest } from "./http-other-side.js";
export { httpOtherSide } from "./http-other-side.js";
export { notifierCases } from "./notifier.js";
export type {
  Behaviour,
  NotifierCase,
  NotifierHarness,
  OpenedNotifier,
  OtherSide,
  ReceivedMessage,
} from "./notifier-case.js";
export { behaviours, runNotifierCase } from "./notifier-case.js";
export { type ActingStep, actingSteps, actingTables, beforeActing } from "./acting-steps.js";
export type { Damage } from "./damages.js";
export { type DamageCase, damageCases, type SpoilableHistory } from "./damage-cases.js";
export { hostileNames } from "./hostile-names.js";
export { checkPlan, type Dump } from "./plan-check.js";
export { checkReplay } from "./replay-check.js";
export { checkContactFilters } from "./contact-filter-check.js";
export { type CountingScenario, checkSequentialCount, randomScenario } from "./sequential-count.js";
export { soundHistory } from "./sound-history.js";
export {
  checkSequentialObservations,
  type ObservingScenario,
  randomObservations,
} from "./sequential-observations.js";

/** What every store must do, repository by repository. */
export function storeCases(): readonly ConformanceCase[] {
  return [
    ...definitionCases,
    ...counterCases,
    ...parkingCases,
    ...eventCases,
    ...inboxCases,
    ...crossingCases,
    ...noticeCases,
    ...notificationCases,
    ...reasonCountCases,
    ...laneCases,
    ...campaignCases,
    ...recurrenceCases,
    ...actCases,
    ...providerCases,
    ...providerFailoverCases,
    ...laneLimitCases,
    ...templateCases,
    ...suppressionCases,
    ...deliveryEventCases,
    ...laneQuotaAgainCases,
    ...limitCases,
    ...levelsCases,
    ...contactCases,
    ...contactImportCases,
    ...subjectDirectoryCases,
    ...subjectCases,
    ...subjectLaterCases,
    ...workerCases,
    ...wakeUpCases,
    ...wholeStoreCases,
  ];
}
