import * as z from "zod";
import type { Json } from "../json.js";
import type { RenderedMessage } from "../message/message.js";
import type { Recipient } from "../recipient/recipient.js";
import { type Agrees, parseInput } from "../validation.js";
import { type AddressLookup, addressGuard, subnetOf } from "./address-guard.js";
import { askedHost } from "./asked-host.js";
import { Connections } from "./connections.js";
import { exchange, type HttpTimeouts } from "./exchange.js";
import { outcomeOfExchange } from "./exchange-outcome.js";
import { certificates, fullTimeouts, functionSchema, httpFields } from "./http-options.js";
import {
  type Channel,
  type DeliveryMode,
  type Notifier,
  type Outcome,
  refusedPermanent,
  refusedTransient,
  type SendContext,
} from "./notifier.js";
import { type WebhookKey, webhookKeys, webhookSignature } from "./webhook-signature.js";
import { webhookUrl } from "./webhook-url.js";

/** `whsec_` and the base64 of 24 to 64 random bytes; several while one is replaced, and each call is signed with all. */
export type WebhookSecret = string | readonly string[];

export interface WebhookNotifierOptions {
  /** `"webhook"` unless said. */
  readonly name?: string;
  /** `"webhook"` unless said. */
  readonly channel?: Channel;
  /** Of all receivers, or a function that knows each one's. */
  readonly secret:
    | WebhookSecret
    | ((of: { readonly tenant: string; readonly to: Recipient }) => WebhookSecret | Promise<WebhookSecret>);
  /** What is sent, as JSON; the same at every attempt. Unless said: `{ type, data: { id, subject, text, html } }`. */
  readonly body?: (message: RenderedMessage, context: WebhookContext) => Json;
  /** `"at-least-once"` unless said: receivers drop repeats by their `webhook-id`. */
  readonly mode?: Exclude<DeliveryMode, "idempotent">;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Lets receivers have `http:` URLs, for tests and networks of your own. */
  readonly allowHttp?: boolean;
  /** Addresses and networks, as `"10.1.0.0/16"`, that may be called although they are not public. None unless said. */
  readonly allowAddresses?: readonly string[];
  /** The ports that may be called; 443, 80 and all above 1023 unless said. Never 25. */
  readonly ports?: readonly number[];
  readonly timeouts?: HttpTimeouts;
  /** PEM certificates to trust instead of those that come with Node. */
  readonly ca?: string | readonly string[];
  /** How names are looked up; `dns.lookup` unless said. Its answers are checked like any. */
  readonly lookup?: AddressLookup;
  /** The time that is signed; tests move it. */
  readonly now?: () => Date;
}

/** What of an attempt is the same in all of them. */
export type WebhookContext = Pick<SendContext, "tenant" | "notification" | "idempotencyKey" | "messageId">;

/** Of every call, and said by nobody else. */
const ownHeaders = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"];

const optionsSchema = z.strictObject({
  name: httpFields.name.default("webhook"),
  channel: httpFields.channel.default("webhook"),
  secret: z.custom<WebhookNotifierOptions["secret"]>(
    (secret) => typeof secret === "string" || Array.isArray(secret) || typeof secret === "function",
    "a secret, a list of them, or a function",
  ),
  body: functionSchema<NonNullable<WebhookNotifierOptions["body"]>>().optional(),
  mode: z.enum(["at-most-once", "at-least-once"]).default("at-least-once"),
  headers: httpFields.headers
    .refine((given) => !Object.keys(given).some((name) => ownHeaders.includes(name.toLowerCase())), {
      error: `none of ${ownHeaders.join(", ")}`,
    })
    .default({}),
  allowHttp: z.boolean().default(false),
  allowAddresses: z
    .array(z.string().refine((text) => subnetOf(text) !== undefined, 'an address, or a network as "10.1.0.0/16"'))
    .default([]),
  ports: z
    .array(
      z
        .int()
        .min(1)
        .max(65_535)
        .refine((port) => port !== 25, "not 25: no mail server is a webhook's receiver"),
    )
    .min(1)
    .optional(),
  timeouts: httpFields.timeouts,
  ca: httpFields.ca.optional(),
  lookup: functionSchema<AddressLookup>().optional(),
  now: functionSchema<() => Date>().default(() => () => new Date()),
});

true satisfies Agrees<typeof optionsSchema, WebhookNotifierOptions>;

/**
 * POSTs each message as JSON to its recipient's address, signed after Standard Webhooks: `webhook-id` (the same at every
 * attempt), `webhook-timestamp` (of the attempt) and `webhook-signature`. Calls only public addresses, looked at when it
 * connects, and follows no redirect. `docs/notifiers.md` has the outcomes.
 */
export function webhookNotifier(options: WebhookNotifierOptions): Notifier {
  const parsed = parseInput(optionsSchema, options, "invalid_options");
  const { name, channel, mode, headers, secret, body = defaultBody, allowHttp, ports, now } = parsed;
  const timeouts = fullTimeouts(options.timeouts);
  const fixedKeys = typeof secret === "function" ? undefined : webhookKeys(secret, "secret");
  const guard = addressGuard(parsed.allowAddresses, parsed.lookup);
  // each receiver is another host: a connection that is kept would rarely be used again
  const connections = new Connections({ keepAlive: false, ca: certificates(options.ca), guard });

  async function keysFor(tenant: string, to: Recipient, signal: AbortSignal): Promise<readonly WebhookKey[] | Outcome> {
    if (typeof secret !== "function") return fixedKeys!;
    const asked = await askedHost(() => secret({ tenant, to }), signal);
    // perhaps of this receiver alone, and then the lane must not wait for it
    if ("problem" in asked) return refusedTransient(`not sent: its secret could not be had: ${asked.problem}`);
    try {
      return webhookKeys(asked.answer, "secret");
    } catch {
      return refusedTransient("not sent: what was answered for its secret is none");
    }
  }

  return {
    name,
    channel,
    mode,
    async send(message, { tenant, notification, idempotencyKey, messageId, signal }) {
      const url = webhookUrl(message.to.address, { allowHttp, ports, guard });
      if (typeof url === "string") return refusedPermanent(url);
      let payload: string | undefined;
      try {
        payload = JSON.stringify(body(message, { tenant, notification, idempotencyKey, messageId }));
      } catch {}
      if (payload === undefined) return refusedPermanent("its body could not be made");
      const keys = await keysFor(tenant, message.to, signal);
      if ("kind" in keys) return keys;
      const timestamp = Math.floor(now().getTime() / 1_000);
      const signature = webhookSignature({ id: idempotencyKey, timestamp, body: payload }, keys);
      const made = await exchange(
        {
          url,
          method: "POST",
          headers: {
            "user-agent": "Milepost",
            ...headers,
            "content-type": "application/json",
            "webhook-id": idempotencyKey,
            "webhook-timestamp": String(timestamp),
            "webhook-signature": signature,
          },
          body: payload,
          signal,
          timeouts,
          expectContinue: false,
        },
        connections,
      );
      // nothing of the answer's body: a receiver is a stranger, and a receipt is shown to the tenant
      const receipt = made.kind === "answered" ? `status ${made.status}` : null;
      return outcomeOfExchange(made, { now: now(), keyed: false, shared: false, receipt });
    },
    async close() {
      connections.close();
    },
  };
}

function defaultBody({ subject, text, html }: RenderedMessage, { notification }: WebhookContext): Json {
  return { type: "milepost.notification", data: { id: notification, subject, text, html } };
}
