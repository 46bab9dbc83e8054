import * as z from "zod";
import type { Store } from "../store/store.js";
import { type Agrees, dateSchema, keySchema, pageFields, parsePresent } from "../validation.js";
import type { ReasonCount } from "./reason.js";

/** What is counted. */
export interface ReasonQuery {
  /** `"default"` unless said. */
  readonly tenant?: string;
  /** A milestone's crossings, their notices, and the notifications of both; also one that the code has no longer. */
  readonly milestone?: string;
  /** Recorded at this instant or later. */
  readonly since?: Date;
  /** Recorded before this instant. */
  readonly until?: Date;
}

/** What was not sent, by its reason. */
export interface ReasonCounts {
  /** Crossings that nobody was told of. */
  readonly crossings: readonly ReasonCount[];
  /** Reminders, and that levels were armed again, that nobody was told of. */
  readonly notices: readonly ReasonCount[];
  /** Notifications that were not sent, or are not known to be. */
  readonly notifications: readonly ReasonCount[];
}

const querySchema = z.strictObject({
  tenant: pageFields.tenant,
  milestone: keySchema.optional(),
  since: dateSchema.optional(),
  until: dateSchema.optional(),
});

true satisfies Agrees<typeof querySchema, ReasonQuery>;

export function reasonsOver(store: Store): (query?: ReasonQuery) => Promise<ReasonCounts> {
  return async (query = {}) => {
    type Asked = ReasonQuery & { readonly tenant: string };
    const asked = parsePresent<Asked>(querySchema, query, "invalid_options");
    return {
      crossings: await store.crossings.reasons(asked),
      notices: await store.notices.reasons(asked),
      notifications: await store.notifications.reasons(asked),
    };
  };
}
