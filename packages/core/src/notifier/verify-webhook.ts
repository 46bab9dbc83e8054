import * as z from "zod";
import { MilepostError } from "../errors.js";
import { type Agrees, parseInput } from "../validation.js";
import { functionSchema } from "./http-options.js";
import type { WebhookSecret } from "./webhook-notifier.js";
import { isSignedBy, webhookKeys } from "./webhook-signature.js";

/** Headers as Node's `request.headers`, a `Headers`, or a plain object have them, under names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | readonly string[] | undefined };

export interface WebhookToVerify {
  readonly headers: WebhookHeaders;
  /** The bytes as they came in, or their text; never parsed and written again. */
  readonly body: string | Uint8Array;
  /** What the sender signs with; the new one and the old one during a rotation. */
  readonly secrets: WebhookSecret;
  /** Milliseconds by which the sender's time may differ from this process', up to a day; 300,000 unless said. */
  readonly tolerance?: number;
  readonly now?: () => Date;
  /**
   * Whether this id was stored before; stores it, in one step, if not. `until` is when it may be forgotten: a replay is too
   * old then. Asked only of webhooks that are signed.
   */
  readonly seen?: (id: string, until: Date) => boolean | Promise<boolean>;
}

/** A webhook that is its sender's. */
export interface VerifiedWebhook {
  /** The same for every attempt at one notification. */
  readonly id: string;
  /** When the sender made this attempt. */
  readonly timestamp: Date;
}

const day = 86_400_000;

const optionsSchema = z.strictObject({
  headers: z.custom<WebhookHeaders>((headers) => typeof headers === "object" && headers !== null, "the headers"),
  body: z.custom<string | Uint8Array>(
    (body) => typeof body === "string" || body instanceof Uint8Array,
    "the raw body: bytes, or their text",
  ),
  // webhookKeys() looks at them; optional, so that a misspelt name is told first
  secrets: z.custom<WebhookSecret>().optional(),
  tolerance: z.number("milliseconds, 0 to a day").min(0).max(day, "milliseconds, 0 to a day").default(300_000),
  now: functionSchema<() => Date>().default(() => () => new Date()),
  seen: functionSchema<NonNullable<WebhookToVerify["seen"]>>().optional(),
});

true satisfies Agrees<typeof optionsSchema, WebhookToVerify>;

/**
 * Verifies a webhook signed after Standard Webhooks, by any sender. Throws `webhook_refused`, with the header at fault as
 * `path`, for what is not signed with one of the secrets or is out of time, and `webhook_repeated` where `seen` says so.
 */
export async function verifyWebhook(given: WebhookToVerify): Promise<VerifiedWebhook> {
  const { headers, body, secrets, tolerance, now, seen } = parseInput(optionsSchema, given, "invalid_options");
  const keys = webhookKeys(secrets, "secrets");
  const id = headerOf(headers, "webhook-id", /^[\x21-\x7e]{1,200}$/, "1 to 200 printable characters");
  const seconds = headerOf(headers, "webhook-timestamp", /^\d{1,11}$/, "a whole number of seconds");
  const header = headerOf(
    headers,
    "webhook-signature",
    /^[\x20-\x7e]{1,10000}$/,
    "signatures with a space between them",
  );
  // as it was written: 007 is another text than 7, and the text is what was signed
  const timestamp = Number(seconds);
  if (String(timestamp) !== seconds) throw refused("webhook-timestamp", "a whole number of seconds");
  const at = new Date(timestamp * 1_000);
  const time = now().getTime();
  // written so that a time that is none is out of time
  if (!(Math.abs(at.getTime() - time) <= tolerance)) {
    throw refused("webhook-timestamp", `within ${tolerance / 1_000} s of this process' time`);
  }
  if (!isSignedBy(header, { id, timestamp, body }, keys)) {
    throw refused("webhook-signature", "a signature of exactly this body by one of the secrets");
  }
  if (seen !== undefined && (await seen(id, new Date(at.getTime() + tolerance + 1_000)))) {
    const message = "webhook-id: was taken before. Answer 2xx and do nothing: it may be the sender's retry.";
    throw new MilepostError("webhook_repeated", message, { path: "webhook-id", expected: "a new id" });
  }
  return { id, timestamp: at };
}

/** One header, given once. */
function headerOf(headers: WebhookHeaders, name: string, form: RegExp, expected: string): string {
  const value = typeof headers.get === "function" ? (headers as Headers).get(name) : onlyValue(headers, name);
  if (value === undefined || value === null) throw refused(name, `${expected}, but it is missing`);
  if (typeof value !== "string" || !form.test(value)) throw refused(name, expected);
  return value;
}

function onlyValue(headers: WebhookHeaders, name: string): unknown {
  const found = Object.entries(headers).filter(([key, value]) => key.toLowerCase() === name && value !== undefined);
  return found.length > 1 ? found : found[0]?.[1];
}

function refused(path: string, expected: string): MilepostError {
  return new MilepostError("webhook_refused", `${path}: ${expected}`, { path, expected });
}
