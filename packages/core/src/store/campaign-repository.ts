import type { Campaign, CampaignKey, CampaignState } from "../campaign/campaign.js";
import type { CampaignActInput } from "../campaign/campaign-moves.js";
import type { NewNotification, Notification, NotificationState } from "../delivery/notification.js";
import type { Reason } from "../delivery/reason.js";
import type { MessageTemplate } from "../message/message.js";

/** A campaign as it is stored first. */
export type NewCampaign = Pick<
  Campaign,
  | "tenant"
  | "id"
  | "name"
  | "kind"
  | "definition"
  | "audience"
  | "code"
  | "scheduledAt"
  | "rate"
  | "recurrence"
  | "occurrence"
>;

/** What an edit may change; what is not named stays. */
export type CampaignEdit = Partial<Pick<Campaign, "name" | "kind" | "definition" | "rate">>;

/** Who did it, and why. */
interface Person {
  readonly by: string;
  readonly why: string;
}

/** A campaign that is leased to one process. */
export interface FencedCampaign extends CampaignKey {
  readonly fence: number;
}

/** How far a campaign is: its notifications by state and reason. */
export interface CampaignCount extends CampaignKey {
  readonly state: NotificationState;
  readonly reason: Reason | null;
  readonly count: number;
}

/** A notification as an edit leaves it. */
export type RewrittenNotification = Pick<
  NewNotification,
  "id" | "template" | "data" | "notBefore" | "expiresAt" | "hours" | "openUntil" | "sender"
>;

export interface CampaignRepository {
  /**
   * Stores a campaign, a draft or, with `scheduledAt`, a scheduled one, and the act. Where its id exists, or its
   * recurrence's occurrence, nothing is written and that one is answered.
   */
  create(
    input: Person & { readonly campaign: NewCampaign; readonly now?: Date },
  ): Promise<{ readonly created: boolean; readonly campaign: Campaign }>;

  get(input: CampaignKey): Promise<Campaign | null>;

  /** Campaigns that match every given filter, ordered by id, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly states?: readonly CampaignState[];
    readonly kind?: string;
    readonly recurrence?: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly Campaign[]>;

  /**
   * An act by core's `campaignMove`, recorded with who and why in the same transaction. Waits for marks that are under way:
   * after it has committed what closes the campaign, no mark of its notifications commits. Throws `not_found`, and
   * `act_refused` where the state forbids it.
   */
  act(input: CampaignKey & Person & CampaignActInput & { readonly now?: Date }): Promise<Campaign>;

  /**
   * Changes a campaign that has not ended; its notifications, where it has any, are `changing` from then on: none is
   * marked before all that never were are brought along. Records the act. Throws `not_found`, and `act_refused`
   * where it has ended, is being changed, or its revision is another than `revision`.
   */
  edit(
    input: CampaignKey & Person & { readonly revision: number; readonly change: CampaignEdit; readonly now?: Date },
  ): Promise<Campaign>;

  /**
   * Leases up to `limit` campaigns that want something beside sending, by core's `wants`, and that nobody has leased:
   * scheduled ones whose time has come, those that are not loaded and not drafts, those whose late joiners are looked for,
   * those that are changing, and loaded ones that are sending and have no open notification. The longest waiting first.
   */
  claim(input: {
    /** The definitions in code that this process has: audiences of others are left to those who have them. */
    readonly codes: readonly string[];
    readonly limit: number;
    /** Milliseconds. */
    readonly lease: number;
    readonly now?: Date;
  }): Promise<readonly Campaign[]>;

  /**
   * Leases one campaign, a draft too, whatever it wants; null where another process has it, or it has ended and nothing of it
   * is changing. Throws `not_found`.
   */
  lease(
    input: CampaignKey & {
      /** Milliseconds. */
      readonly lease: number;
      readonly now?: Date;
    },
  ): Promise<Campaign | null>;

  /**
   * One chunk of a campaign's audience: inserts its notifications, those whose key exists left out, and says where the next
   * chunk begins. `last`: that was all, and the lease ends; else it is prolonged. Answers how many are new; null where it is
   * not leased under the fence, or has ended.
   */
  load(
    input: FencedCampaign & {
      readonly notifications: readonly NewNotification[];
      readonly templates: Readonly<Record<string, MessageTemplate>>;
      readonly cursor: string | null;
      readonly last: boolean;
      /** How many more of the audience were refused. */
      readonly rejected: number;
      /** When late joiners are looked for. */
      readonly lookAt: Date | null;
      readonly lease: number;
      readonly now?: Date;
    },
  ): Promise<number | null>;

  /** Notifications of a campaign that were never marked and have not ended, ordered by id, after `after`. */
  open(
    input: CampaignKey & { readonly after: string | null; readonly limit: number },
  ): Promise<readonly Notification[]>;

  /**
   * Brings notifications along with an edit by core's `rewriteMove`: each that was never marked is pending as given. `last`: the
   * campaign is as it says, and goes on. Answers false where it is not leased under the fence.
   */
  rewrite(
    input: FencedCampaign & {
      readonly notifications: readonly RewrittenNotification[];
      readonly templates: Readonly<Record<string, MessageTemplate>>;
      readonly after: string | null;
      readonly last: boolean;
      readonly lease: number;
      readonly now?: Date;
    },
  ): Promise<boolean>;

  /**
   * Cancels up to `limit` notifications of a campaign that was cancelled or failed, by id: pending and leased ones become
   * `cancelled`, or `unknown` if they were ever ambiguous, of those that are sending or ambiguous it is asked. Answers how
   * many; with none left the campaign is no longer changing. Null where it is not leased under the fence.
   */
  cancelNext(
    input: FencedCampaign & { readonly limit: number; readonly lease: number; readonly now?: Date },
  ): Promise<number | null>;

  /** Ends a lease; nobody leases it for another `retryIn` milliseconds. */
  release(input: FencedCampaign & { readonly retryIn: number; readonly now?: Date }): Promise<void>;

  /** How many notifications each of these campaigns has, by state and reason: of the rows, and so always true. */
  counts(input: { readonly tenant: string; readonly ids: readonly string[] }): Promise<readonly CampaignCount[]>;
}
