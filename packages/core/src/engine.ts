import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { actsOver } from "./acts.js";
import { campaignsOver } from "./campaign/campaigns.js";
import { CampaignKeeper } from "./campaign/keeper.js";
import { RecurrenceKeeper, recurrencesOver } from "./campaign/recurrences.js";
import { contactsOver } from "./contact/contacts.js";
import { Announcer } from "./delivery/announcer.js";
import { ClockWatch } from "./delivery/clock-skew.js";
import { Deliverer } from "./delivery/deliverer.js";
import { lanesOver } from "./delivery/lanes.js";
import { notificationsOver } from "./delivery/notifications.js";
import { reasonsOver } from "./delivery/reasons.js";
import { storyTeller } from "./delivery/story.js";
import { deliveryTiming } from "./delivery/timing.js";
import { DeliveryWorker, runPass, type Workshop } from "./delivery/worker.js";
import { workersOver } from "./delivery/workers.js";
import { checkedOptions, type MilepostOptions } from "./engine-options.js";
import { Events } from "./events.js";
import { templatesOver } from "./message/templates.js";
import type { Milepost } from "./milepost.js";
import { definitionsOver } from "./milestone/definitions.js";
import { Evaluator } from "./milestone/evaluator.js";
import { type Levels, LevelsKeeper } from "./milestone/levels-keeper.js";
import { LimitKeeper, type Limits } from "./milestone/limits.js";
import { parkedOver } from "./milestone/parked.js";
import { Registry } from "./milestone/registry.js";
import { subjectStates } from "./milestone/subject-state.js";
import { OpenCalls } from "./open-calls.js";
import { reportingOutagesOnce } from "./outage-report.js";
import { Planner } from "./planning/planner.js";
import { replay } from "./planning/replay.js";
import { moveStranded } from "./provider/failover.js";
import { ProviderAccounts } from "./provider/provider-account.js";
import { providersOver } from "./provider/providers.js";
import { counterQuery, crossingQuery, eventQuery, noticeQuery, subjectCounter } from "./queries.js";
import { subjectsOver } from "./recipient/subjects.js";
import { suppressionsOver } from "./recipient/suppressions.js";
import { Admission } from "./recording/admission.js";
import { consume } from "./recording/consume.js";
import { Drain } from "./recording/drain.js";
import { forget } from "./recording/forget.js";
import { inboxOver, transactionRecorder } from "./recording/inbox.js";
import { purge } from "./recording/purge.js";
import { Recorder } from "./recording/recorder.js";
import { type Runtime, systemRuntime } from "./runtime.js";
import { storeNow } from "./store-clock.js";
import { deliveryEventsOver } from "./tracking/delivery-events.js";
import { engagementOver } from "./tracking/engagement-query.js";
import { trackingOptions } from "./tracking/tracking-options.js";
import { TrackingUpkeep } from "./tracking/upkeep.js";
import { parseInput } from "./validation.js";
import { verifying } from "./verifying.js";

export type { MilepostOptions } from "./engine-options.js";
export type { Milepost } from "./milepost.js";

type OwnCall =
  | "migrate"
  | "plan"
  | "replay"
  | "ready"
  | "record"
  | "recordMany"
  | "observe"
  | "observeMany"
  | "consume"
  | "drain"
  | "runOnce";

/** Milliseconds that calls under way are given to end when the engine closes; as long as a worker's grace. */
const closingTime = 10_000;

const passSchema = z.strictObject({ concurrency: z.int().min(1).max(10_000).default(10) });

/**
 * Wires the engine. Touches no database: definitions are installed before the first own step. Throws `invalid_options`
 * with the path of the field, and `unsafe_durability` for an at-most-once notifier over a store that may forget.
 */
