import { announcedCrossing } from "./announced-samples.js";
import { announceCases } from "./announcing-announce.js";
import { announceOnceCases } from "./announcing-announce-once.js";
import { claimCases } from "./announcing-claim.js";
import { announceForbiddenCases } from "./announcing-forbidden.js";
import { releaseCases } from "./announcing-release.js";
import type { ConformanceCase } from "./case.js";
import { crossingCommitCases } from "./crossing-commit.js";
import { crossingCommitEffectsCases } from "./crossing-commit-effects.js";
import { crossingCommitIdleCases } from "./crossing-commit-idle.js";
import { crossingCommitLostCases } from "./crossing-commit-lost.js";
import { crossingCommitNoticesCases } from "./crossing-commit-notices.js";
import { crossingCommitReachedCases } from "./crossing-commit-reached.js";
import { crossingGetCases } from "./crossing-get.js";
import { crossingListCases } from "./crossing-list.js";

export const crossingCases: readonly ConformanceCase[] = [
  ...crossingCommitCases,
  ...crossingCommitLostCases,
  ...crossingCommitReachedCases,
  ...crossingCommitIdleCases,
  ...crossingCommitNoticesCases,
  ...crossingCommitEffectsCases,
  ...claimCases(announcedCrossing),
  ...announceCases(announcedCrossing),
  ...announceOnceCases(announcedCrossing),
  ...announceForbiddenCases(announcedCrossing),
  ...releaseCases(announcedCrossing),
  ...crossingGetCases,
  ...crossingListCases,
];
