import type { StoredCrossing } from "@milepost/core/store";
import { type RowCodec, rowCodec } from "./row-codec.js";

/** Rows of {crossings}: evaluations insert them, announcements patch them. */
export const crossingCodec: RowCodec<StoredCrossing> = rowCodec<StoredCrossing>({
  tenant: "plain",
  id: "plain",
  milestone: "plain",
  metric: "plain",
  subject: "plain",
  period: "plain",
  threshold: "plain",
  limitVersion: "plain",
  arming: "plain",
  at: "plain",
  direction: "plain",
  code: "plain",
  severity: "plain",
  limitAmount: "plain",
  skipped: "plain",
  previous: "plain",
  value: "plain",
  eventId: "plain",
  reachedAt: "time",
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
