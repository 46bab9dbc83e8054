import { setImmediate as nextTurn } from "node:timers/promises";
import { firstOpening } from "../campaign/local-hours.js";
import { describeError, MilepostError } from "../errors.js";
import type { CrossingEvent, Emit } from "../events.js";
import { type JsonObject, plainJson, plainObject } from "../json.js";
import { missingTags } from "../message/template.js";
import type { Crossing } from "../milestone/crossing.js";
import { crossingPages } from "../milestone/crossing-pages.js";
import type { Announcement, Said } from "../milestone/milestone.js";
import { type Notice, type NoticeFacts, saidOf } from "../milestone/notice.js";
import type { Registry } from "../milestone/registry.js";
import { safeKeyLifetime } from "../notifier/notifier.js";
import { laneOf } from "../provider/lane-of-family.js";
import { named, parseRecipient, type RecipientInput, recipientKey } from "../recipient/recipient.js";
import { inTime, isStream, synchronous } from "../recipient/resolved.js";
import type { ResolveContext } from "../recipient/resolver.js";
import type { Runtime } from "../runtime.js";
import type { CrossingRepository } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { withDeadline } from "./deadline.js";
import type { NewNotification } from "./notification.js";
import type { Reason } from "./reason.js";
import { retryDelay } from "./retry-schedule.js";
import type { DeliveryTiming } from "./timing.js";

/** Recipients queued in one atomic step at most. */
const chunkSize = 1_000;

export type AnnounceEnd = "announced" | "unaddressed" | "retry" | "failed" | "lost";

/** What is leased to this process: a crossing, or a notice of one. */
interface Claimed {
  readonly tenant: string;
  readonly id: string;
  readonly fence: number;
  readonly attempts: number;
  readonly crossing: Crossing;
  readonly notice?: Notice;
  readonly steps: Pick<CrossingRepository, "announce" | "release">;
}

/** Milliseconds after which a notice is looked at again whose crossing is not announced yet. */
const crossingFirst = 1_000;

/** Announcements under way, each with a promise of how it ends. */
export interface Started {
  readonly crossings: readonly Promise<AnnounceEnd>[];
  readonly notices: readonly Promise<AnnounceEnd>[];
}

/** Turns crossings, and notices of them, into notifications: claims, resolves the recipients, queues one for each. */
export class Announcer {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #timing: DeliveryTiming;
  readonly #emit: Emit;

  constructor(store: Store, registry: Registry, runtime: Runtime, timing: DeliveryTiming, emit: Emit) {
    this.#store = store;
    this.#registry = registry;
    this.#runtime = runtime;
    this.#timing = timing;
    this.#emit = emit;
  }

