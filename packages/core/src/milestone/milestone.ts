import * as z from "zod";
import { type LocalHours, localHoursSchema } from "../campaign/local-hours.js";
import { MilepostError } from "../errors.js";
import type { MessageParts } from "../message/message.js";
import { type CompiledTemplate, compileTemplate } from "../message/template.js";
import { type DeliveryMode, deliveryModes, type Notifier } from "../notifier/notifier.js";
import { notifierSchema } from "../notifier/notifier-schema.js";
import type { Recipient } from "../recipient/recipient.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import { scopeSchema } from "../recipient/suppression.js";
import { keySchema, listOf, parseInput, withMethod } from "../validation.js";
import type { Crossing } from "./crossing.js";
import type { EffectAnswer, Effects } from "./effect.js";
import { refuseShortSighted } from "./levels.js";
import type { NoticeFacts } from "./notice.js";
import { lifetime, type Period, periodSchema } from "./period.js";
import { type MilestonePolicy, policyNeeds } from "./policy.js";

const jumps = ["highest", "each", "list"] as const;
export type OnJump = (typeof jumps)[number];

/** What is said of a crossing. */
export interface MilestoneMessage extends MessageParts {
  /**
   * Adds to, or replaces, what the templates can merge: `subject` (`id`, `name`, the subject's own fields), `milestone`,
   * `metric`, `period`, `threshold`, `code`, `severity`, `value`, `previous`, `reachedAt` (ISO), `recipient`, and
   * `passed`, the levels that `onJump: "list"` names. Plain JSON data. `notice` is there where more is said of a crossing
   * later, by a `reminder` or as `resolved`.
   */
  readonly data?: (crossing: Crossing, recipient: Recipient, notice?: NoticeFacts) => Record<string, unknown>;
  /** Tags that must have a value although they stand inside a section. Those outside of any are required anyway. */
  readonly requiredTags?: readonly string[];
}

export interface MilestoneOptions {
  /** Unique in the engine and stored with every crossing: keep it for good. */
  readonly name: string;
  readonly metric: string;
  readonly policy: MilestonePolicy;
  /** What its counters cover: `"lifetime"` unless said, or a calendar span in a zone, as in `"month:Europe/Berlin"`. */
  readonly period?: Period;
  /**
   * Milliseconds for which crossings of a calendar period are still told after its end; 0 unless said. Later ones, as of
   * late events, are recorded as `expired`.
   */
  readonly grace?: number;
  /**
   * What is said when one event passes several levels: the last one (`"highest"`, unless said), each of them, or the last
   * one with a list of all (`"list"`; the tag `passed`). All of them are recorded.
   *
   * | one event passes 10, 20 and 30 | said | recorded as |
   * | --- | --- | --- |
   * | `"highest"` | 30 | 10 and 20 `superseded` |
   * | `"each"` | 10, 20, 30 | |
   * | `"list"` | 30, with `passed` 10, 20, 30 | 10 and 20 `superseded` |
   */
  readonly onJump?: OnJump;
  /**
   * Milliseconds that must lie between the events of two crossings that a subject's people are told of; crossings that
   * come sooner are recorded as `too_soon`. 0 unless said.
   *
   * | crossings with a `minInterval` of an hour, at | said | too soon |
   * | --- | --- | --- |
   * | 12:00, 12:59 and 13:00 | 12:00 and 13:00 | 12:59 |
   * | 12:00 and, late, 11:30 | 12:00 | 11:30 |
   */
  readonly minInterval?: number;
  /**
   * What becomes of the levels that counters which already run have behind them when the milestone is installed:
   * `"silent"` (unless said) records them as `adopted`, `"notify"` tells the highest of them as if it was passed now.
   */
  readonly onAdopt?: "silent" | "notify";
  /**
   * Statements of the host to run for each new crossing, in the transaction that stores it, in the order of the
   * thresholds: either both happen or neither. Not for adopted crossings, and not for a period that is over. Needs a store
   * with `supports.effect`.
   *
   * ```ts
   * effect: ({ subject, threshold }) => threshold === "100%" && sql`UPDATE shops SET online = ${false} WHERE id = ${subject}`
   * ```
   */
  readonly effect?: Effects["effect"];
  /** The same, once, when a calendar period of a counter has ended that was evaluated in it. */
  readonly onPeriodEnd?: Effects["onPeriodEnd"];
  /** The same, when a limit comes into force for a counter: its first one, in each period, and every new version. */
  readonly onLimit?: Effects["onLimit"];
  /**
   * Milliseconds, from a second to a year, after which people are reminded of the last crossing they were told of, again
   * and again, while the value is at its level or beyond it and the period lasts. 0, unless said: never.
   *
   * | every hour, of a level at 10 that arms again at 5 | |
   * | --- | --- |
   * | 12:00: from 0 to 10 | said |
   * | 13:00, 14:00: still 10 | reminders 1 and 2 |
   * | 14:30: to 7; 15:00 | none: below its level, and not armed again |
   * | 15:30: to 12; 16:00 | reminder 3 |
   * | 16:30: to 5 | `resolved`, and no more reminders |
   */
  readonly remindEvery?: number;
  /** What reminders say; the `message` unless said. Has the tags `reminder`, their number, and `value`, as it is now. */
  readonly reminder?: MilestoneMessage;
  /**
   * Said when a level is armed again, or a new limit is not reached yet: only of crossings that somebody was told of, of
   * the last 1,000 of a counter.
   */
  readonly resolved?: MilestoneMessage;
  /** Who is told. Without recipients, message and notifier its crossings are recorded and stay `silent`. */
  readonly recipients?: RecipientResolver;
  readonly message?: MilestoneMessage;
  readonly notifier?: Notifier;
  /** Narrows the notifier's mode: only to `at-most-once`. */
  readonly mode?: DeliveryMode;
  /** Attempts per notification; 5 unless said. */
  readonly maxAttempts?: number;
  /**
   * What kind of message it is to those who get it: an address may be suppressed in one scope, as `newsletter`, and
   * written to in another. `"default"` unless said.
   */
  readonly scope?: string;
  /**
   * Milliseconds after a crossing was recorded from which on no call starts any more: what was not sent by then ends as
   * `expired`. Up to a year; for ever unless said.
   */
  readonly expiresIn?: number;
  /**
   * Local hours within which a call may start, by the clocks of each recipient's zone or of a named one; at any time unless
   * said. What is not sent when they close waits until they open again.
   *
   * ```ts
   * hours: { from: "09:00", to: "18:00", days: [1, 2, 3, 4, 5], zone: "recipient", otherwise: "Europe/Berlin" }
   * ```
   */
  readonly hours?: LocalHours;
  /** Tells only recipients that have given consent in its scope: `milepost.suppressions.consent()`. */
  readonly needsConsent?: boolean;
}

