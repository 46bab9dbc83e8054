import * as z from "zod";
import { MilepostError, oneLine } from "../errors.js";
import type { Emit } from "../events.js";
import { type Json, plainJson } from "../json.js";
import { addressSchema, recipientKey } from "../recipient/recipient.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { DeliveryEventRepository } from "../store/delivery-event-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import {
  type Agrees,
  dateSchema,
  itemsOf,
  keySchema,
  listOf,
  pageFields,
  parseInput,
  parsePresent,
  whySchema,
} from "../validation.js";
import {
  type BounceKind,
  type DeliveryEvent,
  type DeliveryEventType,
  type DeliveryEventWay,
  deliveryEventTypes,
  deliveryEventWays,
  eventKeyText,
  type NewDeliveryEvent,
} from "./delivery-event.js";
import type { NotificationFacts } from "./facts.js";
import type { TrackingOptions } from "./tracking-options.js";

/** One delivery event, as a webhook handler, a pixel, a redirect or a person hands it over. */
export interface DeliveryEventInput {
  readonly tenant?: string;
  /** The provider's name, or the host's. */
  readonly source: string;
  /** The source's own id of the event: it is applied once, however often it comes. */
  readonly id: string;
  readonly type: DeliveryEventType;
  /** Of a bounce, and only of one. */
  readonly bounce?: BounceKind;
  /** What the other side said; kept on one line, at most 500 characters. */
  readonly reason?: string;
  /** By the provider's clock; now unless said. */
  readonly occurredAt?: Date;
  /** Which message it is about: the id of its notification, its Message-ID, or what the provider answered to it. */
  readonly notification?: string;
  readonly messageId?: string;
  readonly receipt?: string;
  /** Whose it is; needed where none of the three is known. */
  readonly address?: string;
  /** `"api"` unless said. */
  readonly via?: DeliveryEventWay;
  /** The link that was clicked, and its place among the message's links, from 1. */
  readonly url?: string;
  readonly position?: number;
  readonly userAgent?: string;
  readonly ip?: string;
  readonly country?: string;
  readonly city?: string;
  readonly zone?: string;
  readonly device?: string;
  /** The mail client. */
  readonly client?: string;
  /** What the provider sent; more than 16 kB of it is left out. */
  readonly raw?: unknown;
  /** Who says so and why: with `via: "manual"`, and only with it. */
  readonly by?: string;
  readonly why?: string;
}

export interface DeliveryEventsResult {
  /** Events that were new. */
  readonly recorded: number;
  /** Events that were known by their id. */
  readonly duplicates: number;
  /** Of the recorded ones those whose notification is not known. They are kept, and looked for again for a day. */
  readonly unmatched: number;
  /** Events from before what is remembered, which are not applied: whether they were before, nobody knows any more. */
  readonly late: number;
}

/** What can be narrowed when delivery events are listed. In the order in which they were recorded. */
export interface DeliveryEventQuery {
  readonly tenant?: string;
  readonly notification?: string;
  readonly address?: string;
  readonly types?: readonly DeliveryEventType[];
  /** Only those of which no notification is known. */
  readonly unmatched?: boolean;
  /** The `number` of the last event of the page before. */
  readonly after?: number;
  /** 100 unless said. */
  readonly limit?: number;
}

export interface FactsQuery {
  readonly tenant?: string;
  /** Ids of notifications, at most 10,000. */
  readonly notifications: readonly string[];
}

/** What is heard of messages after they were sent. */
export interface DeliveryEvents {
  /**
   * Records events, in atomic chunks; ids make a repeat harmless, and the order in which events come makes no difference. A
   * hard bounce, a complaint, an unsubscribe and too many soft bounces forbid their address before it answers. Throws
   * `invalid_delivery_event` with the path of the field, and then nothing of the call is recorded.
   */
  record(events: DeliveryEventInput | readonly DeliveryEventInput[]): Promise<DeliveryEventsResult>;
  list(query?: DeliveryEventQuery): Promise<readonly DeliveryEvent[]>;
  /** What is known of these notifications, of those of which anything is. */
  facts(query: FactsQuery): Promise<readonly NotificationFacts[]>;
}

const chunkSize = 500;
const maxRawBytes = 16_384;
const maxUrl = 2_000;

// what a stranger's client says of itself is cut rather than refused: an open must not be lost for a long user agent
const said: z.ZodType<string, string> = z.string().transform(oneLine);
const link: z.ZodType<string, string> = z.string().transform((url) =>
  url
    .replace(/\p{Cc}+/gu, " ")
    .slice(0, maxUrl)
    .toWellFormed(),
);
// NUL and lone surrogates in an id would make two ids of one
const receiptSchema: z.ZodType<string, string> = z.string().min(1).transform(oneLine);
const messageIdSchema: z.ZodType<string, string> = keySchema.transform((id) => (id.startsWith("<") ? id : `<${id}>`));

const eventSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  source: keySchema,
  id: keySchema,
  type: z.enum(deliveryEventTypes),
  bounce: z.enum(["hard", "soft"]).optional(),
  reason: said.optional(),
  occurredAt: dateSchema.optional(),
  notification: keySchema.optional(),
  messageId: messageIdSchema.optional(),
  receipt: receiptSchema.optional(),
  address: addressSchema.optional(),
  via: z.enum(deliveryEventWays).default("api"),
  url: link.optional(),
  position: z.int().min(1).max(100_000).optional(),
  userAgent: said.optional(),
  ip: said.optional(),
  country: said.optional(),
  city: said.optional(),
  zone: said.optional(),
  device: said.optional(),
  client: said.optional(),
  raw: z.unknown().optional(),
  by: keySchema.optional(),
  why: whySchema.optional(),
});

