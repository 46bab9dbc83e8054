import assert from "node:assert/strict";
import type { NewNotification } from "../delivery/notification.js";
import type { Crossing } from "../milestone/crossing.js";
import { type NewNotice, type Notice, noticeOf, recordedNotice } from "../milestone/notice.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { NoticeRepository } from "../store/notice-repository.js";
import type { Store } from "../store/store.js";
import { birth, event, record, restless } from "./counter-samples.js";
import * as samples from "./crossing-samples.js";
import { notification } from "./notification-samples.js";
import { at, minute, start } from "./samples.js";

// What is announced, be it a crossing or a notice, so that the cases of claiming, announcing and giving back are one.

interface RowFields {
  readonly id?: string;
  readonly tenant?: string;
  readonly milestone?: string;
}

/** What both have in common once they are stored. */
type Announcing = Pick<Crossing & Notice, "reason" | "detail" | "notifications" | "attempts" | "createdAt"> & {
  readonly state: "pending" | "leased" | "announced" | "unaddressed" | "failed";
};

type Step<Name extends "announce" | "release"> = Parameters<NoticeRepository[Name]>[0];
type Claimed = Announcing & { readonly tenant: string; readonly id: string; readonly fence: number };
/** The steps of both repositories, which answer their own rows. */
interface Steps extends Pick<NoticeRepository, "announce" | "release"> {
  claim(input: Parameters<NoticeRepository["claim"]>[0]): Promise<readonly Claimed[]>;
}

export interface Announced {
  readonly about: string;
  /** As it stands in a case's name. */
  readonly noun: string;
  /** The id of the sample row. */
  readonly id: string;
  steps(store: Store): Steps;
  /** Stores pending rows of one tenant, in one evaluation: the sample row unless said. `null`: by the store's own clock. */
  arise(store: Store, rows?: readonly RowFields[], now?: Date | null): Promise<void>;
  listed(store: Store, tenant?: string): Promise<readonly (Announcing & { readonly id: string })[]>;
  /** A row as it is listed after it arose. */
  stored(row?: RowFields, changed?: Partial<Announcing>): object;
  /** The last announcement of the first claim of the sample row, to nobody, unless said. */
  announcement(fields?: Partial<Step<"announce">>): Step<"announce">;
  giveBack(fields?: Partial<Step<"release">>): Step<"release">;
  /** Claims what can be claimed now, for a minute; answers their ids. */
  claim(store: Store, now?: Date, limit?: number): Promise<readonly string[]>;
  source(id?: string): NewNotification["source"];
  /** A notification of the sample row, unless said. */
  notification(fields?: Partial<NewNotification>): NewNotification;
  notifications(count: number, fields?: Partial<NewNotification>): NewNotification[];
}

/** Commits an evaluation of the sample subject's next event, with whatever else was found. */
export async function evaluated(
  store: Store,
  { id, tenant = "default", ...found }: { id: string; tenant?: string } & Partial<CounterEvaluation>,
  given: Date | null = start,
): Promise<void> {
  const now = given ?? undefined;
  const feeds = [birth({ ...restless, due: true })];
  const { counters } = await record(store, [event({ tenant, id, feeds })], now);
  const upTo = counters[0]!.rev;
  const span = { tenant, from: upTo - 1, upTo, band: restless };
  const step = { evaluations: [samples.evaluation({ ...span, ...found })], ...(now && { now }) };
  assert.deepEqual(await store.crossings.commitEvaluation(step), ["committed"]);
}

function announced(
  kind: "crossing" | "notice",
  rows: Pick<Announced, "about" | "id" | "steps" | "arise" | "listed" | "stored">,
): Announced {
  const source = (id = rows.id) => ({ kind, id });
  return {
    ...rows,
    noun: kind,
    source,
    announcement: (fields) => samples.announcement({ id: rows.id, ...fields }),
    giveBack: (fields) => samples.giveBack({ id: rows.id, ...fields }),
    async claim(store, now = start, limit = 100) {
      const input = { milestones: samples.milestones, limit, lease: minute, now };
      return (await rows.steps(store).claim(input)).map((each) => each.id);
    },
    notification: (fields) => notification({ source: source(), ...fields }),
    notifications: (count, fields) =>
      Array.from({ length: count }, (_, i) =>
        notification({ id: `ntf-${String(i + 1).padStart(4, "0")}`, source: source(), ...fields }),
      ),
  };
}

function crossingOf({ id = "cro-1", ...fields }: RowFields) {
  return samples.crossing({ id, threshold: id, ...fields });
}

export const announcedCrossing: Announced = announced("crossing", {
  about: samples.about,
  id: "cro-1",
  steps: (store) => store.crossings as Steps,
  async arise(store, rows = [{}], now = start) {
    const crossings = rows.map(crossingOf);
    const { tenant, id } = crossings[0]!;
    await evaluated(store, { tenant, id: `crossing ${id}`, crossings }, now);
  },
  listed: async (store, tenant) => (await samples.listed(store, tenant)) as readonly (Announcing & Crossing)[],
  stored: (row = {}, changed = {}) => samples.stored(crossingOf(row), changed),
});

/** A reminder of a crossing of its own, unless said. */
export function notice(fields: Partial<NewNotice> = {}): NewNotice {
  const { id = "not-1" } = fields;
  return {
    tenant: "default",
    id,
    crossing: `cro-of-${id}`,
    milestone: "emails-delivered",
    kind: "reminder",
    number: 1,
    value: 1200,
    noticedAt: at(-3),
    ...fields,
  };
}

/** A notice as it is listed after its evaluation was committed. */
export function storedNotice(given: NewNotice, fields: Partial<Notice> = {}): Notice {
  return { ...noticeOf(recordedNotice(given, start)), ...fields };
}

export async function listedNotices(store: Store, tenant = "default"): Promise<readonly Notice[]> {
  return store.notices.list({ tenant, limit: 10_000 });
}

export const announcedNotice: Announced = announced("notice", {
  about: "notices",
  id: "not-1",
  steps: (store) => store.notices,
  async arise(store, rows = [{}], now = start) {
    const notices = rows.map(notice);
    const { tenant, id } = notices[0]!;
    await evaluated(store, { tenant, id: `notice ${id}`, notices }, now);
  },
  listed: listedNotices,
  stored: (row = {}, changed = {}) => storedNotice(notice(row), changed),
});
