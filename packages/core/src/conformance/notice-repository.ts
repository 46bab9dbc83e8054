import { announcedNotice } from "./announced-samples.js";
import { announceCases } from "./announcing-announce.js";
import { announceOnceCases } from "./announcing-announce-once.js";
import { claimCases } from "./announcing-claim.js";
import { announceForbiddenCases } from "./announcing-forbidden.js";
import { releaseCases } from "./announcing-release.js";
import type { ConformanceCase } from "./case.js";
import { noticeListCases } from "./notice-list.js";

export const noticeCases: readonly ConformanceCase[] = [
  ...claimCases(announcedNotice),
  ...announceCases(announcedNotice),
  ...announceOnceCases(announcedNotice),
  ...announceForbiddenCases(announcedNotice),
  ...releaseCases(announcedNotice),
  ...noticeListCases,
];
