import * as z from "zod";
import type { Json } from "../json.js";
import type { RenderedMessage } from "../message/message.js";
import { type Agrees, parseInput } from "../validation.js";
import { askedHost } from "./asked-host.js";
import { Connections } from "./connections.js";
import { type Exchange, exchange, type HttpTimeouts } from "./exchange.js";
import { outcomeOfExchange } from "./exchange-outcome.js";
import { certificates, framing, fullTimeouts, functionSchema, httpFields } from "./http-options.js";
import {
  ambiguous,
  type Channel,
  type DeliveryMode,
  type Notifier,
  type Outcome,
  outcomeOf,
  refusedPermanent,
  type SendContext,
  unavailable,
} from "./notifier.js";

export interface HttpNotifierOptions {
  readonly name: string;
  readonly channel: Channel;
  /** The API's own: any host and port, also inside your network. */
  readonly url: string;
  /**
   * Sent as `Authorization: Bearer`. A function is asked before each call, and keeps tokens itself while they last. After
   * a 401 it is asked again, with `refused: true`, and the call is made once more.
   */
  readonly token?: string | ((asked: { readonly refused: boolean }) => Promise<string>);
  /** `"POST"` unless said. */
  readonly method?: "POST" | "PUT" | "PATCH";
  /** What is sent: JSON, or a form. The same at every attempt: see {@link HttpContext}. */
  readonly body: (message: RenderedMessage, context: HttpContext) => Json | URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  /** The header that takes the idempotency key, such as `"idempotency-key"`, and nothing else. Required of `idempotent`. */
  readonly idempotencyHeader?: string;
  readonly mode: DeliveryMode;
  /** `idempotent` only: milliseconds for which the API honours a key. */
  readonly keyLifetime?: number;
  /** The API's id for the message; none where it throws. */
  readonly receipt?: (response: HttpResponse) => string | undefined;
  /** What an answer means, where the API departs from the table in `docs/notifiers.md`; undefined: as there. */
  readonly classify?: (response: HttpResponse) => Outcome | undefined;
  readonly timeouts?: HttpTimeouts;
  /**
   * Keeps connections for the next call. Unless said, not in mode `at-most-once`: where the other side closes a kept
   * connection while a message is written to it, nobody knows whether it was taken.
   */
  readonly keepAlive?: boolean;
  /** The body is written when the API has said `100 Continue`; until then every failure is known not to be a delivery. */
  readonly expectContinue?: boolean;
  /** PEM certificates to trust instead of those that come with Node. */
  readonly ca?: string | readonly string[];
  /** What `Retry-After` dates are compared with where the answer has no `Date`; tests move it. */
  readonly now?: () => Date;
}

/** What of an attempt is the same in all of them. */
export type HttpContext = Pick<SendContext, "tenant" | "notification" | "idempotencyKey" | "messageId">;

/** An answer, read up to 64 kB. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Null where it was cut off or too large. */
  readonly text: string | null;
  /** Undefined where it is none. */
  readonly json: unknown;
}

type Given<Name extends keyof HttpNotifierOptions> = NonNullable<HttpNotifierOptions[Name]>;

const year = 366 * 86_400_000;

const optionsSchema = z
  .strictObject({
    name: httpFields.name,
    channel: httpFields.channel,
    url: z.string().refine(isPlainUrl, "an http: or https: URL without user and password"),
    token: z
      .custom<NonNullable<HttpNotifierOptions["token"]>>(
        (token) => typeof token === "function" || isToken(token),
        "printable ASCII without spaces, or a function",
      )
      .optional(),
    method: z.enum(["POST", "PUT", "PATCH"]).default("POST"),
    body: functionSchema<Given<"body">>(),
    headers: httpFields.headers.default({}),
    idempotencyHeader: httpFields.headerName.optional(),
    mode: httpFields.mode,
    keyLifetime: z.int("whole milliseconds, 1 or more").min(1).max(year).optional(),
    receipt: functionSchema<Given<"receipt">>().optional(),
    classify: functionSchema<Given<"classify">>().optional(),
    timeouts: httpFields.timeouts,
    keepAlive: z.boolean().optional(),
    expectContinue: z.boolean().default(false),
    ca: httpFields.ca.optional(),
    now: functionSchema<Given<"now">>().default(() => () => new Date()),
  })
  .refine(({ mode, keyLifetime }) => (mode === "idempotent") === (keyLifetime !== undefined), {
    path: ["keyLifetime"],
    error: "exactly with the mode idempotent",
  })
  .refine(({ mode, idempotencyHeader }) => mode !== "idempotent" || idempotencyHeader !== undefined, {
    path: ["idempotencyHeader"],
    error: "the header that takes the key: mode idempotent is a promise of the API to read it",
  })
  .refine(({ idempotencyHeader, headers, token }) => !isTaken(idempotencyHeader, Object.keys(headers), token), {
    path: ["idempotencyHeader"],
    error: "a header of its own: with another use of it the key would not arrive",
  });

