import type { DeliveryEvent, DeliveryFacts, NotificationFacts, TrackedNotification } from "@milepost/core/store";
import { type RowCodec, rowCodec } from "./row-codec.js";

// Rows of {delivery_events} and {delivery_facts}.

/** With when its notification is looked for again. */
export type StoredDeliveryEvent = DeliveryEvent & { readonly matchAt: Date | null };

export const eventCodec: RowCodec<StoredDeliveryEvent> = rowCodec<StoredDeliveryEvent>({
  number: "plain",
  tenant: "plain",
  source: "plain",
  id: "plain",
  type: "plain",
  bounce: "plain",
  reason: "plain",
  notification: "plain",
  recipientKey: "plain",
  about: "json",
  occurredAt: "time",
  receivedAt: "time",
  via: "plain",
  url: "plain",
  position: "plain",
  userAgent: "plain",
  ip: "plain",
  country: "plain",
  city: "plain",
  zone: "plain",
  device: "plain",
  client: "plain",
  raw: "json",
  matchAt: "time",
});

/** With what of its notification figures are grouped by. */
type FactsRow = NotificationFacts &
  Pick<TrackedNotification, "campaign" | "template"> & {
    readonly queuedAt: Date;
    readonly settled: boolean;
    readonly marks: number;
  };

export const factsCodec: RowCodec<FactsRow> = rowCodec<FactsRow>({
  tenant: "plain",
  notification: "plain",
  campaign: "plain",
  template: "plain",
  queuedAt: "time",
  settled: "flag",
  marks: "plain",
  events: "plain",
  sentAt: "time",
  deliveredAt: "time",
  firstOpenedAt: "time",
  lastOpenedAt: "time",
  opens: "plain",
  firstClickedAt: "time",
  lastClickedAt: "time",
  clicks: "plain",
  bouncedAt: "time",
  bounce: "plain",
  bounceReason: "plain",
  complainedAt: "time",
  unsubscribedAt: "time",
  failedAt: "time",
});

export function factsOfRow({
  campaign: _,
  template: __,
  queuedAt: ___,
  settled: ____,
  marks: _____,
  ...facts
}: FactsRow): {
  readonly tenant: string;
  readonly notification: string;
} & DeliveryFacts {
  return facts;
}
