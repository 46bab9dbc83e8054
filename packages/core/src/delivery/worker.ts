import { setMaxListeners } from "node:events";
import * as z from "zod";
import type { CampaignKeeper } from "../campaign/keeper.js";
import type { RecurrenceKeeper } from "../campaign/recurrences.js";
import type { Emit } from "../events.js";
import type { Evaluator } from "../milestone/evaluator.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import type { Listening } from "../store/wake-ups.js";
import { type Agrees, parseInput } from "../validation.js";
import type { AnnounceEnd, Announcer } from "./announcer.js";
import type { ClockWatch } from "./clock-skew.js";
import type { Deliverer, DeliveryEnd, Stop } from "./deliverer.js";
import { Heartbeat } from "./heartbeat.js";
import { reap } from "./reaper.js";
import { type Spaced, spaced } from "./spaced.js";
import { type DeliveryTiming, longestTimer } from "./timing.js";

export interface WorkerOptions {
  /** Calls of notifiers at once; 10 unless said. */
  readonly concurrency?: number;
  /**
   * Milliseconds between looks for work that another process, or a transaction of the host, made; 1,000 unless said. Where
   * the store wakes those who listen, most work of other processes is found at once, and this is the safety net.
   */
  readonly pollInterval?: number;
  /** Milliseconds between sweeps for due counters and overdue leases; 5,000 unless said. */
  readonly sweepInterval?: number;
  /** Milliseconds between heartbeats; 5,000 unless said. */
  readonly heartbeatInterval?: number;
}

export interface StopOptions {
  /** Milliseconds that calls under way are given to end; 10,000 unless said. What is open then is ambiguous. */
  readonly grace?: number;
}

export interface Worker {
  /** Starts working and resolves; a failing store is retried, never thrown. A repeat does nothing. */
  start(): Promise<void>;
  /** Claims nothing more, waits for the calls under way within the grace, and resolves when all is written. */
  stop(options?: StopOptions): Promise<void>;
}

/** What one pass did. */
export interface PassReport {
  /** Events of the host's transactions that were counted; repeats of an id count nothing. */
  readonly drained: number;
  /** Events of the host's transactions that cannot be counted and were set aside: `inbox.list({ refused: true })`. */
  readonly refused: number;
  /** Idle counters that met milestones which were installed while they ran. */
  readonly adopted: number;
  /** Events forgotten, because their retention was over. */
  readonly purged: number;
  /** Counters evaluated that were left due. */
  readonly evaluated: number;
  /** Crossings by how their announcement ended. */
  readonly crossings: Readonly<Record<AnnounceEnd, number>>;
  /** The same of reminders, and of notices that a level is armed again. */
  readonly notices: Readonly<Record<AnnounceEnd, number>>;
  /** Pieces of work that were done for campaigns: audiences loaded, changes brought along, begun and completed. */
  readonly campaigns: number;
  /** Notifications by where they stood afterwards; `pending` ones wait for a later try. */
  readonly notifications: Readonly<Record<DeliveryEnd, number>>;
}

const workerSchema = z.strictObject({
  concurrency: z.int().min(1).max(10_000).default(10),
  pollInterval: z.int().min(1).max(longestTimer).default(1_000),
  sweepInterval: z.int().min(1).max(longestTimer).default(5_000),
  heartbeatInterval: z.int().min(1).max(longestTimer).default(5_000),
});

const stopSchema = z.strictObject({ grace: z.int().min(0).max(longestTimer).default(10_000) });

true satisfies Agrees<typeof workerSchema, WorkerOptions>;
true satisfies Agrees<typeof stopSchema, StopOptions>;

const sweepLimit = 500;
const announceLimit = 20;
/** Campaigns that are loaded, or changed, by one worker at once. */
const campaignLimit = 2;
/** Milliseconds after the grace in which what became of calls may still be written. */
const writingTime = 1_000;
const firstBackoff = 1_000;
/** So short that a worker is at work again within 5 s of its database, and so long that it is no load. */
const longestBackoff = 4_000;
/** Milliseconds between two looks because of wake-ups: all workers hear of what one of them queues and sends itself. */
const wakeGap = 50;

/** What was done beside evaluating and delivering. */
export interface Upkeep {
  readonly drained: number;
  readonly refused: number;
  readonly adopted: number;
  readonly more: boolean;
}

/** What a worker works with. */
export interface Workshop {
  readonly store: Store;
  readonly evaluator: Evaluator;
  readonly announcer: Announcer;
  readonly campaigns: CampaignKeeper;
  readonly recurring: RecurrenceKeeper;
  readonly deliverer: Deliverer;
  readonly runtime: Runtime;
  readonly timing: DeliveryTiming;
  readonly emit: Emit;
  /** The names of the notifiers there are. */
  readonly notifiers: readonly string[];
  readonly clockWatch: ClockWatch;
  readonly ready: () => Promise<void>;
  /** Reads what other processes have installed since. */
  readonly refresh: () => Promise<void>;
  /** Counts a chunk of what host transactions left, adopts a chunk of counters; says whether there may be more. */
  readonly upkeep: () => Promise<Upkeep>;
  /** Brings limits into force whose time has come, and tells counters of stored levels. */
  readonly applyVersions: (stop: AbortSignal) => Promise<void>;
  /** Forgets events whose retention is over; answers how many. */
  readonly purge: (stop: AbortSignal) => Promise<number>;
}

