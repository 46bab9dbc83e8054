import type { ConformanceCase } from "./case.js";
import { counterAddCases } from "./counter-add.js";
import { counterAddOnceCases } from "./counter-add-once.js";
import { counterBandCases } from "./counter-band.js";
import { counterDueCases } from "./counter-due.js";
import { counterGaugeCases } from "./counter-gauge.js";
import { counterIdleCases } from "./counter-idle.js";
import { counterListCases } from "./counter-list.js";
import { counterOverflowCases } from "./counter-overflow.js";
import { counterReadCases } from "./counter-read.js";
import { counterRulesCases } from "./counter-rules.js";
import { counterTrailCases } from "./counter-trail.js";
import { counterWakeCases } from "./counter-wake.js";

export const counterCases: readonly ConformanceCase[] = [
  ...counterBandCases,
  ...counterAddCases,
  ...counterAddOnceCases,
  ...counterRulesCases,
  ...counterOverflowCases,
  ...counterGaugeCases,
  ...counterTrailCases,
  ...counterDueCases,
  ...counterWakeCases,
  ...counterIdleCases,
  ...counterReadCases,
  ...counterListCases,
];
