import type { AudienceMember } from "../campaign/audience-member.js";
import { type CampaignOptions, campaign } from "../campaign/definition.js";
import { createMilepost, type Milepost } from "../engine.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import { StillClock } from "./engine-setup.js";

export const person = { by: "ada", why: "autumn sale" } as const;

export interface CampaignSetup {
  readonly milepost: Milepost;
  readonly notifier: MemoryNotifier;
  readonly clock: StillClock;
}

/** An engine with one notifier and, where `code` is given, a campaign `news` of the code. */
export function setUpCampaigns(
  store: Store,
  {
    code,
    notifier = memoryNotifier(),
    clock = new StillClock(),
  }: {
    readonly code?: Partial<CampaignOptions>;
    readonly notifier?: MemoryNotifier;
    readonly clock?: StillClock;
  } = {},
): CampaignSetup {
  const news = code && campaign({ name: "news", notifier, message: { text: "Hello {{recipient.name}}" }, ...code });
  const milepost = createMilepost({
    store,
    notifiers: [notifier],
    campaigns: news ? [news] : [],
    runtime: { now: clock.now },
  });
  return { milepost, notifier, clock };
}

/** So many people, of whom each has a name. */
export function people(count: number, fields: (i: number) => Partial<AudienceMember> = () => ({})): AudienceMember[] {
  return Array.from({ length: count }, (_, i) => ({
    address: `p${i}@acme.example`,
    name: `P${i}`,
    ...fields(i),
  }));
}

/** As they come. */
export async function* streamed<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}