export function createMilepost<Tx = never, Done extends void | Promise<void> = void | Promise<void>>(
  options: MilepostOptions<Tx, Done>,
): Milepost<Tx, Done> {
  const { milestones, campaigns, removed, metrics, notifiers, messageIdDomain, onUnknownMetric, clockTolerance } =
    checkedOptions(options);
  const { store } = options;
  const timing = deliveryTiming(options.delivery);
  const tracking = trackingOptions(options.deliveryEvents);
  const runtime: Runtime = { ...systemRuntime(), ...options.runtime };

  const events = new Events();
  const workerEmit = reportingOutagesOnce(events.emit, runtime.monotonic);
  const registry = new Registry(store, { milestones, metrics, removed, onUnknownMetric }, runtime, events.emit);
  const evaluator = new Evaluator(store, registry, runtime, events.emit);
  const admission = new Admission(registry, clockTolerance, runtime);
  const recorder = new Recorder(store, registry, admission, evaluator, runtime);
  const original = { store, registry, runtime, clockTolerance };
  const planner = new Planner(original, timing);
  const limits = new LimitKeeper(store, registry, evaluator, runtime);
  const levels = new LevelsKeeper(store, registry, evaluator, runtime);
  const trackingUpkeep = new TrackingUpkeep(store, runtime, tracking, clockTolerance);
  const drain = new Drain(store, registry, admission, recorder, events.emit);
  const keeper = new CampaignKeeper(store, campaigns, runtime, timing, workerEmit);
  const recurring = new RecurrenceKeeper(store, campaigns, notifiers, runtime, workerEmit);
  const accounts = new ProviderAccounts(store, options.keyRing, () => storeNow(runtime));
  const hasAccounts = [...notifiers.values()].some((notifier) => notifier.accounts !== undefined);
  const shop: Workshop = {
    store,
    evaluator,
    runtime,
    timing,
    emit: workerEmit,
    notifiers: [...notifiers.keys()],
    clockWatch: new ClockWatch(events.emit, runtime.monotonic),
    ready: () => registry.ready(),
    refresh: () => registry.refresh(),
    async upkeep() {
      const { counted, refused, more: waiting } = await drain.next();
      const { adopted, more: idle } = await evaluator.adopt();
      const more = waiting || idle;
      // a synchronous store answers without a turn of the event loop; others in the process have a right to one
      if (more) await nextTurn();
      return { drained: counted, refused, adopted, more };
    },
    async applyVersions(stop) {
      await limits.applyPending(stop);
      await levels.applyPending(stop);
    },
    failover: (stop) => (hasAccounts ? moveStranded(store, runtime, stop) : Promise.resolve(0)),
    async purge(stop) {
      const purged = await purge(store, registry, admission, runtime, stop);
      return purged + (await trackingUpkeep.run(stop));
    },
    announcer: new Announcer(store, registry, runtime, timing, workerEmit),
    campaigns: keeper,
    recurring,
    deliverer: new Deliverer(store, notifiers, messageIdDomain, runtime, timing, workerEmit, accounts),
  };
  const unwatch = [...notifiers.values()].map((notifier) =>
    notifier.onHealth?.(({ state, member, since, why }) => {
      events.emit(state, { notifier: notifier.name, member, channel: notifier.channel, since, why });
    }),
  );
  const workers = new Set<DeliveryWorker>();
  events.on("crossing", wake);
  const calls = new OpenCalls();
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    const ended = calls.close();
    await Promise.all([...workers].map((worker) => worker.stop()));
    // a database or a host's callback that never answers must not keep the process for ever
    const patience = new AbortController();
    await Promise.race([ended, sleep(closingTime, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    shop.deliverer.abandon();
    await Promise.all([...notifiers.values()].map((notifier) => notifier.close?.()));
    for (const stop of unwatch) stop?.();
    await store.close();
  }
  /** There is something to be done beside sending. */
  function wakeAtOnce(): void {
    for (const worker of workers) worker.wakeForInbox();
  }
  /** A synchronous transaction has ended by the next turn of the event loop; others are found by the next poll. */
  function wakeAfterCommit(): void {
    setImmediate(wakeAtOnce);
  }
  function wake(): void {
    for (const worker of workers) worker.wake();
  }

  return {
    ...calls.guard<Pick<Milepost, OwnCall>>({
      migrate: () => store.migrate(),
      ready: () => registry.ready(),
      record: (event) => recorder.record(event),
      recordMany: (inputs) => recorder.recordMany(inputs),
      observe: (observation) => recorder.observe(observation),
      observeMany: (observations) => recorder.observeMany(observations),
      plan: (inputs) => planner.plan(inputs, calls.closing),
      replay: (input) => replay(original, input),
      consume: (source, options = {}) => consume(recorder, source, options, calls.closing),
      drain: () => drain.all(calls.closing),
      async runOnce(input = {}) {
        const { concurrency } = parseInput(passSchema, input, "invalid_options");
        return runPass(shop, concurrency, calls.closing);
      },
    }),
    in(tx) {
      calls.admit();
      return transactionRecorder(store, tx, admission, wakeAfterCommit);
    },
    inbox: calls.guard(inboxOver(store, runtime)),
    definitions: calls.guard(definitionsOver(registry)),
    events: calls.guard<Milepost["events"]>({
      list: async (query) => store.events.list(eventQuery(query)),
    }),
    counters: calls.guard<Milepost["counters"]>({
      async get(input) {
        const [counter] = await store.counters.get({
          keys: [subjectCounter(input, runtime.now ?? (() => new Date()))],
        });
        return counter ?? null;
      },
      list: async (query = {}) => store.counters.list(counterQuery(query)),
    }),
    limits: calls.guard<Limits>({ set: (input) => limits.set(input), list: (input) => limits.list(input) }),
    levels: calls.guard<Levels>({ set: (input) => levels.set(input), list: (input) => levels.list(input) }),
    parked: calls.guard(parkedOver(store, registry, evaluator, runtime)),
    ...calls.guard<Pick<Milepost, "state" | "explain" | "reasons" | "forget" | "verify">>({
      state: subjectStates(store, registry, runtime),
      explain: storyTeller(store, registry),
      reasons: reasonsOver(store),
      forget: (act) => forget(store, runtime, act, calls.closing),
      verify: verifying(store, runtime),
    }),
    contacts: contactsOver(store, runtime, events.emit, calls),
    subjects: calls.guard(subjectsOver(store)),
    crossings: calls.guard<Milepost["crossings"]>({
      list: async (query = {}) => store.crossings.list(crossingQuery(query)),
    }),
    notices: calls.guard<Milepost["notices"]>({
      list: async (query = {}) => store.notices.list(noticeQuery(query)),
    }),
    notifications: calls.guard(notificationsOver(store, runtime, timing)),
    lanes: calls.guard(lanesOver(store, runtime, new Set(notifiers.keys()), wake)),
    templates: calls.guard(templatesOver(store, runtime)),
    campaigns: calls.guard(
      campaignsOver({ store, keeper, notifiers, runtime, timing, closing: calls.closing, opened: wakeAtOnce }),
    ),
    recurrences: calls.guard(recurrencesOver(store, recurring, runtime)),
    providers: calls.guard(providersOver(store, runtime, notifiers, options.keyRing, accounts, wake)),
    suppressions: calls.guard(suppressionsOver(store, runtime)),
    acts: calls.guard(actsOver(store)),
    deliveryEvents: calls.guard(
      deliveryEventsOver({ store, runtime, options: tracking, emit: (name, event) => events.emit(name, event) }),
    ),
    ...calls.guard<Pick<Milepost, "engagement">>({ engagement: engagementOver(store) }),
    workers: calls.guard(workersOver(store, runtime)),
    worker(workerOptions = {}) {
      calls.admit();
      const worker = new DeliveryWorker(shop, workerOptions);
      workers.add(worker);
      return worker;
    },
    on: (name, listener) => events.on(name, listener),
    close() {
      closed ??= close();
      return closed;
    },
  };
}
