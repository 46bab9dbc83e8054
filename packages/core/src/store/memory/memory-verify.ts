import type { Store } from "../store.js";
import { type InvariantId, type Look, type Violation, verifyReport } from "../verify.js";
import type { Tables } from "./tables.js";
import {
  forbiddenStartViolations,
  lateAttemptViolations,
  numberingViolations,
  openAttemptViolations,
  repeatViolations,
  sentViolations,
  unsentViolations,
} from "./verify-attempts.js";
import { announcementViolations, counterViolations, crossingViolations } from "./verify-counting.js";
import { quotaViolations } from "./verify-quotas.js";
import {
  endViolations,
  frozenViolations,
  overdueViolations,
  parentViolations,
  shapeViolations,
} from "./verify-rows.js";
import { trackingViolations } from "./verify-tracking.js";

type Find = (tables: Tables, look: Look) => Iterable<Violation>;

const finds: Readonly<Record<InvariantId, Find>> = {
  I1: crossingViolations,
  I2: announcementViolations,
  I3: counterViolations,
  I4: openAttemptViolations,
  I5: numberingViolations,
  I6: shapeViolations,
  I7: repeatViolations,
  I8: sentViolations,
  I9: unsentViolations,
  I10: (tables) => [...endViolations(tables), ...lateAttemptViolations(tables)],
  I11: (tables, { sweep, now }) => forbiddenStartViolations(tables, sweep, now),
  I12: quotaViolations,
  I14: trackingViolations,
  I13: (tables, { sweep, now }) => overdueViolations(tables, sweep, now),
  I15: parentViolations,
  I16: frozenViolations,
};

export function memoryVerify(tables: Tables): Store["verify"] {
  return (input = {}) =>
    verifyReport(input, async (id, look) =>
      [...finds[id](tables, look)].filter(({ tenant }) => (look.tenant ?? tenant) === tenant).slice(0, look.limit),
    );
}
