import type { ConformanceCase } from "./case.js";
import { crossingAnnounceCases } from "./crossing-announce.js";
import { crossingAnnounceOnceCases } from "./crossing-announce-once.js";
import { crossingClaimCases } from "./crossing-claim.js";
import { crossingCommitCases } from "./crossing-commit.js";
import { crossingCommitIdleCases } from "./crossing-commit-idle.js";
import { crossingCommitLostCases } from "./crossing-commit-lost.js";
import { crossingCommitReachedCases } from "./crossing-commit-reached.js";
import { crossingListCases } from "./crossing-list.js";
import { crossingReleaseCases } from "./crossing-release.js";

export const crossingCases: readonly ConformanceCase[] = [
  ...crossingCommitCases,
  ...crossingCommitLostCases,
  ...crossingCommitReachedCases,
  ...crossingCommitIdleCases,
  ...crossingClaimCases,
  ...crossingAnnounceCases,
  ...crossingAnnounceOnceCases,
  ...crossingReleaseCases,
  ...crossingListCases,
];
