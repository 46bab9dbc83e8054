import type { SoftBounceLimit } from "../tracking/address-events.js";
import type { DeliveryEvent, DeliveryEventType, NewDeliveryEvent } from "../tracking/delivery-event.js";
import type { EngagementCounts } from "../tracking/engagement.js";
import type { NotificationFacts } from "../tracking/facts.js";

/** What became of one event that was new. */
export interface AppliedEvent extends Pick<NewDeliveryEvent, "source" | "id"> {
  /** Null: none is known, and the event is kept with its address. */
  readonly notification: string | null;
}

export interface EngagementInput {
  readonly tenant: string;
  /**
   * What the counts are grouped by: the campaign's id (of notifications that have one), the hash of what is said, or the step
   * of time in which the notification was queued, counted since the epoch in core's `timeStep`.
   */
  readonly by: "campaign" | "template" | "time";
  /** Only notifications of these campaigns; those of none too unless said. */
  readonly campaigns?: readonly string[];
  /** Only notifications that were queued at this instant or later, and before that one. */
  readonly from?: Date;
  readonly to?: Date;
}

/**
 * What was heard of messages after they were sent. The events themselves are kept for as long as the host wants; what they
 * merge into, the facts of each notification and what was said of an address, is kept for good.
 */
export interface DeliveryEventRepository {
  /**
   * Applies events of one tenant, at most 1,000. One that is there already, by source and id, is passed over, whatever else
   * it says; of two in one call the first counts. The others are stored, each with the notification that core's `matcher`
   * finds for it. The same transaction merges them into their notifications' facts (core's `mergeFacts`), and forbids
   * addresses as core's `forbiddenBy` says of all that is known of them, with everything that `suppressions.add` does. An
   * event with `acting` is an act on its recipient, or, where that is not known, on the event.
   *
   * `applied`: what was new, ordered by source and id. `suppressed`: addresses that were forbidden by it.
   */
  record(input: {
    readonly tenant: string;
    readonly events: readonly NewDeliveryEvent[];
    readonly softBounces: SoftBounceLimit;
    readonly now?: Date;
  }): Promise<{ readonly applied: readonly AppliedEvent[]; readonly suppressed: number }>;

  /**
   * Looks again for the notifications of up to `limit` events that had none, of all tenants, those first that wait longest;
   * one that is found is merged into its facts as by {@link record}. When an event is looked at next is core's `nextLookAt`.
   * Answers how many were looked at.
   */
  match(input: { readonly limit: number; readonly softBounces: SoftBounceLimit; readonly now?: Date }): Promise<number>;

  /** The facts of those of these notifications that have any, ordered by notification. */
  facts(input: {
    readonly tenant: string;
    readonly notifications: readonly string[];
  }): Promise<readonly NotificationFacts[]>;

  /** A tenant's events that match every given filter, in the order of their numbers, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly notification?: string;
    readonly recipientKey?: string;
    readonly types?: readonly DeliveryEventType[];
    /** Only those of which no notification is known. */
    readonly unmatched?: boolean;
    readonly after?: number;
    readonly limit: number;
  }): Promise<readonly DeliveryEvent[]>;

  /** Counts for figures of engagement, all of one moment. In no order. */
  engagement(input: EngagementInput): Promise<EngagementCounts>;

  /**
   * Prepares room for the events of this month and so many that follow. May be called by any number at once; a repeat does
   * nothing. Answers how many months were prepared: 0 where a store has nothing to prepare, or no right to.
   */
  prepare(input: { readonly months: number; readonly now?: Date }): Promise<number>;

  /**
   * Forgets events that were received before core's `forgottenBefore(now, age)`, and their ids, in steps of about `limit`.
   * Answers how many were forgotten; with 0 there is nothing left. Facts and suppressions stay.
   */
  purge(input: { readonly age: number; readonly limit: number; readonly now?: Date }): Promise<number>;
}
