import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { MessageTemplate } from "../message/message.js";
import { type CompiledTemplate, compileTemplate } from "../message/template.js";
import { type DeliveryMode, deliveryModes, type Notifier } from "../notifier/notifier.js";
import type { Recipient } from "../recipient/recipient.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import { keySchema, parseInput } from "../validation.js";
import type { Crossing } from "./crossing.js";
import { refuseShortSighted } from "./levels.js";
import { lifetime, type Period } from "./period.js";
import { type MilestonePolicy, policyNeeds } from "./policy.js";

/** What is said of a crossing. */
export interface MilestoneMessage extends MessageTemplate {
  /**
   * Adds to, or replaces, what the templates can merge: `subject` (`id`, `name`, the contact's fields), `milestone`,
   * `metric`, `period`, `threshold`, `value`, `previous`, `reachedAt` (ISO), `recipient`. Plain JSON data.
   */
  readonly data?: (crossing: Crossing, recipient: Recipient) => Record<string, unknown>;
  /** Tags that must have a value although they stand inside a section. Those outside of any are required anyway. */
  readonly requiredTags?: readonly string[];
}

export interface MilestoneOptions {
  /** Unique in the engine and stored with every crossing: keep it for good. */
  readonly name: string;
  readonly metric: string;
  readonly policy: MilestonePolicy;
  /** `lifetime` unless said. */
  readonly period?: Period;
  /**
   * What becomes of the levels that counters which already run have behind them when the milestone is installed:
   * `"silent"` (unless said) records them as `adopted`, `"notify"` tells the highest of them as if it was passed now.
   */
  readonly onAdopt?: "silent" | "notify";
  /** Who is told. Without recipients, message and notifier its crossings are recorded and stay `silent`. */
  readonly recipients?: RecipientResolver;
  readonly message?: MilestoneMessage;
  readonly notifier?: Notifier;
  /** Narrows the notifier's mode: only to `at-most-once`. */
  readonly mode?: DeliveryMode;
  /** Attempts per notification; 5 unless said. */
  readonly maxAttempts?: number;
}

/** A named definition, checked. Made by {@link milestone}, and by nothing else. */
export interface Milestone {
  readonly kind: "milestone";
  readonly name: string;
  readonly metric: string;
  readonly policy: MilestonePolicy;
  readonly period: Period;
  readonly onAdopt: "silent" | "notify";
  /** How its crossings are announced; absent = `silent`. */
  readonly announcement?: Announcement;
}

export interface Announcement {
  readonly recipients: RecipientResolver;
  readonly notifier: Notifier;
  readonly mode: DeliveryMode;
  readonly maxAttempts: number;
  readonly template: CompiledTemplate;
  readonly data: (crossing: Crossing, recipient: Recipient) => Record<string, unknown>;
}

const functionOf = <T>(name: string): z.ZodType<T> =>
  z.custom<T>(
    (value) => typeof value === "object" && value !== null && typeof (value as never)[name] === "function",
    `an object with a method ${name}()`,
  );

const messageSchema = z.strictObject({
  subject: z.string().optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  data: z.custom((value) => typeof value === "function", "a function").optional(),
  requiredTags: z.array(z.string()).optional(),
});

const year = 366 * 86_400_000;

const notifierSchema = functionOf<Notifier>("send").check((context) => {
  const { name, channel, mode, keyLifetime } = context.value;
  const refuse = (path: string, message: string) =>
    context.issues.push({ code: "custom", path: [path], message, input: "" });
  if (!keySchema.safeParse(name).success) refuse("name", "a text key of 1 to 200 bytes");
  if (!keySchema.safeParse(channel).success) refuse("channel", "a text key of 1 to 200 bytes");
  if (!deliveryModes.includes(mode)) refuse("mode", `one of ${deliveryModes.join(", ")}`);
  if (
    (mode === "idempotent") !== (keyLifetime !== undefined) ||
    (keyLifetime !== undefined && !(Number.isSafeInteger(keyLifetime) && keyLifetime > 0 && keyLifetime <= year))
  ) {
    refuse("keyLifetime", "whole milliseconds above 0 and up to a year, exactly with the mode idempotent");
  }
});

/** What can be told of a policy without asking it. */
export const policySchema: z.ZodType<MilestonePolicy> = functionOf<MilestonePolicy>("levels").check((context) => {
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
  period: z.literal(lifetime).default(lifetime),
  onAdopt: z.enum(["silent", "notify"]).default("silent"),
  recipients: functionOf<RecipientResolver>("resolve").optional(),
  message: messageSchema.optional(),
  notifier: notifierSchema.optional(),
  mode: z.enum(deliveryModes).optional(),
  maxAttempts: z.int().min(1).max(100).default(5),
});

/**
 * Checks a definition; throws `invalid_milestone`, `invalid_template` or `policy_failed` with the path of the field.
 */
export function milestone(options: MilestoneOptions): Milestone {
  const { name, metric, policy, period, onAdopt, recipients, message, notifier, mode, maxAttempts } = parseInput(
    milestoneSchema,
    options,
    "invalid_milestone",
  );
  // a policy that reads whose levels it is asked for can only be asked about a real subject; any limit serves for a look
  if (policy.contextual !== true) refuseShortSighted(policy, { tenant: "", subject: "", period, limit: 1_000 });
  const base: Milestone = { kind: "milestone", name, metric, policy, period, onAdopt };
  if (recipients === undefined && message === undefined && notifier === undefined) return base;
  if (recipients === undefined || message === undefined || notifier === undefined) {
    const path = recipients === undefined ? "recipients" : message === undefined ? "message" : "notifier";
    const expected = "recipients, message and notifier together, or none of them";
    throw new MilepostError("invalid_milestone", `${path}: ${expected}`, { path, expected });
  }
  if (mode !== undefined && mode !== notifier.mode && mode !== "at-most-once") {
    const narrower = [...new Set([notifier.mode, "at-most-once"])].join(" or ");
    const expected = `${narrower}: the mode of notifier "${notifier.name}" can only be narrowed`;
    throw new MilepostError("invalid_milestone", `mode: ${expected}`, { path: "mode", expected });
  }
  const template = compileTemplate(options.message as MessageTemplate, "message");
  return {
    ...base,
    announcement: {
      recipients,
      notifier,
      maxAttempts,
      mode: mode ?? notifier.mode,
      template: {
        ...template,
        requiredTags: [...new Set([...template.requiredTags, ...(message.requiredTags ?? [])])],
      },
      data: options.message?.data ?? (() => ({})),
    },
  };
}