/** Work under way, of which there is room for so much at once. */
class Slots {
  readonly #capacity: number;
  readonly #taken = new Set<Promise<void>>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get free(): number {
    return this.#capacity - this.#taken.size;
  }

  /** Takes a slot until `work`, which does not reject, has ended. */
  take(work: Promise<void>): void {
    const taken = work.finally(() => this.#taken.delete(taken));
    this.#taken.add(taken);
  }

  async empty(): Promise<void> {
    await Promise.all(this.#taken);
  }
}

/** The loop that turns due counters and pending crossings into sent notifications until it is stopped. */
export class DeliveryWorker implements Worker {
  readonly #shop: Workshop;
  readonly #options: z.infer<typeof workerSchema>;
  readonly #stopping = new AbortController();
  readonly #graceOver = new AbortController();
  // Apart from each other: a resolver that hangs must not hold up what is queued already.
  readonly #announcements = new Slots(announceLimit);
  readonly #campaigns = new Slots(campaignLimit);
  readonly #deliveries: Slots;
  readonly #heartbeat: Heartbeat;
  #loop: Promise<void> | undefined;
  #wake: () => void = () => {};
  #woken = false;
  #listening: Listening | undefined;
  readonly #wakeUps: Spaced;
  /** Others may have left counters due that have no code for them. */
  #sweepDueAtOnce = false;
  #lookAtOnce = false;

  constructor(shop: Workshop, options: WorkerOptions) {
    this.#shop = shop;
    // one listener per call under way is no leak
    setMaxListeners(0, this.#stopping.signal, this.#graceOver.signal);
    this.#options = parseInput(workerSchema, options, "invalid_options", "worker");
    const { concurrency, heartbeatInterval: beatsEvery } = this.#options;
    this.#deliveries = new Slots(concurrency);
    const about = { concurrency, beatsEvery, notifiers: shop.notifiers };
    this.#heartbeat = new Heartbeat({ ...shop, about, inFlight: () => concurrency - this.#deliveries.free });
    this.#wakeUps = spaced(wakeGap, () => {
      this.#sweepDueAtOnce = true;
      this.wake();
    });
  }

  async start(): Promise<void> {
    if (this.#loop !== undefined) return;
    if (!this.#stopping.signal.aborted) this.#listen();
    this.#loop = this.#run();
    this.#heartbeat.start();
  }

  async stop(options: StopOptions = {}): Promise<void> {
    const { grace } = parseInput(stopSchema, options, "invalid_options", "stop");
    this.#stopping.abort();
    this.wake();
    this.#wakeUps.cancel();
    const timer = setTimeout(() => this.#graceOver.abort(), grace);
    // a database that is away must not keep the process: what cannot be written by then, the reaper finds
    const late = new Promise<void>((resolve) => {
      this.#graceOver.signal.addEventListener("abort", () => setTimeout(resolve, writingTime).unref(), { once: true });
    });
    await Promise.race([Promise.all([this.#ended(), this.#listening?.close()]), late]);
    clearTimeout(timer);
  }

  async #ended(): Promise<void> {
    await this.#loop;
    await this.#announcements.empty();
    await this.#campaigns.empty();
    await this.#deliveries.empty();
    await this.#heartbeat.stop();
  }

  /** There may be work: looks at once instead of at the next poll. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** A transaction of the host may have left events: counts them at once instead of at the next poll. */
  wakeForInbox(): void {
    this.#lookAtOnce = true;
    this.wake();
  }

  /** Polling goes on as before: a wake-up may get lost, and is not sent for everything. */
  #listen(): void {
    const { store, emit } = this.#shop;
    if (!store.supports.wakeUps) return;
    this.#listening = store.listen({
      onWake: () => this.#wakeUps.call(),
      onOutage: (error) => emit("error", { where: "listen", error }),
    });
  }

  /** A lane has room again then: looks at once instead of at the next poll. */
  #wakeIn(milliseconds: number): void {
    if (milliseconds >= this.#options.pollInterval) return;
    setTimeout(() => this.wake(), milliseconds).unref();
  }

  async #run(): Promise<void> {
    let backoff = firstBackoff;
    let sweptAt = Number.NEGATIVE_INFINITY;
    let lookedAt = Number.NEGATIVE_INFINITY;
    let more = false;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#shop.ready();
        this.#woken = false;
        const now = this.#shop.runtime.monotonic();
        const { evaluator } = this.#shop;
        const sweepDue = this.#sweepDueAtOnce;
        this.#sweepDueAtOnce = false;
        if (now - sweptAt >= this.#options.sweepInterval) {
          await this.#apart(() => this.#sweep());
          sweptAt = now;
        } else if (sweepDue) await this.#apart(() => evaluator.sweep(sweepLimit));
        if (more || this.#lookAtOnce || now - lookedAt >= this.#options.pollInterval) {
          this.#lookAtOnce = false;
          more = (await this.#apart(() => this.#shop.upkeep()))?.more ?? false;
          await this.#apart(() => this.#startCampaigns());
          lookedAt = now;
        }
        const started = await this.#startWork();
        backoff = firstBackoff;
        if (started === 0 && !more && !this.#woken) await this.#pause(this.#options.pollInterval, () => true);
      } catch (error) {
        this.#shop.emit("error", { where: "worker", error });
        await this.#pause(backoff, () => this.#stopping.signal.aborted);
        backoff = Math.min(backoff * 2, longestBackoff);
      }
    }
  }

  /** What fails beside deliveries must not hold them up. */
  async #apart<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#shop.emit("error", { where: "worker", error });
      return undefined;
    }
  }

  async #sweep(): Promise<void> {
    const { store, evaluator, runtime, timing } = this.#shop;
    await this.#shop.refresh();
    await this.#shop.applyVersions(this.#stopping.signal);
    while ((await evaluator.sweep(sweepLimit)) >= sweepLimit && !this.#stopping.signal.aborted);
    while ((await reap(store, runtime, timing, sweepLimit)) >= sweepLimit && !this.#stopping.signal.aborted);
    await this.#shop.purge(this.#stopping.signal);
  }

  async #startCampaigns(): Promise<void> {
    await this.#shop.recurring.makeDue();
    const { free } = this.#campaigns;
    if (free === 0) return;
    const started = await this.#shop.campaigns.start(free, this.#stopping.signal);
    // what it leads to is found at once
    const ended = started.map((work) => work.finally(() => this.wakeForInbox()));
    this.#track(this.#campaigns, ended);
  }

  /** Starts what there is room for; answers how much that was. */
  async #startWork(): Promise<number> {
    const { announcer, deliverer } = this.#shop;
    const stop: Stop = { begun: this.#stopping.signal, over: this.#graceOver.signal };
    let started = 0;
    if (this.#announcements.free > 0) {
      const { crossings, notices } = await announcer.start(this.#announcements.free, stop.begun);
      started += this.#track(this.#announcements, [...crossings, ...notices]);
    }
    if (this.#deliveries.free > 0 && !stop.begun.aborted) {
      const opens = (milliseconds: number) => this.#wakeIn(milliseconds);
      started += this.#track(this.#deliveries, await deliverer.start(this.#deliveries.free, stop, opens));
    }
    return started;
  }

  #track(slots: Slots, started: readonly Promise<unknown>[]): number {
    for (const end of started) {
      const tracked = end
        .catch((error: unknown) => this.#shop.emit("error", { where: "worker", error }))
        .finally(() => this.wake());
      slots.take(tracked as Promise<void>);
    }
    return started.length;
  }

  /** Waits until the time is over or a wake-up comes that `ends` the wait; not at all once the worker stops. */
  async #pause(milliseconds: number, ends: () => boolean): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        if (!ends()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}

/** One pass for cron jobs and cloud functions: does all that can be done now, then returns; sooner once `stop` aborts. */
export async function runPass(shop: Workshop, concurrency: number, stop: AbortSignal): Promise<PassReport> {
  const { store, evaluator, announcer, campaigns, recurring, deliverer, runtime, timing } = shop;
  const never = new AbortController().signal;
  setMaxListeners(0, never);
  const crossings: Record<AnnounceEnd, number> = { announced: 0, unaddressed: 0, retry: 0, failed: 0, lost: 0 };
  const notices = { ...crossings };
  const notifications = Object.fromEntries(
    ["sent", "pending", "failed", "ambiguous", "unknown", "expired", "cancelled", "suppressed", "lost"].map((s) => [
      s,
      0,
    ]),
  ) as Record<DeliveryEnd, number>;
  let drained = 0;
  let refused = 0;
  let adopted = 0;
  let evaluated = 0;
  let kept = 0;

  await shop.ready();
  await shop.refresh();
  for (let more = true; more && !stop.aborted; ) {
    const done = await shop.upkeep();
    drained += done.drained;
    refused += done.refused;
    adopted += done.adopted;
    more = done.more;
  }
  await shop.applyVersions(stop);
  while ((await reap(store, runtime, timing, sweepLimit)) >= sweepLimit && !stop.aborted);
  const purged = await shop.purge(stop);
  for (let moved = true; moved; ) {
    const swept = await evaluator.sweep(sweepLimit);
    const recurred = await recurring.makeDue();
    const worked = await Promise.all(await campaigns.start(campaignLimit, stop));
    const started = await announcer.start(announceLimit, never);
    const announced = await Promise.all(started.crossings);
    const noticed = await Promise.all(started.notices);
    const ended = await Promise.all(await deliverer.start(concurrency, { begun: never, over: never }));
    evaluated += swept;
    kept += worked.length;
    for (const end of announced) crossings[end]++;
    for (const end of noticed) notices[end]++;
    for (const end of ended) notifications[end]++;
    moved =
      !stop.aborted &&
      (swept > 0 || recurred + worked.length > 0 || announced.length + noticed.length > 0 || ended.length > 0);
  }
  return { drained, refused, adopted, purged, evaluated, crossings, notices, campaigns: kept, notifications };
}
