import type { ConformanceCase } from "./case.js";
import { suppressionAddCases } from "./suppression-add.js";
import { suppressionBounceCases } from "./suppression-bounces.js";
import { suppressionConsentCases } from "./suppression-consents.js";
import { suppressionStopCases } from "./suppression-stops.js";

export const suppressionCases: readonly ConformanceCase[] = [
  ...suppressionAddCases,
  ...suppressionBounceCases,
  ...suppressionConsentCases,
  ...suppressionStopCases,
];
