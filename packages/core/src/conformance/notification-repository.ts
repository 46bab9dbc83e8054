import type { ConformanceCase } from "./case.js";
import { notificationClaimCases } from "./notification-claim.js";
import { notificationDeadLetterCases } from "./notification-dead-letters.js";
import { notificationDecideCases } from "./notification-decide.js";
import { notificationHoursCases } from "./notification-hours.js";
import { notificationListCases } from "./notification-list.js";
import { notificationMarkCases } from "./notification-mark.js";
import { notificationMarkMeteredCases } from "./notification-mark-metered.js";
import { notificationMarkRefusedCases } from "./notification-mark-refused.js";
import { notificationReapCases } from "./notification-reap.js";
import { notificationRedriveCases } from "./notification-redrive.js";
import { notificationReleaseCases } from "./notification-release.js";
import { notificationSettleCases } from "./notification-settle.js";
import { notificationSettleLaneCases } from "./notification-settle-lane.js";
import { notificationSettleLateCases } from "./notification-settle-late.js";
import { notificationWalkCases } from "./notification-walk.js";

export const notificationCases: readonly ConformanceCase[] = [
  ...notificationClaimCases,
  ...notificationMarkCases,
  ...notificationMarkRefusedCases,
  ...notificationMarkMeteredCases,
  ...notificationSettleCases,
  ...notificationSettleLateCases,
  ...notificationSettleLaneCases,
  ...notificationReleaseCases,
  ...notificationReapCases,
  ...notificationHoursCases,
  ...notificationDecideCases,
  ...notificationRedriveCases,
  ...notificationListCases,
  ...notificationDeadLetterCases,
  ...notificationWalkCases,
];
