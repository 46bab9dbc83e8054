import * as z from "zod";
import { zoneSchema } from "../campaign/zone.js";
import type { Store } from "../store/store.js";
import { type Agrees, dateSchema, keySchema, listOf, pageFields, parsePresent } from "../validation.js";
import { byBucket, type EngagementFigures, figuresOf, totalOf } from "./engagement.js";

/** What figures are wanted of. */
export interface EngagementQuery {
  readonly tenant?: string;
  /**
   * A row for each campaign; for each template, of all messages or those of `campaigns`; or for each hour or day in which
   * messages were queued.
   */
  readonly by: "campaign" | "template" | "time";
  /** Only of these campaigns; with `by: "template"` and `"time"` of what milestones say too unless said. At most 1,000. */
  readonly campaigns?: readonly string[];
  /** Only what was queued at this instant or later, and before that one. */
  readonly from?: Date;
  readonly to?: Date;
  /** With `by: "time"`: `"day"` unless said. */
  readonly bucket?: "hour" | "day";
  /** Whose hours and days; `UTC` unless said. */
  readonly zone?: string;
}

/** The figures of one campaign, template or span of time. */
export interface EngagementRow extends EngagementFigures {
  /** The campaign's id, the hash of what is said, or the span's first instant as ISO text. */
  readonly of: string;
}

export interface Engagement {
  /** Ordered by what they are of. Without what has no notifications. */
  readonly rows: readonly EngagementRow[];
  /** Of all rows together. */
  readonly total: EngagementFigures;
}

const querySchema = z.strictObject({
  tenant: pageFields.tenant,
  by: z.enum(["campaign", "template", "time"]),
  campaigns: listOf(keySchema, 1_000).optional(),
  from: dateSchema.optional(),
  to: dateSchema.optional(),
  bucket: z.enum(["hour", "day"]).optional(),
  zone: zoneSchema.optional(),
});

true satisfies Agrees<typeof querySchema, EngagementQuery>;

/** Figures of engagement, counted from the rows each time and so always equal to them. */
export function engagementOver(store: Store): (query: EngagementQuery) => Promise<Engagement> {
  return async (query) => {
    type Asked = EngagementQuery & { readonly tenant: string };
    const { bucket = "day", zone = "UTC", ...asked } = parsePresent<Asked>(querySchema, query, "invalid_options");
    const counts = await store.deliveryEvents.engagement(asked);
    const figures = figuresOf(asked.by === "time" ? byBucket(counts, bucket, zone) : counts);
    return {
      rows: [...figures].map(([of, each]) => ({ of, ...each })),
      total: totalOf(figures.values()),
    };
  };
}
