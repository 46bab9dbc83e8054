import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, DueCounter } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import { fold } from "./fold.js";
import type { Registry } from "./registry.js";

/** Counters read and committed at once, and trail rows read of each. */
const counterLimit = 500;
const trailLimit = 1_000;
/** How often one call tries again after losing to another evaluator, before it leaves the rest to the sweep. */
const maxRounds = 20;
/** Milliseconds. */
const restAfterFailure = 60_000;

interface Due extends DueCounter {
  committed: boolean;
  failed: boolean;
}

/** Turns the trails of due counters into crossings: reads, folds outside any transaction, commits `WHERE folded = from`. */
export class Evaluator {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #emit: Emit;
  /** Counters whose policy failed, and until when the sweep passes them over. */
  readonly #resting = new Map<string, number>();

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
        open = due.filter((counter) => !counter.failed && (counter.trail.length === trailLimit || !counter.committed));
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

  async #due(keys?: readonly CounterKey[], limit: number = counterLimit): Promise<Due[]> {
    const due = await this.#store.counters.due({
      metrics: this.#registry.metrics,
      limit,
      trailLimit,
      ...(keys !== undefined && { keys }),
    });
    return due.map((counter) => ({ ...counter, committed: false, failed: false }));
  }

  async #commit(due: readonly Due[]): Promise<void> {
    if (due.length === 0) return;
    const folded = due.flatMap((counter) => this.#fold(counter) ?? []);
    if (folded.length === 0) return;
    const evaluations = folded.map(({ evaluation }) => evaluation);
    const results = await this.#store.crossings.commitEvaluation({ evaluations, ...storeNow(this.#runtime) });
    results.forEach((result, i) => {
      if (result === "lost") return;
      folded[i]!.counter.committed = true;
      for (const crossing of evaluations[i]!.crossings) this.#emit("crossing", crossing);
    });
  }

  /** A counter whose policy fails stays due and is told of; it holds up no other. */
  #fold(counter: Due): { readonly counter: Due; readonly evaluation: CounterEvaluation } | undefined {
    try {
      return { counter, evaluation: this.#evaluation(counter) };
    } catch (error) {
      this.#emit("error", { where: "evaluate", error });
      counter.failed = true;
      this.#resting.set(counterKeyText(counter), this.#runtime.monotonic() + restAfterFailure);
      return undefined;
    }
  }

  #evaluation(counter: DueCounter): CounterEvaluation {
    const { tenant, metric, subject, period, folded } = counter;
    const key = { tenant, metric, subject, period };
    const milestones = this.#registry
      .of(metric)
      .filter((milestone) => milestone.period === period)
      .map(({ name, policy, announcement }) => ({ name, policy, speaks: announcement !== undefined }));
    const { upTo, band, state, crossings } = fold(key, milestones, counter, this.#runtime.id);
    const { generation } = this.#registry.installed(metric);
    return { ...key, generation, from: folded, upTo, band, state: { ...state }, crossings };
  }
}