true satisfies Agrees<typeof optionsSchema, HttpNotifierOptions>;

/** Whether something else than the key is written under its header, by Node, by this notifier or by the host. */
function isTaken(header: string | undefined, others: readonly string[], token: unknown): boolean {
  if (header === undefined) return false;
  const taken = [...framing, "content-type", ...(token === undefined ? [] : ["authorization"]), ...others];
  return taken.some((other) => other.toLowerCase() === header.toLowerCase());
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "https:" || protocol === "http:") && username === "" && password === "";
}

function isToken(token: unknown): token is string {
  return typeof token === "string" && /^[\x21-\x7e]{1,8192}$/.test(token);
}

/** Calls an API over HTTP for each message. `docs/notifiers.md` has what becomes of each answer. */
export function httpNotifier(options: HttpNotifierOptions): Notifier {
  const parsed = parseInput(optionsSchema, options, "invalid_options");
  const { name, channel, mode, token, method, body, idempotencyHeader, expectContinue, now } = parsed;
  const { receipt = () => undefined, classify = () => undefined, keepAlive = mode !== "at-most-once" } = parsed;
  const url = new URL(parsed.url);
  const timeouts = fullTimeouts(options.timeouts);
  // in lower case, so that the token replaces an authorization of the host's, and not the other way round
  const given = Object.entries(parsed.headers).map(([header, value]) => [header.toLowerCase(), value] as const);
  const connections = new Connections({ keepAlive, ca: certificates(options.ca) });

  async function tokenFor(refused: boolean, signal: AbortSignal): Promise<string | null | Outcome> {
    if (typeof token !== "function") return token ?? null;
    const asked = await askedHost(() => token({ refused }), signal);
    if ("problem" in asked) return unavailable(`not sent: its token could not be had: ${asked.problem}`);
    return isToken(asked.answer) ? asked.answer : unavailable("not sent: what was answered for its token is none");
  }

  function outcomeFor(made: Exchange): Outcome {
    const rules = { now: now(), keyed: idempotencyHeader !== undefined, shared: true, receipt: null };
    if (made.kind !== "answered") return outcomeOfExchange(made, rules);
    const response = responseOf(made);
    try {
      const said: unknown = classify(response);
      if (said !== undefined) return outcomeOf(said);
    } catch {
      return ambiguous(`status ${made.status}, and classify() failed`);
    }
    return outcomeOfExchange(made, { ...rules, receipt: receiptOf(receipt, response) });
  }

  return {
    name,
    channel,
    mode,
    ...(parsed.keyLifetime !== undefined && { keyLifetime: parsed.keyLifetime }),
    async send(message, { tenant, notification, idempotencyKey, messageId, signal }) {
      const written = writtenBody(() => body(message, { tenant, notification, idempotencyKey, messageId }));
      if (written === undefined) return refusedPermanent("its body could not be made");
      const call = (bearer: string | null): Promise<Exchange> =>
        exchange(
          {
            url,
            method,
            headers: {
              "user-agent": "Milepost",
              accept: "application/json",
              "content-type": written.type,
              ...Object.fromEntries(given),
              ...(idempotencyHeader && { [idempotencyHeader.toLowerCase()]: idempotencyKey }),
              ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
            },
            body: written.text,
            signal,
            timeouts,
            expectContinue,
          },
          connections,
        );
      const first = await tokenFor(false, signal);
      if (typeof first === "object" && first !== null) return first;
      const made = await call(first);
      if (typeof token !== "function" || !isUnauthorized(made)) return outcomeFor(made);
      // a 401 is a definite refusal, so a second call is no copy
      const second = await tokenFor(true, signal);
      if (typeof second === "object" && second !== null) return second;
      const again = await call(second);
      return isUnauthorized(again) ? unavailable("status 401, also with a new token") : outcomeFor(again);
    },
    async close() {
      connections.close();
    },
  };
}

function isUnauthorized(made: Exchange): boolean {
  return made.kind === "answered" && made.status === 401;
}

function writtenBody(make: () => unknown): { readonly type: string; readonly text: string } | undefined {
  try {
    const made = make();
    if (made instanceof URLSearchParams) return { type: "application/x-www-form-urlencoded", text: made.toString() };
    const text = JSON.stringify(made) as string | undefined;
    return text === undefined ? undefined : { type: "application/json", text };
  } catch {
    return undefined;
  }
}

function responseOf({ status, headers, body }: Extract<Exchange, { kind: "answered" }>): HttpResponse {
  let json: unknown;
  try {
    json = body === null ? undefined : JSON.parse(body);
  } catch {}
  return { status, headers, text: body, json };
}

/** A message that was taken stays so, whatever its receipt looks like. */
function receiptOf(read: NonNullable<HttpNotifierOptions["receipt"]>, response: HttpResponse): string | null {
  try {
    const receipt: unknown = read(response);
    return typeof receipt === "string" && receipt !== "" ? receipt : null;
  } catch {
    return null;
  }
}
