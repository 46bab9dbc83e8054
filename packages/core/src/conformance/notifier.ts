import type { NotifierCase } from "./notifier-case.js";
import { notifierConductCases } from "./notifier-conduct.js";
import { notifierOutcomeCases } from "./notifier-outcomes.js";

/** What every notifier must do, whatever it speaks. */
export function notifierCases(): readonly NotifierCase[] {
  return [...notifierOutcomeCases, ...notifierConductCases];
}