/** A named definition, checked. Made by {@link milestone}, and by nothing else. */
export interface Milestone extends Effects {
  readonly kind: "milestone";
  readonly name: string;
  readonly metric: string;
  readonly policy: MilestonePolicy;
  readonly period: Period;
  readonly grace: number;
  readonly onJump: OnJump;
  readonly minInterval: number;
  readonly onAdopt: "silent" | "notify";
  /** 0: never. */
  readonly remindEvery: number;
  /** How its crossings are announced; absent = `silent`. */
  readonly announcement?: Announcement;
}

export interface Announcement {
  readonly recipients: RecipientResolver;
  readonly notifier: Notifier;
  readonly mode: DeliveryMode;
  readonly maxAttempts: number;
  readonly scope: string;
  readonly needsConsent: boolean;
  /** Milliseconds; null: for ever. */
  readonly expiresIn: number | null;
  /** Null: at any time. */
  readonly hours: LocalHours | null;
  /** What is said of a crossing, and later; `resolved` is absent where that is not said. */
  readonly crossing: Said;
  readonly reminder: Said;
  readonly resolved?: Said;
}

export interface Said {
  readonly template: CompiledTemplate;
  readonly data: NonNullable<MilestoneMessage["data"]>;
}

const messageSchema = z.strictObject({
  subject: z.string().optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  safeHtml: listOf(z.string().min(1).max(200), 100).optional(),
  data: z.custom((value) => typeof value === "function", "a function").optional(),
  requiredTags: z.array(z.string()).optional(),
});

const effectSchema = z.custom<(about: never) => EffectAnswer>((value) => typeof value === "function", "a function");

const year = 366 * 86_400_000;

/** What can be told of a policy without asking it. */
export const policySchema: z.ZodType<MilestonePolicy> = withMethod<MilestonePolicy>("levels").check((context) => {
  const { key, needs = [] } = context.value;
  if (typeof key !== "string" || key === "") {
    context.issues.push({ code: "custom", path: ["key"], message: "a text that names the policy", input: "" });
  }
  if (!Array.isArray(needs) || !needs.every((need) => policyNeeds.includes(need))) {
    const message = `a list of ${policyNeeds.join(" and ")}`;
    context.issues.push({ code: "custom", path: ["needs"], message, input: "" });
  }
});

