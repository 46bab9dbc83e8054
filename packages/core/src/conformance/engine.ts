import type { ConformanceCase } from "./case.js";
import { engineAnnouncingCases } from "./engine-announcing.js";
import { engineCampaignAudienceCases } from "./engine-campaign-audiences.js";
import { engineCampaignStoredCases } from "./engine-campaign-stored.js";
import { engineCampaignCases } from "./engine-campaigns.js";
import { engineCanaryCases } from "./engine-canaries.js";
import { engineContactImportCases } from "./engine-contact-imports.js";
import { engineContactCases } from "./engine-contacts.js";
import { engineDefinitionCases } from "./engine-definitions.js";
import { engineDeliveryCases } from "./engine-delivery.js";
import { engineDeliveryEventCases } from "./engine-delivery-events.js";
import { engineEffectCases } from "./engine-effects.js";
import { engineEvaluationCases } from "./engine-evaluation.js";
import { engineExplainCases } from "./engine-explain.js";
import { engineExplainMoreCases } from "./engine-explain-more.js";
import { engineForecastCases } from "./engine-forecast.js";
import { engineForgetCases } from "./engine-forget.js";
import { engineGaugeCases } from "./engine-gauges.js";
import { engineHeartbeatCases } from "./engine-heartbeat.js";
import { engineHostTransactionCases } from "./engine-host-transactions.js";
import { engineHostileInputCases } from "./engine-hostile-input.js";
import { engineHoursCases } from "./engine-hours.js";
import { engineJumpCases } from "./engine-jumps.js";
import { engineLaneCases } from "./engine-lanes.js";
import { engineLimitEffectCases } from "./engine-limit-effects.js";
import { engineLimitVersionCases } from "./engine-limit-versions.js";
import { engineLimitCases } from "./engine-limits.js";
import { engineMessageCases } from "./engine-messages.js";
import { engineNoticeCases } from "./engine-notices.js";
import { engineNotificationActCases } from "./engine-notification-acts.js";
import { engineParkingCases } from "./engine-parking.js";
import { enginePeriodEndCases } from "./engine-period-ends.js";
import { enginePeriodCases } from "./engine-periods.js";
import { enginePlanCases } from "./engine-plan.js";
import { enginePlanReactionCases } from "./engine-plan-reactions.js";
import { engineProviderCases } from "./engine-providers.js";
import { engineReactionCases } from "./engine-reactions.js";
import { engineReasonCases } from "./engine-reasons.js";
import { engineRecordingCases, sequentialCountCases } from "./engine-recording.js";
import { engineRecurrenceCases } from "./engine-recurrences.js";
import { engineRedefinitionCases } from "./engine-redefinition.js";
import { engineReplayCases } from "./engine-replay.js";
import { engineRetentionCases } from "./engine-retention.js";
import { engineStateCases } from "./engine-state.js";
import { engineStateMoreCases } from "./engine-state-more.js";
import { engineStoredLevelCases } from "./engine-stored-levels.js";
import { engineSuppressionCases } from "./engine-suppressions.js";
import { engineSweepCases } from "./engine-sweep.js";
import { engineTemplateCases } from "./engine-templates.js";
import { engineVerifyCases } from "./engine-verify.js";
import { engineWakeUpCases } from "./engine-wake-ups.js";
import { engineWorkerCases } from "./engine-worker.js";
import { leavingSound } from "./sound.js";

/** The cases that run the whole engine on a store. After each no invariant is violated. */
export function engineCases(): readonly ConformanceCase[] {
  const cases = [
    ...engineRecordingCases,
    ...sequentialCountCases,
    ...engineEvaluationCases,
    ...enginePeriodCases,
    ...engineJumpCases,
    ...engineLimitCases,
    ...engineLimitVersionCases,
    ...engineEffectCases,
    ...engineParkingCases,
    ...engineLimitEffectCases,
    ...enginePeriodEndCases,
    ...engineReactionCases,
    ...engineGaugeCases,
    ...engineStoredLevelCases,
    ...engineForecastCases,
    ...engineNoticeCases,
    ...engineHostTransactionCases,
    ...engineDefinitionCases,
    ...engineRedefinitionCases,
    ...engineRetentionCases,
    ...enginePlanCases,
    ...enginePlanReactionCases,
    ...engineReplayCases,
    ...engineAnnouncingCases,
    ...engineDeliveryCases,
    ...engineMessageCases,
    ...engineTemplateCases,
    ...engineNotificationActCases,
    ...engineLaneCases,
    ...engineCampaignCases,
    ...engineCampaignAudienceCases,
    ...engineCampaignStoredCases,
    ...engineRecurrenceCases,
    ...engineProviderCases,
    ...engineHoursCases,
    ...engineSuppressionCases,
    ...engineDeliveryEventCases,
    ...engineContactCases,
    ...engineContactImportCases,
    ...engineStateCases,
    ...engineStateMoreCases,
    ...engineExplainCases,
    ...engineExplainMoreCases,
    ...engineReasonCases,
    ...engineForgetCases,
    ...engineWorkerCases,
    ...engineHeartbeatCases,
    ...engineWakeUpCases,
    ...engineSweepCases,
    ...engineHostileInputCases,
    ...engineCanaryCases,
    ...engineVerifyCases,
  ];
  return cases.map(leavingSound);
}
