import { describeError, MilepostError } from "../errors.js";
import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, IdleCounter, TrailRow } from "../store/counter-repository.js";
import type { CounterEvaluation, EffectFailure, EvaluationResult } from "../store/crossing-repository.js";
import type { InstalledMilestone } from "../store/definition-repository.js";
import type { ParkReason } from "../store/parking-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import type { Arming } from "./arming.js";
import { type EvaluationInput, evaluationOf, type ReadCounter } from "./counter-evaluation.js";
import type { NewCrossing } from "./crossing.js";
import { crossingPages } from "./crossing-pages.js";
import { bandsSince } from "./definition.js";
import { earlierToTell } from "./earlier-periods.js";
import { beginsWithoutLimit } from "./limit-at-first.js";
import { type Measures, measuresOf } from "./measures.js";
import type { Milestone } from "./milestone.js";
import { periodOf, spanOf } from "./period.js";
import type { Registry } from "./registry.js";
import { SaidTimes } from "./said-times.js";

/** Counters read and committed at once, and trail rows read of each. */
const counterLimit = 500;
const trailLimit = 1_000;
/** Idle counters looked at in one step of an adoption: some 15 ms, in which better-sqlite3 blocks the process. */
const adoptLimit = 250;
/** How often one call tries again after losing to another evaluator, before it leaves the rest to the sweep. */
const maxRounds = 20;
/** Milliseconds. */
const restAfterFailure = 60_000;
const restWhileWaiting = 5_000;
/** A counter that fails is tried again after a second, then after twice as long each time, up to ten minutes. */
const firstRetry = 1_000;
const longestRetry = 600_000;
/** A counter with the definition it is to be evaluated by, as it was known before the counter was read. */
interface Due extends ReadCounter {
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
   * Wakes counters whose time has come, and evaluates those that were left due, which waited longest first; answers how
   * many, and `limit` or more where there may be others. Those that wait for something are left alone for a while, or they
   * would be the oldest for ever and hide the others.
   */
  async sweep(limit: number): Promise<number> {
    const now = this.#runtime.monotonic();
    for (const [key, until] of this.#resting) if (until <= now) this.#resting.delete(key);
    let evaluated = 0;
    // behind those that rest from now on there may be others, and by the next sweep they rest no longer
    for (let failed = true; failed && evaluated < limit; ) {
      const metrics = [...this.#registry.evaluated.keys()];
      await this.#store.counters.wake({ metrics, limit, ...storeNow(this.#runtime) });
      const due = await this.#due(undefined, limit + this.#resting.size);
      const open = due.filter((counter) => !this.#resting.has(counterKeyText(counter))).slice(0, limit);
      await this.#commit(open);
      const committed = open.filter((counter) => counter.committed);
      // left to the next sweep, a trail might grow faster than it is taken in
      await this.evaluate(committed.filter((counter) => !counter.complete));
      evaluated += committed.length;
      failed = open.some((counter) => counter.failed);
    }
    return evaluated;
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
      ...storeNow(this.#runtime),
    });
    return due.map((counter) => {
      const trail = counter.trail.slice(0, trailLimit);
      const complete = trail.length === counter.trail.length;
      const definition = evaluated.get(counter.metric)!;
      return { ...counter, trail, complete, definition, committed: false, failed: false };
    });
  }

  async #commit(due: readonly (Due & Partial<IdleCounter>)[]): Promise<void> {
    const open: typeof due = await this.#inTurn(due);
    if (open.length === 0) return;
    const folded: { readonly counter: Due; readonly evaluation: CounterEvaluation }[] = [];
    const counters = open.map((counter) => ({ counter, milestones: this.#milestonesOf(counter) }));
    const measures = await measuresOf(this.#store, counters);
    const said = new SaidTimes(this.#store);
    for (const { counter, milestones } of counters) {
      const measured = measures.get(counter)!;
      const later = await this.#later(counter, measured);
      await said.read(counter, milestones);
      const evaluation = await this.#fold(counter, { milestones, said, measures: measured, later });
      if (evaluation === undefined) continue;
      folded.push({ counter, evaluation });
      said.add(evaluation.crossings);
    }
    if (folded.length === 0) return;
    const results = await this.#results(folded.map(({ evaluation }) => evaluation));
    const told: NewCrossing[] = [];
    for (const [i, result] of results.entries()) {
      const { counter, evaluation } = folded[i]!;
      if (result === "committed") {
        counter.committed = true;
        // what it waited for has come
        this.#resting.delete(counterKeyText(counter));
        // one by one: a dense policy may have passed more levels than a call takes arguments
        for (const crossing of evaluation.crossings) if (crossing.state !== "adopted") told.push(crossing);
      } else if (result !== "lost") {
        await this.#park(counter, "effect_failed", failureOf(result, evaluation));
      }
    }
    for (const crossing of await this.#stored(told)) this.#emit("crossing", crossing);
    // to another evaluator, or because another deployment changed the definition
    if (results.includes("lost")) await this.#registry.refresh();
  }

  /**
   * What became of each. An effect may make the whole step fail, as one does that loses its connection each time: then one
   * after the other, so that it holds up no other. Where the store itself is away or busy, this throws, or parking does.
   */
  async #results(evaluations: readonly CounterEvaluation[]): Promise<readonly EvaluationResult[]> {
    try {
      return await this.#store.crossings.commitEvaluation({ evaluations, ...storeNow(this.#runtime) });
    } catch (error) {
      const isBusy = MilepostError.is(error) && error.code === "store_busy";
      if (isBusy || evaluations.every(({ effects = [] }) => effects.length === 0)) throw error;
      // which of its statements it was is not known
      if (evaluations.length === 1) return [{ failed: evaluations[0]!.effects!.length, error }];
      const results: EvaluationResult[] = [];
      for (const evaluation of evaluations) results.push(...(await this.#results([evaluation])));
      return results;
    }
  }

  /**
   * Without those that have to wait for an earlier period of their subject, whose end is to be told of first: what the
   * end of June does to the host's tables must not undo what July has done.
   */
  async #inTurn<Counter extends Due>(due: readonly Counter[]): Promise<readonly Counter[]> {
    const open: Counter[] = [];
    for (const counter of due) {
      const ending = this.#milestonesOf(counter).flatMap(({ name, onPeriodEnd }) => (onPeriodEnd ? [name] : []));
      const isFirstLook = ending.some((name) => !Object.hasOwn(counter.state, name));
      if (isFirstLook && (await this.#hasToWait(counter, ending))) this.#rest(counter);
      else open.push(counter);
    }
    return open;
  }

  /** Has the ends of earlier periods told of as far as that can be; answers whether one of them is still to come. */
  async #hasToWait(counter: Due, ending: readonly string[]): Promise<boolean> {
    const { tenant, subject, metric, period } = counter;
    const about = { metrics: [metric], subject: { tenant, subject }, at: new Date(spanOf(period).start) };
    await this.evaluate(await this.#store.counters.wake({ ...about, limit: counterLimit, ...storeNow(this.#runtime) }));
    const toTell = () => earlierToTell(this.#store, counter, ending, this.#runtime.now?.() ?? new Date());
    const earlier = await toTell();
    if (earlier.length === 0) return false;
    await this.evaluate(earlier);
    return (await toTell()).length > 0;
  }

  /** Waits in this process; the sweep looks at it now and then. */
  #rest(counter: Due): void {
    counter.failed = true;
    this.#resting.set(counterKeyText(counter), this.#runtime.monotonic() + restWhileWaiting);
  }

  /** A counter that cannot be evaluated stays due and is told of; it holds up no other. */
  async #park(counter: Due & Partial<IdleCounter>, reason: ParkReason, error: unknown): Promise<void> {
    this.#emit("error", { where: "evaluate", error });
    counter.failed = true;
    // one in its band has no trail, and is met again by the adoption
    if (counter.trail.length === 0) return;
    const { tenant, metric, subject, period, folded: from, parked } = counter;
    const retryIn = Math.min(firstRetry * 2 ** Math.min(parked?.attempts ?? 0, 20), longestRetry);
    const parking = { tenant, metric, subject, period, from, reason, detail: describeError(error), retryIn };
    await this.#store.parking.park({ ...parking, ...storeNow(this.#runtime) });
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
    const caused = { tenant, subject, milestone, metric, eventIds: [eventId] };
    for await (const page of crossingPages(this.#store, caused)) {
      if (page.some((crossing) => crossing.id === id)) return true;
    }
    return false;
  }

  #milestonesOf({ definition, period }: Due): readonly (Milestone & InstalledMilestone)[] {
    return definition.milestones
      .filter(({ birth }) => birth.period === periodOf(period))
      .map((installed) => ({ ...this.#registry.milestone(installed.name)!, ...installed }));
  }

  /**
   * The rest of a counter's trail, where what it begins with shows only in what that does not tell of. Read after what it is
   * measured against: a version that was applied meanwhile, or that lies beyond the trail's first part, must not be taken
   * for one that was in force before. Of one limit alone there is no doubt.
   */
  async #later(counter: Due & Partial<IdleCounter>, { limits, levels }: Measures): Promise<readonly TrailRow[]> {
    // an idle one is committed only if nothing was appended to its trail
    if (counter.rev !== undefined) return [];
    const milestones = this.#milestonesOf(counter);
    const unmeasured = ({ name, changed }: InstalledMilestone) =>
      changed > counter.generation || (counter.state[name] as Arming | undefined)?.levels === undefined;
    const byLevels = milestones.some((each) => (levels.get(each.name)?.length ?? 0) > 0 && unmeasured(each));
    const byLimit = limits.length > 1 && beginsWithoutLimit(milestones, counter);
    if (!byLevels && !byLimit) return [];
    const whole = { metrics: [counter.metric], keys: [counter], limit: 1, trailLimit: Number.MAX_SAFE_INTEGER };
    const [read] = await this.#store.counters.due({ ...whole, ...storeNow(this.#runtime) });
    const upTo = counter.trail.at(-1)!.rev;
    return read?.trail.filter(({ rev }) => rev > upTo) ?? [];
  }

  /** Undefined for a counter that has to wait, or that its policy or its effect fails for. */
  async #fold(counter: Due & Partial<IdleCounter>, input: EvaluationInput): Promise<CounterEvaluation | undefined> {
    try {
      const evaluation = evaluationOf(counter, input, this.#runtime);
      // it waits for a limit, which will make it due again
      if (evaluation === undefined) this.#rest(counter);
      return evaluation;
    } catch (error) {
      const isEffect = MilepostError.is(error) && error.code === "effect_failed";
      await this.#park(counter, isEffect ? "effect_failed" : "policy_failed", error);
      return undefined;
    }
  }
}

/** What a host is told of a statement that failed; its text without the values. */
function failureOf({ failed, error }: EffectFailure, { effects = [] }: CounterEvaluation): MilepostError {
  const text = effects[failed]?.statement.texts.join("?").replace(/\s+/g, " ").slice(0, 100);
  return new MilepostError("effect_failed", `effect: ${describeError(error)}${text ? `, in ${text}` : ""}`, {
    path: "effect",
    cause: error,
  });
}
