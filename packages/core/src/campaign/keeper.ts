import { withDeadline } from "../delivery/deadline.js";
import { retryDelay } from "../delivery/retry-schedule.js";
import type { DeliveryTiming } from "../delivery/timing.js";
import { describeError, MilepostError } from "../errors.js";
import type { Emit } from "../events.js";
import { laneOf } from "../provider/lane-of-family.js";
import { inTime } from "../recipient/resolved.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import type { AudienceMember } from "./audience-member.js";
import type { Campaign, CampaignKey } from "./campaign.js";
import { type CampaignAct, type CampaignWork, wants } from "./campaign-moves.js";
import { Composer } from "./composing.js";
import { contactAudience } from "./contact-audience.js";
import { contentOf } from "./content.js";
import type { CampaignDefinition } from "./definition.js";
import { isRefusal, type Loaded, loadAudience } from "./loader.js";
import { endOf } from "./window.js";

/** Notifications that an edit, or a cancel, brings along in one atomic step. */
const changedAtOnce = 1_000;

/** Milliseconds between two looks for late joiners. */
const lookInterval = 10_000;

/** Who acts where no person does. */
const engine = { by: "milepost" } as const;

/** What became of a piece of work. */
export type CampaignEnd = CampaignWork | "retry" | "failed" | "lost";

/** Does for campaigns what is to be done beside sending: begins them, loads their audiences, brings changes along, completes them. */
export class CampaignKeeper {
  readonly #store: Store;
  readonly #codes: ReadonlyMap<string, CampaignDefinition>;
  readonly #runtime: Runtime;
  readonly #timing: DeliveryTiming;
  readonly #emit: Emit;

  constructor(
    store: Store,
    definitions: readonly CampaignDefinition[],
    runtime: Runtime,
    timing: DeliveryTiming,
    emit: Emit,
  ) {
    this.#store = store;
    this.#codes = new Map(definitions.map((definition) => [definition.name, definition]));
    this.#runtime = runtime;
    this.#timing = timing;
    this.#emit = emit;
  }

  definition(name: string): CampaignDefinition | undefined {
    return this.#codes.get(name);
  }