const querySchema = z.strictObject({
  ...pageFields,
  notification: keySchema.optional(),
  address: addressSchema.optional(),
  types: listOf(z.enum(deliveryEventTypes), 100).optional(),
  unmatched: z.boolean().optional(),
  after: z.int().min(0).optional(),
});
const factsSchema = z.strictObject({ tenant: pageFields.tenant, notifications: listOf(keySchema, 10_000) });

true satisfies Agrees<typeof eventSchema, DeliveryEventInput>;
true satisfies Agrees<typeof querySchema, DeliveryEventQuery>;
true satisfies Agrees<typeof factsSchema, FactsQuery>;

const code = "invalid_delivery_event";

function refuse(path: string, field: string, expected: string): never {
  const at = path === "" ? field : `${path}.${field}`;
  throw new MilepostError(code, `${at}: ${expected}`, { path: at, expected });
}

/** Fills in defaults, or throws `invalid_delivery_event` with the path of the field. */
function parseDeliveryEvent(input: unknown, path: string, now: Date): NewDeliveryEvent {
  const { tenant, source, id, type, via, raw, ...given } = parseInput(eventSchema, input, code, path);
  if (type === "bounced" && given.bounce === undefined) refuse(path, "bounce", '"hard" or "soft", for a bounce');
  if (type !== "bounced" && given.bounce !== undefined) refuse(path, "bounce", "nothing, but for a bounce");
  const { notification = null, messageId = null, receipt = null, address, by, why } = given;
  if (via === "manual" && by === undefined) refuse(path, "by", "who says so, with via: manual");
  if (via === "manual" && why === undefined) refuse(path, "why", "why, with via: manual");
  if (via !== "manual" && by !== undefined) refuse(path, "by", "nothing, but with via: manual");
  if (via !== "manual" && why !== undefined) refuse(path, "why", "nothing, but with via: manual");
  if (notification === null && messageId === null && receipt === null && address === undefined) {
    refuse(path, "notification", "one of notification, messageId, receipt and address");
  }
  const { reason, occurredAt = now, url, position, userAgent, ip, country, city, zone, device, client } = given;
  const kept = (text: string | undefined) => (text === undefined || text === "" ? null : text);
  return {
    ...{ tenant, source, id, type, via, occurredAt },
    bounce: given.bounce ?? null,
    reason: kept(reason),
    about: { notification, messageId, receipt },
    recipientKey: address === undefined ? null : recipientKey(address),
    url: kept(url),
    position: position ?? null,
    ...{ userAgent: kept(userAgent), ip: kept(ip), country: kept(country), city: kept(city), zone: kept(zone) },
    ...{ device: kept(device), client: kept(client) },
    raw: raw === undefined ? null : rawOf(raw, path === "" ? "raw" : `${path}.raw`),
    acting: by === undefined || why === undefined ? null : { by, why },
  };
}

/** An event is worth more than what it came in: raw data that is too large is left out, and what cannot be data is refused. */
function rawOf(raw: unknown, path: string): Json {
  const json = plainJson(raw, path, code, { maxBytes: 1_048_576 });
  const bytes = Buffer.byteLength(JSON.stringify(json));
  return bytes <= maxRawBytes ? json : { omitted: bytes };
}

interface Parts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly options: TrackingOptions;
  readonly emit: Emit;
}

export function deliveryEventsOver({ store, runtime, options, emit }: Parts): DeliveryEvents {
  const { retention, softBounces } = options;
  const repository = store.deliveryEvents;
  const clock = runtime.now ?? (() => new Date());

  async function recordChunk(tenant: string, events: readonly NewDeliveryEvent[]): Promise<readonly [number, number]> {
    const { applied } = await repository.record({ tenant, events, softBounces, ...storeNow(runtime) });
    // of two with one key the first was applied
    const given = new Map([...events].reverse().map((event) => [eventKeyText(event), event]));
    for (const { source, id, notification } of applied) {
      const { type, bounce, occurredAt } = given.get(eventKeyText({ source, id }))!;
      emit("deliveryEvent", { tenant, source, id, type, bounce, notification, occurredAt });
    }
    return [applied.length, applied.filter(({ notification }) => notification === null).length];
  }

  return {
    async record(input) {
      const now = clock();
      const events = Array.isArray(input)
        ? [...itemsOf(input, code, "events")].map(([i, event]) => parseDeliveryEvent(event, `events[${i}]`, now))
        : [parseDeliveryEvent(input, "", now)];
      const oldest = retention === null ? Number.NEGATIVE_INFINITY : now.getTime() - retention;
      const timely = events.filter(({ occurredAt }) => occurredAt.getTime() >= oldest);
      const byTenant = new Map<string, NewDeliveryEvent[]>();
      for (const event of timely) {
        const those = byTenant.get(event.tenant);
        if (those === undefined) byTenant.set(event.tenant, [event]);
        else those.push(event);
      }
      let recorded = 0;
      let unmatched = 0;
      for (const [tenant, all] of byTenant) {
        for (let i = 0; i < all.length; i += chunkSize) {
          const [newOnes, withoutNotification] = await recordChunk(tenant, all.slice(i, i + chunkSize));
          recorded += newOnes;
          unmatched += withoutNotification;
        }
      }
      return { recorded, duplicates: timely.length - recorded, unmatched, late: events.length - timely.length };
    },

    async list(query = {}) {
      const { address, ...rest } = parsePresent<DeliveryEventQuery>(querySchema, query, "invalid_options");
      const wanted = { ...rest, ...(address !== undefined && { recipientKey: recipientKey(address) }) };
      return repository.list(wanted as Parameters<DeliveryEventRepository["list"]>[0]);
    },

    facts: async (query) => repository.facts(parseInput(factsSchema, query, "invalid_options")),
  };
}
