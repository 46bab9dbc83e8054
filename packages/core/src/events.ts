import mitt, { type Emitter } from "mitt";
import type { CampaignState } from "./campaign/campaign.js";
import type { ImportProgress } from "./contact/importing.js";
import type { Reason } from "./delivery/reason.js";
import { describeError, type ErrorCode, MilepostError } from "./errors.js";
import type { NewCrossing } from "./milestone/crossing.js";
import type { Channel } from "./notifier/notifier.js";
import type { BounceKind, DeliveryEventType } from "./tracking/delivery-event.js";

/** What an attempt is about; ids only, so that a log of it holds no address. */
export interface NotificationEvent {
  readonly tenant: string;
  readonly notification: string;
  readonly attempt: number;
  readonly reason: Reason | null;
}

export interface CrossingEvent {
  readonly tenant: string;
  readonly crossing: string;
  readonly milestone: string;
  readonly subject: string;
  /** There where it is about a reminder, or about a level that was armed again. */
  readonly notice?: string;
}

export interface CampaignEvent {
  readonly tenant: string;
  readonly campaign: string;
}

export interface NotifierEvent {
  readonly notifier: string;
  /** The one behind it that it is about; null: itself. */
  readonly member: string | null;
  readonly channel: Channel;
  /** When it was found degraded. */
  readonly since: Date;
  readonly why: string;
}

/** What was heard of a message; ids only, so that a log of it holds no address. */
export interface DeliveryEventNews {
  readonly tenant: string;
  readonly source: string;
  readonly id: string;
  readonly type: DeliveryEventType;
  readonly bounce: BounceKind | null;
  /** Null while no notification is known for it. */
  readonly notification: string | null;
  readonly occurredAt: Date;
}

/** Everything the engine tells of itself while it runs. For watching, not for deciding: the store is the record. */
export interface MilepostEvents {
  /** A crossing was recorded by this process. */
  crossing: NewCrossing;
  /** Its notifications are queued. */
  announced: CrossingEvent & { readonly notifications: number };
  /** Its resolver found nobody. */
  unaddressed: CrossingEvent;
  /** Its announcement failed; `final` once its tries are used up. */
  announce_failed: CrossingEvent & { readonly reason: Reason; readonly final: boolean; readonly error: unknown };
  /** A campaign came from one state to another. */
  campaign: CampaignEvent & { readonly state: CampaignState; readonly detail: string | null };
  /** One of a campaign's audience gets nothing, because the host's code or data is wrong; `path` names it. */
  campaign_refused: CampaignEvent & { readonly path: string; readonly code: ErrorCode };
  /** A notification was marked and is handed to its notifier now. */
  sending: NotificationEvent;
  sent: NotificationEvent;
  /** A definite refusal that is tried again. */
  retry: NotificationEvent;
  failed: NotificationEvent;
  /** Its time was over before it could be sent. */
  expired: NotificationEvent;
  /** Its address must not be written to. */
  suppressed: NotificationEvent;
  /** Nobody knows whether it was sent. */
  ambiguous: NotificationEvent;
  unknown: NotificationEvent;
  /** A worker came back after its lease was over; its result changed nothing, or was taken as evidence. */
  lease_lost: NotificationEvent & { readonly evidence: boolean };
  /**
   * Another deployment installed what this process has no code for: without `milestones` it goes on recording and leaves
   * evaluating the metric to processes that have them. `absent` are those of them that it has in no version: what
   * `definitions.reinstall()` of this process is to be given under `remove`. `ignored` are milestones and settings of its
   * own that were replaced or removed, and are not brought back.
   */
  behind: {
    readonly metric: string;
    readonly generation: number;
    readonly milestones: readonly string[];
    readonly absent: readonly string[];
    readonly ignored: readonly string[];
  };
  /** An event from a transaction of the host cannot be counted: it was set aside in the inbox. */
  refused: { readonly number: number; readonly code: ErrorCode };
  /** Counters that ran before a milestone was installed have met it; told chunk by chunk, `done` at the end. */
  adopted: { readonly metric: string; readonly counters: number; readonly done: boolean };
  /** An import of contacts has stored one more chunk; `endedAt` is there at its end. */
  importing: ImportProgress;
  /** A notifier stopped working, or one of those behind a `failoverNotifier`: it is left alone until it works again. */
  degraded: NotifierEvent;
  recovered: NotifierEvent;
  /** A delivery event was recorded by this process, and was new; its own words and addresses are in the store. */
  deliveryEvent: DeliveryEventNews;
  /**
   * The clock of this process lies more than 5 seconds apart from the database's: ahead of it, or behind if negative. Told
   * once a minute at most. Leases and schedules go by the database's clock; `occurredAt` where none is given, and the order
   * of new ids, by the process'.
   */
  clock_skew: { readonly milliseconds: number };
  /** A step of the worker failed and will be tried again. */
  error: { readonly where: string; readonly error: unknown };
}

