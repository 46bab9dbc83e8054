import type { Campaign } from "../../campaign/campaign.js";
import type { Recurrence, RecurrenceKey, Skip } from "../../campaign/recurrence.js";
import type { StoredContact } from "../../contact/contact.js";
import type { ContactImport, RejectedRow } from "../../contact/contact-import.js";
import type { Lane } from "../../delivery/lane.js";
import type { Attempt, Notification } from "../../delivery/notification.js";
import type { MessageTemplate } from "../../message/message.js";
import type { StoredTemplate, TemplateVersion } from "../../message/stored-template.js";
import type { StoredCrossing } from "../../milestone/crossing.js";
import type { StoredNotice } from "../../milestone/notice.js";
import type { Provider } from "../../provider/provider.js";
import type { Bounces, Consent, Suppression } from "../../recipient/suppression.js";
import type { AddressEvent } from "../../tracking/address-events.js";
import type { DeliveryEvent } from "../../tracking/delivery-event.js";
import type { NotificationFacts } from "../../tracking/facts.js";
import type { Act } from "../act-repository.js";
import type { CounterKey, CounterState, TrailRow } from "../counter-repository.js";
import type { Effect } from "../crossing-repository.js";
import type { Band, InstalledDefinition } from "../definition-repository.js";
import type { RetainedEvent } from "../event-repository.js";
import type { StoredLevels } from "../levels-repository.js";
import type { Limit } from "../limit-repository.js";
import type { ParkedCounter } from "../parking-repository.js";
import type { Member, Subject } from "../subject-repository.js";
import type { WorkerRecord } from "../worker-repository.js";
import { MemoryWakeUps } from "./memory-wake-ups.js";

/** With when its notification is looked for again. */
export interface StoredDeliveryEvent extends DeliveryEvent {
  readonly matchAt: Date | null;
}

/** Rows are never changed in place, only replaced, so what a caller was handed stays as it was. */
export interface CounterRow extends CounterState, Band {
  readonly generation: number;
  readonly folded: number;
  readonly state: Readonly<Record<string, unknown>>;
  readonly trail: readonly TrailRow[];
  /** Order in which counters became due. */
  readonly dueSince: number;
  readonly wakeAt: Date | null;
}

/** The tables of the memory store, by key; the parts of a key are joined with NUL, which no key contains. */
export class Tables {
  readonly definitions: Map<string, InstalledDefinition> = new Map();
  /** Remembered ids, with their time where they can be purged. */
  readonly events: Map<string, { readonly metric: string; readonly occurredAt: Date | null }> = new Map();
  retained: readonly RetainedEvent[] = [];
  readonly counters: Map<string, CounterRow> = new Map();
  /** The versions of each subject's limit, in their order. */
  readonly limits: Map<string, readonly Limit[]> = new Map();
  /** The versions of each owner's levels, in their order, with whether not every counter was told. */
  readonly levels: Map<string, readonly (StoredLevels & { readonly pending: boolean })[]> = new Map();
  /** Where a shadow notes what would run; absent in a store that runs nothing. */
  noted?: Effect[];
  readonly parked: Map<string, ParkedCounter> = new Map();
  readonly crossings: Map<string, StoredCrossing> = new Map();
  readonly crossingKeys: Set<string> = new Set();
  readonly notices: Map<string, StoredNotice> = new Map();
  readonly noticeKeys: Set<string> = new Set();
  readonly notifications: Map<string, Notification> = new Map();
  readonly notificationKeys: Set<string> = new Set();
  readonly attempts: Map<string, Attempt> = new Map();
  /** Contents by their hash: of what was queued, and of every variant. */
  readonly templates: Map<string, MessageTemplate> = new Map();
  readonly storedTemplates: Map<string, StoredTemplate> = new Map();
  readonly templateVersions: Map<string, TemplateVersion> = new Map();
  readonly lanes: Map<string, Lane> = new Map();
  readonly campaigns: Map<string, Campaign> = new Map();
  readonly recurrences: Map<string, Recurrence> = new Map();
  readonly skips: Map<string, Skip & RecurrenceKey> = new Map();
  readonly providers: Map<string, Provider> = new Map();
  readonly suppressions: Map<string, Suppression> = new Map();
  readonly bounces: Map<string, Bounces> = new Map();
  readonly consents: Map<string, Consent> = new Map();
  /** Remembered keys of delivery events, with when they came. */
  readonly deliveryEventKeys: Map<string, Date> = new Map();
  /** In the order of their numbers. */
  deliveryEvents: readonly StoredDeliveryEvent[] = [];
  readonly deliveryFacts: Map<string, NotificationFacts> = new Map();
  /** By address. */
  readonly addressEvents: Map<string, readonly AddressEvent[]> = new Map();
  readonly contacts: Map<string, StoredContact> = new Map();
  readonly contactImports: Map<string, ContactImport> = new Map();
  readonly rejectedRows: Map<string, readonly RejectedRow[]> = new Map();
  readonly acts: Act[] = [];
  readonly workers: Map<string, WorkerRecord> = new Map();
  readonly subjects: Map<string, Subject> = new Map();
  readonly members: Map<string, readonly Member[]> = new Map();
  readonly wakeUps: MemoryWakeUps = new MemoryWakeUps();
  /** The store's own clock, where a step is given no `now`. */
  readonly clock: () => Date;

  #turns = 0;
  #contacts = 0;

  constructor(clock: () => Date) {
    this.clock = clock;
  }

  /** The next number in the order in which counters become due. */
  turn(): number {
    this.#turns += 1;
    return this.#turns;
  }

  /** The next contact's number. */
  contactNumber(): number {
    this.#contacts += 1;
    return this.#contacts;
  }
}

/** Appends a row without events to a counter's trail. */
export function markedRow(tables: Tables, row: CounterRow, about: Pick<TrailRow, "limitVersion" | "mark">): CounterRow {
  const { value: from, generation, trail } = row;
  const rev = row.rev + 1;
  const marked = { rev, generation, from, ...about, ids: [], amounts: [], occurredAts: [] };
  return {
    ...row,
    rev,
    due: true,
    trail: [...trail, marked],
    dueSince: trail.length > 0 ? row.dueSince : tables.turn(),
  };
}

/** A counter as it is before its first event. */
export function emptyRow(key: CounterKey, birth: Band & { readonly due: boolean }, generation: number): CounterRow {
  const { tenant, metric, subject, period } = key;
  const { below, above, due } = birth;
  const counted = { value: 0, rev: 0, folded: 0, state: {}, trail: [], dueSince: 0, wakeAt: null };
  return { tenant, metric, subject, period, ...counted, below, above, due, generation };
}

export function keyOf(...parts: readonly (string | number)[]): string {
  return parts.join("\0");
}

export function later(now: Date, milliseconds: number): Date {
  return new Date(now.getTime() + milliseconds);
}
