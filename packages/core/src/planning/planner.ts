import { Announcer } from "../delivery/announcer.js";
import type { DeliveryTiming } from "../delivery/timing.js";
import { describeError, MilepostError } from "../errors.js";
import type { CrossingBirth, NewCrossing, StoredCrossing } from "../milestone/crossing.js";
import { type MilestoneEvent, type Observation, type ParsedEvent, parseItem } from "../recording/event.js";
import { lifetimeKey, valuesAfter } from "../recording/recorder.js";
import type { CounterKey } from "../store/counter-repository.js";
import { keyOf, type Tables } from "../store/memory/tables.js";
import { counterKeyText } from "../store/tally.js";
import { compareKeys } from "../text-key.js";
import type { Plan, PlannedCrossing, PlannedEvent, PlannedNotice } from "./plan.js";
import { notificationsBySource } from "./planned-notification.js";
import { type Original, type Shadow, shadowOf } from "./shadow.js";
import { seedCounters, seedCrossings, seedKnownIds, seedLevels, seedLimits, seedParked } from "./shadow-facts.js";

/** Announcements that are tried side by side, as by a worker of that concurrency. */
const concurrency = 10;

/** Answers what would happen, by letting it happen on a shadow. */
export class Planner {
  readonly #original: Original;
  readonly #timing: DeliveryTiming;

  constructor(original: Original, timing: DeliveryTiming) {
    this.#original = original;
    this.#timing = timing;
  }

  /** Throws what `recordMany()` would, and `closed` if `stop` aborts before the end. */
  async plan(inputs: readonly (MilestoneEvent | Observation)[], stop: AbortSignal): Promise<Plan> {
    const { store } = this.#original;
    const shadow = await shadowOf(this.#original);
    const { tables, recorder } = shadow;
    const given = await recorder.admitAll(inputs, "events", parseItem);
    const counters = given.flatMap((event) => recorder.countersOf(event));
    // the counters first: what others do meanwhile is then known as done, and is not planned a second time
    await seedCounters(store, tables, counters);
    await seedKnownIds(store, tables, given);
    await seedLimits(store, tables, given);
    const { storedLevels } = this.#original.registry;
    await seedLevels(
      store,
      tables,
      given,
      storedLevels.map(({ name }) => name),
    );
    await seedParked(store, tables, given);
    await seedCrossings(store, tables, given);

    const before = new Set(tables.crossings.keys());
    const events = await record(shadow, given);
    const born = [...tables.crossings]
      .filter(([key]) => !before.has(key))
      .sort(([, a], [, b]) => compareKeys(a.id, b.id));
    if (born.some(([, { state }]) => state === "pending") || tables.notices.size > 0)
      await this.#announce(shadow, stop);
    const notifications = await notificationsBySource(store, shadow);
    const { noted = [] } = tables;
    const crossings = born.map(([key, birth]): PlannedCrossing => {
      const { reason, detail } = tables.crossings.get(key)!;
      const effects = noted.filter((effect) => effect.crossing === birth.id).map(({ statement }) => statement);
      return { ...plannedFacts(birth), reason, detail, notifications: notifications.get(birth.id) ?? [], effects };
    });
    const notices = [...tables.notices.values()].map((notice): PlannedNotice => {
      const { tenant, milestone, kind, number, value, noticedAt, reason, id } = notice;
      const crossing = before.has(keyOf(tenant, notice.crossing)) ? notice.crossing : null;
      const about = { tenant, milestone, kind, number, value, noticedAt, crossing };
      return { ...about, reason, notifications: notifications.get(id) ?? [] };
    });
    const effects = noted.filter(({ crossing }) => crossing === null).map(({ statement }) => statement);
    return {
      events,
      crossings,
      notices,
      effects,
      due: stillDue(tables, counters),
      errors: shadow.errors.map(describeError),
    };
  }

  /** Tries to announce what was born pending, once. */
  async #announce({ store, registry, runtime, emit }: Shadow, stop: AbortSignal): Promise<void> {
    const announcer = new Announcer(store, registry, runtime, { ...this.#timing, announceTries: 1 }, emit);
    for (let open = concurrency; open > 0; ) {
      const started = await announcer.start(concurrency, stop);
      await Promise.all([...started.crossings, ...started.notices]);
      if (stop.aborted) {
        throw new MilepostError("closed", "The engine was closed before the plan was made. Nothing was stored.");
      }
      open = started.crossings.length + started.notices.length;
    }
  }
}

async function record({ tables, recorder }: Shadow, given: readonly ParsedEvent[]): Promise<readonly PlannedEvent[]> {
  const standing = new Map<string, number>();
  for (const event of given) {
    const key = counterKeyText(lifetimeKey(event));
    standing.set(key, tables.counters.get(key)?.value ?? 0);
  }
  const after = new Map<ParsedEvent, number>();
  for await (const { accepted, counters } of recorder.chunks(given)) {
    for (const [event, value] of valuesAfter(accepted, counters)) after.set(event, value);
  }
  return given.map((event): PlannedEvent => {
    const { tenant, id, metric, subject } = event;
    const key = counterKeyText(lifetimeKey(event));
    const counted = after.has(event);
    const value = after.get(event) ?? standing.get(key)!;
    standing.set(key, value);
    return { tenant, id, metric, subject, counted, duplicate: !counted, value };
  });
}

/** What of a crossing evaluation found; its id and its times are the shadow's. */
function plannedFacts(crossing: StoredCrossing): Omit<NewCrossing, "id"> {
  const { tenant, milestone, metric, subject, period, threshold, limitVersion, arming, at, direction } = crossing;
  const { code, severity, limitAmount, skipped, previous, value, eventId, reachedAt, state } = crossing;
  return {
    ...{ tenant, milestone, metric, subject, period, threshold, limitVersion, arming, at, direction },
    ...{ code, severity, limitAmount, skipped, previous, value, eventId, reachedAt },
    // nothing was claimed yet
    state: state as CrossingBirth,
  };
}

function stillDue(tables: Tables, counters: readonly CounterKey[]): readonly CounterKey[] {
  const unique = new Set(counters.map(counterKeyText));
  return [...unique].flatMap((key) => {
    const row = tables.counters.get(key);
    if (!row?.due) return [];
    const { tenant, metric, subject, period } = row;
    return [{ tenant, metric, subject, period }];
  });
}
