import { type NewNotice, noticeOf } from "../../milestone/notice.js";
import { compareKeys } from "../../text-key.js";
import type { NoticeRepository } from "../notice-repository.js";
import { announcementSteps } from "./announcement-steps.js";
import { reasonCounts } from "./reason-counts.js";
import { keyOf, type Tables } from "./tables.js";

/** What makes a notice unique, as one text. */
export function noticeKeyText({ tenant, crossing, kind, number }: NewNotice): string {
  return keyOf(tenant, crossing, kind, number);
}

export function memoryNotices(tables: Tables): NoticeRepository {
  const steps = announcementSteps(tables, tables.notices, "notice");
  return {
    claim: async (input) => steps.claim(input).map((row) => ({ ...noticeOf(row), fence: row.fence })),
    announce: async (input) => steps.announce(input),
    release: async (input) => steps.release(input),

    async list({ tenant, crossings, milestone, ids, after, limit }) {
      return [...tables.notices.values()]
        .filter((row) => row.tenant === tenant)
        .filter((row) => crossings === undefined || crossings.includes(row.crossing))
        .filter((row) => milestone === undefined || row.milestone === milestone)
        .filter((row) => ids === undefined || ids.includes(row.id))
        .filter((row) => after === undefined || compareKeys(row.id, after) > 0)
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit)
        .map(noticeOf);
    },

    async reasons({ tenant, milestone, since, until }) {
      const rows = [...tables.notices.values()]
        .filter((row) => row.tenant === tenant && (milestone ?? row.milestone) === row.milestone)
        .filter(({ createdAt }) => (since ?? createdAt) <= createdAt && (until === undefined || createdAt < until));
      return reasonCounts(rows);
    },
  };
}