const milestoneSchema = z.strictObject({
  name: keySchema,
  metric: keySchema,
  policy: policySchema,
  period: periodSchema.default(lifetime),
  grace: z.int("whole milliseconds, 0 or more").min(0).default(0),
  onJump: z.enum(jumps).default("highest"),
  minInterval: z.int("whole milliseconds, 0 or more").min(0).default(0),
  onAdopt: z.enum(["silent", "notify"]).default("silent"),
  effect: effectSchema.optional(),
  onPeriodEnd: effectSchema.optional(),
  onLimit: effectSchema.optional(),
  remindEvery: z
    .union([z.literal(0), z.int().min(1_000).max(year)], `0, or whole milliseconds from 1,000 to ${year}: a year`)
    .default(0),
  reminder: messageSchema.optional(),
  resolved: messageSchema.optional(),
  recipients: withMethod<RecipientResolver>("resolve").optional(),
  message: messageSchema.optional(),
  notifier: notifierSchema.optional(),
  mode: z.enum(deliveryModes).optional(),
  maxAttempts: z.int().min(1).max(100).default(5),
  scope: scopeSchema.default("default"),
  needsConsent: z.boolean().default(false),
  expiresIn: z.int(`whole milliseconds from 1 to ${year}: a year`).min(1).max(year).optional(),
  hours: localHoursSchema.optional(),
});

/**
 * Checks a definition; throws `invalid_milestone`, `invalid_template` or `policy_failed` with the path of the field.
 */
export function milestone(options: MilestoneOptions): Milestone {
  const parsed = parseInput(milestoneSchema, options, "invalid_milestone");
  const { name, metric, policy, period, grace, onJump, minInterval, onAdopt, remindEvery } = parsed;
  const { recipients, message, notifier, mode, maxAttempts, scope, needsConsent, reminder, resolved } = parsed;
  const { expiresIn = null, hours = null } = parsed;
  const { effect, onPeriodEnd, onLimit } = options;
  // a policy that reads whose levels it is asked for can only be asked about a real subject; any limit serves for a look
  const look = { tenant: "", subject: "", period, limit: 1_000 };
  if (policy.contextual !== true && !policy.moving) refuseShortSighted(policy, look);
  if (period === lifetime && (policy.needs?.includes("span") || onPeriodEnd !== undefined)) {
    throw refused(
      "period",
      `a calendar period: ${onPeriodEnd === undefined ? policy.key : "onPeriodEnd"} needs its end`,
    );
  }
  if (onLimit !== undefined && !policy.needs?.includes("limit"))
    throw refused("onLimit", "a policy that needs a limit");
  const base: Milestone = {
    kind: "milestone",
    ...{ name, metric, policy, period, grace, onJump, minInterval, onAdopt, remindEvery },
    ...(effect && { effect }),
    ...(onPeriodEnd && { onPeriodEnd }),
    ...(onLimit && { onLimit }),
  };
  if (recipients === undefined && message === undefined && notifier === undefined) {
    const spoken = reminder !== undefined ? "reminder" : resolved !== undefined ? "resolved" : "remindEvery";
    if (reminder ?? resolved ?? (remindEvery > 0 || undefined))
      throw refused(spoken, "recipients, message and notifier");
    return base;
  }
  if (recipients === undefined || message === undefined || notifier === undefined) {
    const path = recipients === undefined ? "recipients" : message === undefined ? "message" : "notifier";
    throw refused(path, "recipients, message and notifier together, or none of them");
  }
  if (mode !== undefined && mode !== notifier.mode && mode !== "at-most-once") {
    const narrower = [...new Set([notifier.mode, "at-most-once"])].join(" or ");
    throw refused("mode", `${narrower}: the mode of notifier "${notifier.name}" can only be narrowed`);
  }
  if (reminder !== undefined && remindEvery === 0) throw refused("reminder", "remindEvery, or it is never said");
  const said = saidBy(options.message!, "message");
  return {
    ...base,
    announcement: {
      recipients,
      notifier,
      maxAttempts,
      scope,
      needsConsent,
      expiresIn,
      hours,
      mode: mode ?? notifier.mode,
      crossing: said,
      reminder: options.reminder === undefined ? said : saidBy(options.reminder, "reminder"),
      ...(options.resolved && { resolved: saidBy(options.resolved, "resolved") }),
    },
  };
}

function saidBy({ data = () => ({}), requiredTags = [], ...message }: MilestoneMessage, path: string): Said {
  const template = compileTemplate(message, path);
  return { template: { ...template, requiredTags: [...new Set([...template.requiredTags, ...requiredTags])] }, data };
}

function refused(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_milestone", `${path}: ${expected}`, { path, expected });
}
