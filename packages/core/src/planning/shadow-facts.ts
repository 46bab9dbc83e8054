import { setImmediate as nextTurn } from "node:timers/promises";
import { crossingPages } from "../milestone/crossing-pages.js";
import type { Consent } from "../recipient/suppression.js";
import type { ParsedEvent } from "../recording/event.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { LevelsOwner } from "../store/levels-repository.js";
import type { LimitSubject } from "../store/limit-repository.js";
import { crossingKeyText } from "../store/memory/memory-crossings.js";
import { keyOf, type Tables } from "../store/memory/tables.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";

// What recording and evaluation read of the subjects that events are about, from a store into a shadow's tables. Each is a
// step of its own, so together they show some recent moment and not one instant.

/** Ids, keys or subjects that are asked for in one step. */
const perStep = 1_000;
/** Trail rows of a counter that are read: all that wait, because what is cut off would be missing. */
export const wholeTrail = 1_000_000;
/** An instant that never comes: what was crossed before is not to be announced again. */
const never = new Date(8_640_000_000_000_000);

/** Which of these events' ids are remembered. */
export async function seedKnownIds(store: Store, tables: Tables, events: readonly ParsedEvent[]): Promise<void> {
  for (const group of groupsOf(events, ({ tenant, metric }) => keyOf(tenant, metric)).values()) {
    const [{ tenant, metric }] = group;
    for (const ids of parts(group.map(({ id }) => id))) {
      const known = await store.events.known({ tenant, metric, ids });
      for (const id of known) tables.events.set(keyOf(tenant, metric, id), { metric, occurredAt: null });
    }
  }
}

/** Where these counters stand, and what of them waits for evaluation. */
export async function seedCounters(store: Store, tables: Tables, counters: readonly CounterKey[]): Promise<void> {
  const unique = [...new Map(counters.map((key) => [counterKeyText(key), key])).values()];
  for (const keys of parts(unique)) {
    for (const counter of await store.counters.read({ keys, trailLimit: wholeTrail })) {
      tables.counters.set(counterKeyText(counter), { ...counter, dueSince: tables.turn(), wakeAt: null });
    }
  }
}

/** All versions of these subjects' limits. */
export async function seedLimits(store: Store, tables: Tables, about: readonly LimitSubject[]): Promise<void> {
  const unique = [...new Map(about.map((subject) => [subjectText(subject), subject])).values()];
  for (const subjects of parts(unique)) {
    const versions = groupsOf(await store.limits.of({ subjects }), subjectText);
    for (const [subject, limits] of versions) tables.limits.set(subject, limits);
  }
}

/** All versions of these subjects' stored levels, and of their tenants', for these milestones. */
export async function seedLevels(
  store: Store,
  tables: Tables,
  about: readonly LimitSubject[],
  milestones: readonly string[],
): Promise<void> {
  const owners = new Map<string, LevelsOwner>();
  for (const { tenant, subject } of about) {
    for (const milestone of milestones) {
      owners.set(keyOf(tenant, milestone, subject), { tenant, milestone, subject });
      owners.set(keyOf(tenant, milestone, ""), { tenant, milestone, subject: "" });
    }
  }
  for (const some of parts([...owners.values()])) {
    const versions = groupsOf(await store.levels.of({ owners: some }), ({ tenant, milestone, subject }) =>
      keyOf(tenant, milestone, subject),
    );
    for (const [owner, levels] of versions) {
      tables.levels.set(
        owner,
        levels.map((each) => ({ ...each, pending: false })),
      );
    }
  }
}

/** Which of these subjects' counters are parked: recording leaves them alone until they are to be tried again. */
export async function seedParked(store: Store, tables: Tables, about: readonly LimitSubject[]): Promise<void> {
  const unique = new Map(
    about.map(({ tenant, metric, subject }) => [keyOf(tenant, metric, subject), { tenant, metric, subject }]),
  );
  for (const subject of unique.values()) {
    for (const parked of await store.parking.list({ ...subject, limit: perStep })) {
      tables.parked.set(counterKeyText(parked), parked);
    }
  }
}

/**
 * All that these subjects have crossed, on other metrics too: a milestone that was edited may find a level whose crossing
 * exists, and one with a `minInterval` looks when its people were told last.
 */
export async function seedCrossings(store: Store, tables: Tables, about: readonly LimitSubject[]): Promise<void> {
  const unique = new Map(about.map(({ tenant, subject }) => [keyOf(tenant, subject), { tenant, subject }]));
  for (const subject of unique.values()) {
    // a synchronous store answers without a turn of the event loop; others in the process have a right to one
    await nextTurn();
    for await (const page of crossingPages(store, subject)) {
      for (const crossing of page) {
        const { tenant, id } = crossing;
        tables.crossings.set(keyOf(tenant, id), { ...crossing, fence: 0, leaseUntil: null, notBefore: never });
        tables.crossingKeys.add(crossingKeyText(crossing));
      }
    }
  }
}

/** What is said of these addresses: whether they may be written to. */
export async function seedAddresses(
  store: Store,
  tables: Tables,
  tenant: string,
  recipientKeys: readonly string[],
): Promise<void> {
  const { suppressions } = store;
  const texts = [...new Set(recipientKeys)];
  for (const keys of parts(texts)) {
    const asked = { tenant, recipientKeys: keys, limit: perStep };
    for await (const row of each((after) => suppressions.list({ ...asked, ...after }))) {
      tables.suppressions.set(keyOf(tenant, row.recipientKey, row.scope), row);
    }
    for await (const row of each((after) => suppressions.consents({ ...asked, ...after }))) {
      tables.consents.set(keyOf(tenant, row.recipientKey, row.scope), row);
    }
  }
}

type Placed = Pick<Consent, "recipientKey" | "scope">;

/** Every row of a list of addresses, which is read page by page. */
async function* each<Row extends Placed>(
  page: (after: { readonly after?: Placed }) => Promise<readonly Row[]>,
): AsyncGenerator<Row, void, undefined> {
  for (let last: Row | undefined; ; ) {
    const rows = await page(
      last === undefined ? {} : { after: { recipientKey: last.recipientKey, scope: last.scope } },
    );
    yield* rows;
    last = rows.at(-1);
    if (rows.length < perStep) return;
  }
}

function subjectText({ tenant, metric, subject }: LimitSubject): string {
  return keyOf(tenant, metric, subject);
}

function* parts<T>(items: readonly T[]): Generator<readonly T[], void, undefined> {
  for (let start = 0; start < items.length; start += perStep) yield items.slice(start, start + perStep);
}

function groupsOf<T>(items: readonly T[], textOf: (item: T) => string): ReadonlyMap<string, readonly [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const text = textOf(item);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [item]);
    else group.push(item);
  }
  return groups;
}
