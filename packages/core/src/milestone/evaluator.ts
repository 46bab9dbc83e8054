import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, DueCounter, IdleCounter } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import type { NewCrossing } from "./crossing.js";
import { bandsSince } from "./definition.js";
import { type FoldedCounter, fold } from "./fold.js";
import type { Registry } from "./registry.js";

/** Counters read and committed at once, and trail rows read of each. */
const counterLimit = 500;
const trailLimit = 1_000;
/** Idle counters looked at in one step of an adoption: some 15 ms, in which better-sqlite3 blocks the process. */
const adoptLimit = 250;
/** How often one call tries again after losing to another evaluator, before it leaves the rest to the sweep. */
const maxRounds = 20;
/** Milliseconds. */
const restAfterFailure = 60_000;

/** A counter with the definition it is to be evaluated by, as it was known before the counter was read. */
interface Due extends DueCounter {
  readonly definition: InstalledDefinition;
  /** Whether its trail was read to its end. */
  readonly complete: boolean;
  committed: boolean;
  failed: boolean;
}

/** Where the adoption of a metric's idle counters stands in this process. */
interface Adoption {
  readonly generation: number;
  readonly after: CounterKey | undefined;
  readonly counters: number;
  /** A counter was passed over, because its policy failed: the adoption has to come again. */
  readonly failed: boolean;
}

/** Turns the trails of due counters into crossings: reads, folds outside any transaction, commits `WHERE folded = from`. */
export class Evaluator {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #emit: Emit;
  /** Counters whose policy failed, and until when the sweep passes them over. */
  readonly #resting = new Map<string, number>();
  readonly #adoptions = new Map<string, Adoption>();

  constructor(store: Store, registry: Registry, runtime: Runtime, emit: Emit) {
    this.#store = store;
    this.#registry = registry;
    this.#runtime = runtime;
    this.#emit = emit;
  }

  /** Evaluates these counters until none of them is due, whoever did it. */
  async evaluate(keys: readonly CounterKey[]): Promise<void> {
    for (let start = 0; start < keys.length; start += counterLimit) {
      let open: readonly CounterKey[] = keys.slice(start, start + counterLimit);
      for (let round = 0; round < maxRounds && open.length > 0; round++) {
        const due = await this.#due(open);
        await this.#commit(due);
        // what was committed in full is done; the rest was lost to another evaluator, or has more trail than one read
        open = due.filter((counter) => !counter.failed && (!counter.complete || !counter.committed));
      }
    }
  }

