import type { ConformanceCase } from "./case.js";
import { engineAnnouncingCases } from "./engine-announcing.js";
import { engineDefinitionCases } from "./engine-definitions.js";
import { engineDeliveryCases } from "./engine-delivery.js";
import { engineEvaluationCases } from "./engine-evaluation.js";
import { engineForecastCases } from "./engine-forecast.js";
import { engineGaugeCases } from "./engine-gauges.js";
import { engineHostTransactionCases } from "./engine-host-transactions.js";
import { engineHostileInputCases } from "./engine-hostile-input.js";
import { engineJumpCases } from "./engine-jumps.js";
import { engineLimitVersionCases } from "./engine-limit-versions.js";
import { engineLimitCases } from "./engine-limits.js";
import { engineNoticeCases } from "./engine-notices.js";
import { enginePeriodCases } from "./engine-periods.js";
import { engineRecordingCases, sequentialCountCases } from "./engine-recording.js";
import { engineRedefinitionCases } from "./engine-redefinition.js";
import { engineRetentionCases } from "./engine-retention.js";
import { engineStoredLevelCases } from "./engine-stored-levels.js";
import { engineSweepCases } from "./engine-sweep.js";
import { engineWorkerCases } from "./engine-worker.js";

/** The cases that run the whole engine on a store. */
export function engineCases(): readonly ConformanceCase[] {
  return [
    ...engineRecordingCases,
    ...sequentialCountCases,
    ...engineEvaluationCases,
    ...enginePeriodCases,
    ...engineJumpCases,
    ...engineLimitCases,
    ...engineLimitVersionCases,
    ...engineGaugeCases,
    ...engineStoredLevelCases,
    ...engineForecastCases,
    ...engineNoticeCases,
    ...engineHostTransactionCases,
    ...engineDefinitionCases,
    ...engineRedefinitionCases,
    ...engineRetentionCases,
    ...engineAnnouncingCases,
    ...engineDeliveryCases,
    ...engineWorkerCases,
    ...engineSweepCases,
    ...engineHostileInputCases,
  ];
}