  /** Claims up to `limit` crossings and notices, and starts their announcements. */
  async start(limit: number, stop: AbortSignal): Promise<Started> {
    const { announced, noticed, removed } = this.#registry;
    const how = { lease: this.#timing.lease, ...storeNow(this.#runtime) };
    const { crossings: steps } = this.#store;
    const claimed = await steps.claim({ milestones: [...announced, ...removed], limit, ...how });
    const crossings = claimed.map(({ fence, attempts, ...crossing }): Claimed => {
      const { tenant, id } = crossing;
      return { tenant, id, fence, attempts, crossing: { ...crossing, attempts }, steps };
    });
    const left = limit - crossings.length;
    const notices = left > 0 && noticed.length + removed.length > 0 ? await this.#notices(left, how) : [];
    return {
      crossings: crossings.map((each) => this.#announceOne(each, stop)),
      notices: notices.map((each) => this.#announceOne(each, stop)),
    };
  }

  async #notices(limit: number, how: { readonly lease: number; readonly now?: Date }): Promise<readonly Claimed[]> {
    const { notices: steps, crossings } = this.#store;
    const { noticed, removed } = this.#registry;
    const claimed = await steps.claim({ milestones: [...noticed, ...removed], limit, ...how });
    if (claimed.length === 0) return [];
    const keys = claimed.map(({ tenant, crossing: id }) => ({ tenant, id }));
    const known = new Map(
      (await crossings.get({ keys })).map((crossing) => [`${crossing.tenant}\0${crossing.id}`, crossing]),
    );
    const open: Claimed[] = [];
    for (const { fence, ...notice } of claimed) {
      const { tenant, id, attempts } = notice;
      const crossing = known.get(`${tenant}\0${notice.crossing}`);
      const said = saidOf(crossing);
      if (crossing !== undefined && said === "said") {
        open.push({ tenant, id, fence, attempts, crossing, notice, steps });
        continue;
      }
      const end =
        said === "open"
          ? ({ to: "pending", retryIn: crossingFirst, refund: true, reason: null, detail: null } as const)
          : ({
              to: "failed",
              retryIn: 0,
              refund: true,
              reason: "silent",
              detail: "nobody was told of its crossing",
            } as const);
      await steps.release({ tenant, id, fence, ...end, ...storeNow(this.#runtime) });
    }
    return open;
  }

  async #announceOne(crossing: Claimed, stop: AbortSignal): Promise<AnnounceEnd> {
    try {
      // more claims than tries: the ones before did not fail, they took their process down
      if (crossing.attempts > this.#timing.announceTries) return await this.#giveUp(crossing, "poison_claim", null);
      const announcement = this.#registry.milestone(crossing.crossing.milestone)?.announcement;
      // whoever removed the milestone wants nothing said of it, also not of what was crossed before
      if (announcement === undefined) {
        const end = { to: "failed", retryIn: 0, refund: false } as const;
        return await this.#release(crossing, end, "cancelled", "its milestone was removed");
      }
      return await this.#queueAll(crossing, announcement, stop);
    } catch (error) {
      if (stop.aborted) return this.#release(crossing, { to: "pending", retryIn: 0, refund: true }, null, null);
      const reason = MilepostError.is(error) && error.code === "missing_tag" ? "missing_tag" : "resolver_failed";
      return this.#giveUp(crossing, reason, error);
    }
  }

  async #queueAll(claimed: Claimed, announcement: Announcement, stop: AbortSignal): Promise<AnnounceEnd> {
    const { tenant, id, fence, crossing, steps } = claimed;
    const said = saidLater(claimed, announcement);
    const { subjects } = this.#store;
    const over = new AbortController();
    const context: ResolveContext = {
      signal: AbortSignal.any([stop, over.signal]),
      subjects: {
        get: (subject) => subjects.get({ tenant, id: subject }),
        members: (input) => subjects.members({ tenant, ...input }),
      },
    };
    const subject = await subjects.get({ tenant, id: crossing.subject });
    const about = { ...subject?.fields, id: crossing.subject, name: subject?.name ?? crossing.subject };
    const passed = (await this.#passedWith(crossing)).map(levelOf);
    const templates = { [said.template.hash]: said.template.template };
    const { name, accounts } = announcement.notifier;
    const lane =
      accounts === undefined ? name : await laneOf(this.#store, name, tenant, this.#runtime.now?.() ?? new Date());
    let heldSince = this.#runtime.monotonic();
    const announce = (notifications: readonly NewNotification[], last: boolean) => {
      stop.throwIfAborted();
      heldSince = this.#runtime.monotonic();
      const step = { tenant, id, fence, notifications, templates, last, lease: this.#timing.lease };
      return steps.announce({ ...step, ...storeNow(this.#runtime) });
    };

    // Everything a list resolves to is checked before any of it is queued; of a stream that is true chunk by chunk.
    let chunk: NewNotification[] = [];
    try {
      const resolved = announcement.recipients.resolve(crossing, context);
      const streamed = isStream(resolved);
      const wait = <T>(work: () => Promise<T>) => withDeadline(work, this.#timing.callDeadline, stop);
      let index = 0;
      for await (const recipient of inTime(resolved, wait)) {
        chunk.push(
          this.#notification(
            claimed,
            announcement,
            { subject: about, passed, lane },
            recipient,
            `recipients[${index++}]`,
          ),
        );
        // a slow stream is queued as it comes, so that its lease is prolonged in time
        const slow = this.#runtime.monotonic() - heldSince > this.#timing.lease / 3;
        if (streamed && (chunk.length === chunkSize || slow)) {
          if ((await announce(chunk, false)).result === "lost") return "lost";
          chunk = [];
        }
        if (index % chunkSize === 0) await nextTurn();
      }
    } finally {
      over.abort();
    }
    for (; chunk.length > chunkSize; chunk = chunk.slice(chunkSize)) {
      if ((await announce(chunk.slice(0, chunkSize), false)).result === "lost") return "lost";
    }
    const { result, notifications } = await announce(chunk, true);
    const event = eventOf(claimed);
    if (result === "announced") this.#emit("announced", { ...event, notifications });
    if (result === "unaddressed") this.#emit("unaddressed", event);
    return result as AnnounceEnd;
  }

  /** The crossings that a jump's one message is about, in the order in which they were passed. */
  async #passedWith(crossing: Crossing): Promise<readonly Crossing[]> {
    const { tenant, milestone, subject, metric, eventId, period, limitVersion, value } = crossing;
    if (this.#registry.milestone(milestone)?.onJump !== "list") return [crossing];
    const together: Crossing[] = [];
    const caused = { tenant, milestone, subject, metric, eventIds: [eventId] };
    for await (const page of crossingPages(this.#store, caused)) {
      const same = (other: Crossing) =>
        other.period === period && other.limitVersion === limitVersion && other.value === value;
      together.push(...page.filter((other) => same(other) && other.state !== "adopted"));
    }
    return together;
  }

  #notification(
    claimed: Claimed,
    announcement: Announcement,
    { lane, ...about }: { readonly subject: JsonObject; readonly passed: readonly object[]; readonly lane: string },
    input: RecipientInput,
    path: string,
  ): NewNotification {
    const { notifier, mode, maxAttempts, scope, needsConsent, expiresIn, hours } = announcement;
    const { crossing, notice } = claimed;
    const { template, data: more } = saidLater(claimed, announcement);
    const recipient = parseRecipient(input, path);
    const { milestone, metric, period, value, previous, limitAmount, reachedAt } = crossing;
    const merged = {
      ...about,
      recipient: named(recipient),
      milestone,
      metric,
      period,
      ...levelOf(crossing),
      ...(limitAmount !== null && { limit: limitAmount }),
      value,
      previous,
      reachedAt,
      ...(notice && { value: notice.value, noticedAt: notice.noticedAt }),
      ...(notice?.kind === "reminder" && { reminder: notice.number }),
      ...plainObject(synchronous(more(crossing, recipient, notice && factsOf(notice))), "data", "invalid_data"),
    };
    const data = plainJson(merged, "data", "invalid_data") as JsonObject;
    const [missing] = missingTags(template, data);
    if (missing !== undefined) {
      const message = `${path}: the message needs a value for {{${missing}}}`;
      throw new MilepostError("missing_tag", message, {
        path: `${path}.${missing}`,
        expected: `a value for {{${missing}}}`,
      });
    }
    return {
      tenant: crossing.tenant,
      id: this.#runtime.id(),
      source: { kind: notice === undefined ? "crossing" : "notice", id: claimed.id },
      channel: notifier.channel,
      recipientKey: recipientKey(recipient.address),
      itemKey: "",
      notifier: lane,
      mode,
      keyLifetime: mode === "idempotent" ? safeKeyLifetime(notifier.keyLifetime!) : null,
      recipient,
      template: template.hash,
      data,
      maxAttempts,
      scope,
      needsConsent,
      expiresAt: expiresIn === null ? null : new Date((notice ?? crossing).createdAt.getTime() + expiresIn),
      sender: null,
      ...firstOpening(hours, recipient, (notice ?? crossing).createdAt),
    };
  }

  #giveUp(crossing: Claimed, reason: Reason, error: unknown): Promise<AnnounceEnd> {
    const final = crossing.attempts >= this.#timing.announceTries;
    const retryIn = final ? 0 : retryDelay(crossing.attempts, this.#runtime.random(), this.#timing);
    this.#emit("announce_failed", { ...eventOf(crossing), reason, final, error });
    const detail = error === null ? null : describeError(error);
    return this.#release(crossing, { to: final ? "failed" : "pending", retryIn, refund: false }, reason, detail);
  }

  async #release(
    { tenant, id, fence, steps }: Claimed,
    end: { readonly to: "pending" | "failed"; readonly retryIn: number; readonly refund: boolean },
    reason: Reason | null,
    detail: string | null,
  ): Promise<AnnounceEnd> {
    const step = { tenant, id, fence, ...end, reason, detail };
    if (!(await steps.release({ ...step, ...storeNow(this.#runtime) }))) return "lost";
    return end.to === "failed" ? "failed" : "retry";
  }
}

/** What templates may say of a level. */
function levelOf({ threshold, code, severity }: Crossing): { threshold: string; code?: string; severity?: string } {
  return { threshold, ...(code !== null && { code }), ...(severity !== null && { severity }) };
}

function factsOf({ kind, number, value, noticedAt }: Notice): NoticeFacts {
  return { kind, number, value, noticedAt };
}

/** What is said of what was claimed. */
function saidLater({ notice }: Claimed, { crossing, reminder, resolved = crossing }: Announcement): Said {
  return notice === undefined ? crossing : { reminder, resolved }[notice.kind];
}

function eventOf({ crossing: { tenant, id, milestone, subject }, notice }: Claimed): CrossingEvent {
  return { tenant, crossing: id, milestone, subject, ...(notice && { notice: notice.id }) };
}
