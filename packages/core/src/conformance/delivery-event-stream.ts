import { seeded } from "../seeded.js";
import type { DeliveryEventInput } from "../tracking/delivery-events.js";

export interface StreamShape {
  readonly seed: number;
  readonly events: number;
  /** The messages they are about: id, Message-ID, address, and the receipt where the provider gave one. */
  readonly messages: readonly {
    readonly id: string;
    readonly messageId: string;
    readonly address: string;
    readonly receipt: string | null;
  }[];
  /** The first instant at which one occurs, and how many milliseconds later the last may. */
  readonly from: Date;
  readonly span: number;
}

const types = [
  ...["sent", "delivered", "delivered", "delivered", "opened", "opened", "opened", "clicked", "clicked"],
  ...["bounced", "bounced", "complained", "unsubscribed", "failed"],
] as const;

/**
 * Events as providers send them, in no order of time: each names its message in one of four ways, or none that is known. Some
 * occur at the same instant, and some say the same with other words.
 */
export function randomDeliveryEvents({ seed, events, messages, from, span }: StreamShape): DeliveryEventInput[] {
  const random = seeded(seed);
  return Array.from({ length: events }, (_, i) => {
    const { id, messageId, address, receipt } = messages[random(messages.length)]!;
    const type = types[random(types.length)]! as DeliveryEventInput["type"];
    const ways: Partial<DeliveryEventInput>[] = [
      { notification: id },
      { messageId },
      receipt === null ? { notification: id, address } : { receipt },
      { messageId: messageId.slice(1, -1), address },
    ];
    // of somebody whom only the provider knows, or a message that is not ours
    const foreign: Partial<DeliveryEventInput>[] = [{ address }, { receipt: `foreign-${i}` }];
    const about = random(20) === 0 ? foreign[random(2)]! : ways[random(4)]!;
    // whole seconds, so that some are the same
    const occurredAt = new Date(from.getTime() + random(Math.ceil(span / 1_000)) * 1_000);
    return {
      ...{ source: random(2) === 0 ? "ses" : "sendgrid", id: `evt-${i}`, type, occurredAt, via: "webhook" },
      ...about,
      ...(type === "bounced" && { bounce: random(3) === 0 ? "hard" : "soft", reason: `55${random(3)} no` }),
      ...(type === "clicked" && { url: `https://acme.example/${random(3)}`, position: 1 + random(3) }),
    } satisfies DeliveryEventInput;
  });
}

/** Every event so many times, in no order. */
export function shuffledAndRepeated<Item>(items: readonly Item[], times: number, seed: number): Item[] {
  const random = seeded(seed);
  const all = Array.from({ length: times }, () => items).flat();
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