  /**
   * Evaluates counters that were left due, those that waited longest first; answers how many. Those whose policy failed
   * are left alone for a while, or they would be the oldest for ever and hide the others.
   */
  async sweep(limit: number): Promise<number> {
    const now = this.#runtime.monotonic();
    for (const [key, until] of this.#resting) if (until <= now) this.#resting.delete(key);
    const due = await this.#due(undefined, limit + this.#resting.size);
    const open = due.filter((counter) => !this.#resting.has(counterKeyText(counter))).slice(0, limit);
    await this.#commit(open);
    return open.filter((counter) => counter.committed).length;
  }

  /**
   * Lets one chunk of counters in their quiet band meet milestones that were installed while they ran; answers how many
   * met them, and whether there may be more. Each chunk is a short step, so recording goes on beside it.
   */
  async adopt(): Promise<{ readonly adopted: number; readonly more: boolean }> {
    const open = [...this.#registry.evaluated.values()].find(({ metric, generation, adopted }) => {
      return adopted < generation && !this.#resting.has(metric);
    });
    if (open === undefined) return { adopted: 0, more: false };
    const { metric, generation } = open;
    const begun = this.#adoptions.get(metric);
    const adoption: Adoption =
      begun?.generation === generation ? begun : { generation, after: undefined, counters: 0, failed: false };
    const { after } = adoption;
    const chunk = { metric, generation: bandsSince(open), limit: adoptLimit, ...(after && { after }) };
    const { counters, next } = await this.#store.counters.idle(chunk);
    const due = counters.map((counter): Due & IdleCounter => {
      return { ...counter, trail: [], definition: open, complete: true, committed: false, failed: false };
    });
    await this.#commit(due);
    const adopted = due.filter(({ committed }) => committed).length;
    const sum = adoption.counters + adopted;
    const failed = adoption.failed || due.some((counter) => counter.failed);
    if (counters.length > 0 || (next === null && sum > 0)) {
      this.#emit("adopted", { metric, counters: sum, done: next === null && !failed });
    }
    if (next !== null) {
      this.#adoptions.set(metric, { generation, after: next, counters: sum, failed });
      return { adopted, more: true };
    }
    this.#adoptions.delete(metric);
    if (failed) this.#resting.set(metric, this.#runtime.monotonic() + restAfterFailure);
    else await this.#store.definitions.adopted({ metric, generation });
    await this.#registry.refresh();
    return { adopted, more: true };
  }

  async #due(keys?: readonly CounterKey[], limit: number = counterLimit): Promise<Due[]> {
    const { evaluated } = this.#registry;
    const due = await this.#store.counters.due({
      metrics: [...evaluated.keys()],
      limit,
      // one more than is taken: how else to know whether it was the last
      trailLimit: trailLimit + 1,
      ...(keys !== undefined && { keys }),
    });
    return due.map((counter) => {
      const trail = counter.trail.slice(0, trailLimit);
      const complete = trail.length === counter.trail.length;
      const definition = evaluated.get(counter.metric)!;
      return { ...counter, trail, complete, definition, committed: false, failed: false };
    });
  }

  async #commit(due: readonly (Due & Partial<IdleCounter>)[]): Promise<void> {
    if (due.length === 0) return;
    const folded = due.flatMap((counter) => this.#fold(counter) ?? []);
    if (folded.length === 0) return;
    const evaluations = folded.map(({ evaluation }) => evaluation);
    const results = await this.#store.crossings.commitEvaluation({ evaluations, ...storeNow(this.#runtime) });
    const told: NewCrossing[] = [];
    results.forEach((result, i) => {
      if (result === "lost") return;
      folded[i]!.counter.committed = true;
      told.push(...evaluations[i]!.crossings.filter(({ state }) => state !== "adopted"));
    });
    for (const crossing of await this.#stored(told)) this.#emit("crossing", crossing);
    // to another evaluator, or because another deployment changed the definition
    if (results.includes("lost")) await this.#registry.refresh();
  }

  /**
   * Those that were stored: a milestone that was edited or came back may pass a level again whose crossing exists, and a
   * store keeps the first. Others cannot, and are not looked up.
   */
  async #stored(crossings: readonly NewCrossing[]): Promise<readonly NewCrossing[]> {
    const stored: NewCrossing[] = [];
    for (const crossing of crossings) {
      const { metric, milestone } = crossing;
      const installed = this.#registry.evaluated.get(metric)?.milestones.find(({ name }) => name === milestone);
      if ((installed?.changed ?? 1) === 1 || (await this.#isStored(crossing))) stored.push(crossing);
    }
    return stored;
  }

  async #isStored({ tenant, subject, milestone, eventId, metric, id }: NewCrossing): Promise<boolean> {
    const limit = 1_000;
    const about = { tenant, subject, milestone, metric, eventIds: [eventId], limit };
    for (let after: string | undefined; ; ) {
      const page = await this.#store.crossings.list({ ...about, ...(after !== undefined && { after }) });
      if (page.some((crossing) => crossing.id === id)) return true;
      if (page.length < limit) return false;
      after = page.at(-1)!.id;
    }
  }

  /** A counter whose policy fails stays due and is told of; it holds up no other. */
  #fold(
    counter: Due & Partial<IdleCounter>,
  ): { readonly counter: Due; readonly evaluation: CounterEvaluation } | undefined {
    try {
      return { counter, evaluation: this.#evaluation(counter) };
    } catch (error) {
      this.#emit("error", { where: "evaluate", error });
      counter.failed = true;
      this.#resting.set(counterKeyText(counter), this.#runtime.monotonic() + restAfterFailure);
      return undefined;
    }
  }

  #evaluation(counter: Due & Partial<IdleCounter>): CounterEvaluation {
    const { tenant, metric, subject, period, folded, definition, trail, rev } = counter;
    const { generation } = definition;
    const key = { tenant, metric, subject, period };
    const milestones = definition.milestones
      .filter(({ birth }) => birth.period === period)
      .map(({ name, added, changed }) => {
        const { policy, announcement, onAdopt } = this.#registry.milestone(name)!;
        const speaks = announcement !== undefined;
        return { name, policy, speaks, added, changed, tellsAdopted: onAdopt === "notify" };
      });
    const read: FoldedCounter = {
      state: counter.state,
      generation: counter.generation,
      value: counter.value ?? 0,
      trail,
      complete: counter.complete,
    };
    const context = { generation, newId: this.#runtime.id, now: this.#runtime.now ?? (() => new Date()) };
    const { band, state, reached, crossings } = fold(key, milestones, read, context);
    const upTo = trail.at(-1)?.rev ?? rev ?? folded;
    const idle = rev === undefined ? {} : { rev };
    return { ...key, generation, reached, from: folded, upTo, ...idle, band, state: { ...state }, crossings };
  }
}