const eventNames: ReadonlySet<string> = new Set<keyof MilepostEvents>([
  "crossing",
  "announced",
  "unaddressed",
  "announce_failed",
  "campaign",
  "campaign_refused",
  "sending",
  "sent",
  "retry",
  "failed",
  "expired",
  "suppressed",
  "ambiguous",
  "unknown",
  "lease_lost",
  "behind",
  "refused",
  "adopted",
  "importing",
  "degraded",
  "recovered",
  "deliveryEvent",
  "clock_skew",
  "error",
]);

export type Emit = <Name extends keyof MilepostEvents>(name: Name, event: MilepostEvents[Name]) => void;

/** mitt, isolated: mitt itself lets a listener's exception reach the emitter. */
export class Events {
  // mitt wants a type with an index signature, which an interface has not
  readonly #emitter: Emitter<{ [Name in keyof MilepostEvents]: MilepostEvents[Name] }> = mitt();

  /** Hears `name` until the returned function is called. A listener that throws changes nothing; it is told of once. */
  on<Name extends keyof MilepostEvents>(name: Name, listener: (event: MilepostEvents[Name]) => void): () => void {
    if (!eventNames.has(name) || typeof listener !== "function") {
      const expected = `one of ${[...eventNames].join(", ")}, and a function`;
      throw new MilepostError("invalid_options", `on(): ${expected}`, { path: "name", expected });
    }
    let told = false;
    const failed = (error: unknown): void => {
      if (told) return;
      told = true;
      process.emitWarning(`A listener of "${name}" failed: ${describeError(error)}`, "MilepostWarning");
    };
    const isolated = (event: MilepostEvents[Name]): void => {
      try {
        // an async listener's rejection is a listener's error too
        const returned: unknown = listener(event);
        if (returned instanceof Promise) returned.catch(failed);
      } catch (error) {
        failed(error);
      }
    };
    this.#emitter.on(name, isolated);
    return () => this.#emitter.off(name, isolated);
  }

  readonly emit: Emit = (name, event) => {
    // where nobody listens: a worker that cannot reach its database, or tell anybody, must not fail in silence
    if (!this.#emitter.all.get(name)?.length) warnOf(name, event);
    this.#emitter.emit(name, event);
  };
}

function warnOf<Name extends keyof MilepostEvents>(name: Name, event: MilepostEvents[Name]): void {
  const warn = (text: string) => process.emitWarning(text, "MilepostWarning");
  if (name === "error") {
    const { where, error } = event as MilepostEvents["error"];
    warn(`${where}: ${describeError(error)}`);
  } else if (name === "behind") {
    const { metric, milestones, absent, ignored } = event as MilepostEvents["behind"];
    const list = (names: readonly string[]) => names.map((each) => `"${each}"`).join(", ");
    const lacks = `this process lacks the installed ${list(milestones)}, so it records and does not evaluate. `;
    const passed = `${list(ignored)} of this process was replaced or removed before, and is not brought back. `;
    const remove = absent.length > 0 ? `remove: [${list(absent)}], ` : "";
    warn(
      `metric "${metric}": ${milestones.length > 0 ? lacks : ""}${ignored.length > 0 ? passed : ""}` +
        "If it is old code, replace it. If it is meant to be current, " +
        `${absent.length > 0 ? "name what is gone under `removed`, or " : ""}` +
        `call definitions.reinstall({ ${remove}by, why }) in it. See docs/definitions.md.`,
    );
  } else if (name === "refused") {
    const { number, code } = event as MilepostEvents["refused"];
    warn(`event ${number} of the inbox cannot be counted (${code}); see inbox.list({ refused: true })`);
  } else if (name === "degraded") {
    const { notifier, member, why } = event as MilepostEvents["degraded"];
    warn(`notifier "${notifier}"${member === null ? "" : `, its "${member}"`} is left alone for now: ${why}`);
  } else if (name === "clock_skew") {
    const { milliseconds } = event as MilepostEvents["clock_skew"];
    const apart = `${Math.abs(milliseconds)} ms ${milliseconds > 0 ? "ahead of" : "behind"}`;
    warn(`the clock of this process is ${apart} the database's; see docs/operating.md`);
  } else if (name === "announce_failed") {
    const { final, milestone, crossing, reason, error } = event as MilepostEvents["announce_failed"];
    if (final) warn(`crossing ${crossing} of "${milestone}" is told to nobody (${reason}): ${describeError(error)}`);
  }
}
