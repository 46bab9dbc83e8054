import type { ConformanceCase } from "./case.js";
import { contactCases } from "./contact-repository.js";
import { counterCases } from "./counter-repository.js";
import { crossingCases } from "./crossing-repository.js";
import { definitionCases } from "./definition-repository.js";
import { eventCases } from "./event-repository.js";
import { inboxCases } from "./inbox-repository.js";
import { laneCases } from "./lane-repository.js";
import { limitCases } from "./limit-repository.js";
import { notificationCases } from "./notification-repository.js";
import { wholeStoreCases } from "./store.js";

export type { ConformanceCase, HostTransaction, OpenedStore, StoreHarness } from "./case.js";
export { runConformanceCase } from "./case.js";
export { engineCases } from "./engine.js";
export { hostileNames } from "./hostile-names.js";
export { checkPlan, type Dump } from "./plan-check.js";
export { checkReplay } from "./replay-check.js";
export { type CountingScenario, checkSequentialCount, randomScenario } from "./sequential-count.js";

/** What every store must do, repository by repository. */
export function storeCases(): readonly ConformanceCase[] {
  return [
    ...definitionCases,
    ...counterCases,
    ...eventCases,
    ...inboxCases,
    ...crossingCases,
    ...notificationCases,
    ...laneCases,
    ...limitCases,
    ...contactCases,
    ...wholeStoreCases,
  ];
}
