import { type ClaimedNotice, type NoticeRepository, noticeOf, type StoredNotice } from "@milepost/core/store";
import { announcementSteps } from "./announcement-steps.js";
import { allOf, list } from "./conditions.js";
import type { Driver } from "./driver.js";
import { reasonsStep } from "./reasons-step.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

/** Rows of {notices}: evaluations insert them, announcements patch them. */
export const noticeCodec: RowCodec<StoredNotice> = rowCodec<StoredNotice>({
  tenant: "plain",
  id: "plain",
  crossing: "plain",
  milestone: "plain",
  kind: "plain",
  number: "plain",
  value: "plain",
  noticedAt: "time",
  state: "plain",
  reason: "plain",
  detail: "plain",
  notifications: "plain",
  attempts: "plain",
  fence: "plain",
  leaseUntil: "time",
  notBefore: "time",
  createdAt: "time",
});

export function noticeRepository(driver: Driver): NoticeRepository {
  return {
    ...announcementSteps(driver, { table: "notices", kind: "notice", codec: noticeCodec, claimedOf }),

    list({ tenant, crossings, milestone, ids, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["crossing IN (SELECT value FROM json_each(?))", list(crossings)],
        ["milestone = ?", milestone],
        ["id IN (SELECT value FROM json_each(?))", list(ids)],
        ["id > ?", after],
      ]);
      // A crossing has few; sorted by the index of ids, all that the tenant has would be read for them.
      const order = crossings === undefined ? "id" : "+id";
      const sql = `SELECT * FROM {notices} WHERE ${where} ORDER BY ${order} LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map((row) => noticeOf(noticeCodec.decode(row))));
    },

    reasons: reasonsStep(driver, "notices"),
  };
}

function claimedOf(row: StoredNotice): ClaimedNotice {
  return { ...noticeOf(row), fence: row.fence };
}