  /** Leases up to `limit` campaigns that want something, and starts with it. */
  async start(limit: number, stop: AbortSignal): Promise<readonly Promise<CampaignEnd>[]> {
    const { lease } = this.#timing;
    const claimed = await this.#store.campaigns.claim({
      ...{ codes: [...this.#codes.keys()], limit, lease },
      ...storeNow(this.#runtime),
    });
    return claimed.map((campaign) => this.work(campaign, stop));
  }

  /** Does what a leased campaign wants, whole. Does not throw: what failed is tried again later, and told. */
  async work(campaign: Campaign, stop: AbortSignal): Promise<CampaignEnd> {
    const leasedAt = new Date(campaign.leaseUntil!.getTime() - this.#timing.lease);
    const work = wants(campaign, () => false, leasedAt);
    try {
      if (work === null) {
        await this.#release(campaign, 0);
        return "lost";
      }
      // more leases than tries: the ones before did not fail, they took their process down
      if (campaign.tries > this.#timing.announceTries) {
        throw new MilepostError("act_refused", `${work} was given up after ${this.#timing.announceTries} tries`);
      }
      return (await this.#done(campaign, work, leasedAt, stop)) ? work : "lost";
    } catch (error) {
      return this.#failed(campaign, error, stop);
    }
  }

  async #done(campaign: Campaign, work: CampaignWork, now: Date, stop: AbortSignal): Promise<boolean> {
    switch (work) {
      case "start":
      case "complete": {
        await this.act(campaign, work, work === "start" ? "its time has come" : "nothing of it is left to be sent");
        await this.#release(campaign, 0);
        return true;
      }
      case "load":
      case "join":
        return (await this.loadKnown(campaign, now, stop)) !== null;
      case "edit":
        return this.rewrite(campaign, now, stop);
      case "cancel":
        return this.cancelAll(campaign, stop);
    }
  }

  /** An act of the engine's own, or of a person, and what the engine tells of it. */
  async act(key: CampaignKey, act: CampaignAct, why: string, more: ActOptions = {}): Promise<Campaign> {
    const { at = null, detail = null, by = engine.by } = more;
    const { tenant, id } = key;
    const done = await this.#store.campaigns.act({ tenant, id, act, at, detail, by, why, ...storeNow(this.#runtime) });
    this.#emit("campaign", { tenant, campaign: id, state: done.state, detail: done.detail });
    return done;
  }

  /** The audience of one that knows where it comes from. */
  async loadKnown(campaign: Campaign, now: Date, stop: AbortSignal): Promise<Loaded | null> {
    const { tenant, id, name, cursor, scheduledAt, occurrence, createdAt } = campaign;
    const { contacts, channel, data } = contentOf(campaign);
    if (contacts !== null) {
      const { contacts: filter, lateJoiners = false } = contacts;
      const before = lateJoiners ? null : createdAt;
      return this.load(campaign, contactAudience(this.#store, { tenant, filter, channel, cursor, before }), now, stop);
    }
    const code = this.#codes.get(campaign.code);
    if (typeof code?.audience !== "function") {
      throw new MilepostError("invalid_campaign", `the campaign "${campaign.code}" of this process has no audience`);
    }
    const { audience } = code;
    const over = new AbortController();
    const context = {
      tenant,
      campaign: { id, name, data, scheduledAt, occurrence },
      after: cursor,
      signal: AbortSignal.any([stop, over.signal]),
    };
    const wait = <T>(work: () => Promise<T>) => withDeadline(work, this.#timing.callDeadline, stop);
    try {
      return await this.load(
        campaign,
        asked(() => inTime<AudienceMember>(audience(context), wait)),
        now,
        stop,
      );
    } finally {
      over.abort();
    }
  }

  /** An audience of a leased campaign as notifications. Null: the lease was lost. */
  async load(
    campaign: Campaign,
    audience: AsyncIterable<unknown> | Iterable<unknown>,
    now: Date,
    stop: AbortSignal,
  ): Promise<Loaded | null> {
    const { onRefused, notifier } = contentOf(campaign);
    const lane = await laneOf(this.#store, notifier, campaign.tenant, now);
    const composer = await Composer.of(campaign, this.#codes.get(campaign.code) ?? {}, this.#store, now, lane);
    const options = {
      lease: this.#timing.lease,
      // once it is loaded, one late joiner without a value is no reason to take it from all others
      onRefused: campaign.loaded ? "skip" : onRefused,
      lookAt: nextLook(campaign, now),
      stop,
    } as const;
    return loadAudience(
      { store: this.#store, runtime: this.#runtime, emit: this.#emit },
      campaign,
      composer,
      audience,
      options,
    );
  }

  /** A person who loads one hears of what failed; what is wrong with its audience ends it, as it does for a worker. */
  async loadFailed(campaign: Campaign, error: unknown, { by, why }: { by: string; why: string }): Promise<void> {
    if (isRefusal(error)) await this.act(campaign, "fail", why, { by, detail: describeError(error) });
    else await this.#release(campaign, 0);
  }

  /** Brings along what was never marked, as the campaign says now; false where the lease was lost. */
  async rewrite(campaign: Campaign, now: Date, stop: AbortSignal): Promise<boolean> {
    const { tenant, id, fence } = campaign;
    const { campaigns } = this.#store;
    const composer = await Composer.of(campaign, {}, this.#store, now);
    let after = campaign.changedAfter;
    for (;;) {
      stop.throwIfAborted();
      const rows = await campaigns.open({ tenant, id, after, limit: changedAtOnce });
      const last = rows.length < changedAtOnce;
      after = rows.at(-1)?.id ?? after;
      const step = { tenant, id, fence, after, last, templates: composer.templates, lease: this.#timing.lease };
      const notifications = rows.map((row) => composer.recompose(row));
      if (!(await campaigns.rewrite({ ...step, notifications, ...storeNow(this.#runtime) }))) return false;
      if (last) return true;
    }
  }

  /** Cancels what has not ended of a campaign that has; false where the lease was lost. */
  async cancelAll({ tenant, id, fence }: Campaign, stop: AbortSignal): Promise<boolean> {
    for (;;) {
      stop.throwIfAborted();
      const step = { tenant, id, fence, limit: changedAtOnce, lease: this.#timing.lease };
      const cancelled = await this.#store.campaigns.cancelNext({ ...step, ...storeNow(this.#runtime) });
      if (cancelled === null) return false;
      if (cancelled < changedAtOnce) return true;
    }
  }

  /** What is wrong with the campaign or its audience ends it; what may be better later is tried again. */
  async #failed(campaign: Campaign, error: unknown, stop: AbortSignal): Promise<CampaignEnd> {
    const { tries } = campaign;
    try {
      if (stop.aborted) {
        await this.#release(campaign, 0);
        return "lost";
      }
      this.#emit("error", { where: `campaign ${campaign.id}`, error });
      if (campaign.endedAt === null && (isRefusal(error) || tries >= this.#timing.announceTries)) {
        await this.act(campaign, "fail", "its audience cannot be loaded", { detail: describeError(error) });
        return "failed";
      }
      await this.#release(campaign, retryDelay(tries, this.#runtime.random(), this.#timing));
    } catch (again) {
      // its lease ends by itself
      this.#emit("error", { where: `campaign ${campaign.id}`, error: again });
    }
    return "retry";
  }

  async #release({ tenant, id, fence }: Campaign, retryIn: number): Promise<void> {
    await this.#store.campaigns.release({ tenant, id, fence, retryIn, ...storeNow(this.#runtime) });
  }
}

/** Asks the host only when it is listened to: a promise that rejects before would be nobody's. */
async function* asked<T>(ask: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield* ask();
}

/** When late joiners are looked for next; null for none, and once the campaign's time is over for everybody. */
function nextLook(campaign: Campaign, now: Date): Date | null {
  const { contacts, window, expiresIn } = contentOf(campaign);
  if (contacts?.lateJoiners !== true) return null;
  const ends = [
    ...(window === null ? [] : [endOf(window)?.getTime() ?? Number.POSITIVE_INFINITY]),
    ...(expiresIn === null || campaign.scheduledAt === null ? [] : [campaign.scheduledAt.getTime() + expiresIn]),
  ];
  return now.getTime() < Math.min(...ends) ? new Date(now.getTime() + lookInterval) : null;
}

interface ActOptions {
  readonly at?: Date | null;
  readonly detail?: string | null;
  readonly by?: string;
}
