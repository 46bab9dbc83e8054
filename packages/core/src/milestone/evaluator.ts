import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, DueCounter, IdleCounter } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { InstalledDefinition, InstalledMilestone } from "../store/definition-repository.js";
import type { LimitSubject } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import type { Arming } from "./arming.js";
import type { CrossingState, NewCrossing } from "./crossing.js";
import { crossingPages } from "./crossing-pages.js";
import { bandsSince } from "./definition.js";
import { type AppliedLimit, type FoldedMilestone, fold } from "./fold.js";
import type { Milestone } from "./milestone.js";
import { lifetime, periodOf, spanOf } from "./period.js";
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
const restWithoutLimit = 5_000;
/** Those of crossings that somebody was told of, or was to be. */
const saidStates: readonly CrossingState[] = ["pending", "leased", "announced", "unaddressed", "failed"];

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
    const folded: { readonly counter: Due; readonly evaluation: CounterEvaluation }[] = [];
    const limits = await this.#limits(due);
    for (const counter of due) {
      const lastSaid = await this.#lastSaid(counter);
      folded.push(...this.#fold(counter, lastSaid, limits.get(subjectKey(counter))));
    }
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
    const caused = { tenant, subject, milestone, metric, eventIds: [eventId] };
    for await (const page of crossingPages(this.#store, caused)) {
      if (page.some((crossing) => crossing.id === id)) return true;
    }
    return false;
  }

  /** The applied limits of those subjects of whose counters a policy needs one. */
  async #limits(due: readonly Due[]): Promise<ReadonlyMap<string, readonly AppliedLimit[]>> {
    const limits = new Map<string, AppliedLimit[]>();
    const subjects: LimitSubject[] = [];
    for (const counter of due) {
      const needed = this.#milestonesOf(counter).some(({ policy }) => policy.needs?.includes("limit"));
      if (!needed || limits.has(subjectKey(counter))) continue;
      limits.set(subjectKey(counter), []);
      const { tenant, metric, subject } = counter;
      subjects.push({ tenant, metric, subject });
    }
    if (subjects.length === 0) return limits;
    for (const limit of await this.#store.limits.of({ subjects })) {
      if (limit.applied) limits.get(subjectKey(limit))!.push(limit);
    }
    return limits;
  }

  #milestonesOf({ definition, period }: Due): readonly (Milestone & InstalledMilestone)[] {
    return definition.milestones
      .filter(({ birth }) => birth.period === periodOf(period))
      .map((installed) => ({ ...this.#registry.milestone(installed.name)!, ...installed }));
  }

  /**
   * When milestones with a `minInterval` were said last in another period of the subject. A counter that said something
   * itself knows.
   */
  async #lastSaid({ tenant, subject, period, state, definition }: Due): Promise<ReadonlyMap<string, Date>> {
    const lastSaid = new Map<string, Date>();
    if (period === lifetime) return lastSaid;
    for (const { name } of definition.milestones) {
      const known = (state[name] as Arming | undefined)?.said !== undefined;
      if (known || this.#registry.milestone(name)!.minInterval === 0) continue;
      const said = { tenant, subject, milestone: name, states: saidStates };
      for await (const page of crossingPages(this.#store, said)) {
        for (const { reachedAt } of page) if (reachedAt > (lastSaid.get(name) ?? 0)) lastSaid.set(name, reachedAt);
      }
    }
    return lastSaid;
  }

  /** A counter whose policy fails stays due and is told of; it holds up no other. */
  #fold(
    counter: Due & Partial<IdleCounter>,
    lastSaid: ReadonlyMap<string, Date>,
    limits: readonly AppliedLimit[] | undefined,
  ): readonly { readonly counter: Due; readonly evaluation: CounterEvaluation }[] {
    try {
      const evaluation = this.#evaluation(counter, lastSaid, limits);
      if (evaluation !== undefined) return [{ counter, evaluation }];
      // it waits for a limit, which will make it due again; the sweep looks at it now and then
      counter.failed = true;
      this.#resting.set(counterKeyText(counter), this.#runtime.monotonic() + restWithoutLimit);
      return [];
    } catch (error) {
      this.#emit("error", { where: "evaluate", error });
      counter.failed = true;
      this.#resting.set(counterKeyText(counter), this.#runtime.monotonic() + restAfterFailure);
      return [];
    }
  }

  #evaluation(
    counter: Due & Partial<IdleCounter>,
    lastSaid: ReadonlyMap<string, Date>,
    limits: readonly AppliedLimit[] | undefined,
  ): CounterEvaluation | undefined {
    const { tenant, metric, subject, period, folded, definition, trail, rev, state, complete } = counter;
    const key = { tenant, metric, subject, period };
    const now = this.#runtime.now ?? (() => new Date());
    const { end } = spanOf(period);
    const milestones = this.#milestonesOf(counter).map((milestone): FoldedMilestone => {
      const told = now().getTime() < end + milestone.grace ? "pending" : "expired";
      const said = milestone.announcement === undefined ? "silent" : told;
      const before = lastSaid.get(milestone.name);
      return { ...milestone, said, ...(before && { lastSaid: before }) };
    });
    const { generation } = definition;
    const read = { state, generation: counter.generation, value: counter.value ?? 0, trail, complete };
    const found = fold(
      key,
      milestones,
      { ...read, limits: limits ?? [] },
      { generation, end, newId: this.#runtime.id, now },
    );
    if (found === undefined) return undefined;
    const last = trail.findLast(({ ids }) => ids.length > 0);
    return {
      ...{ ...key, generation, reached: found.reached, from: folded, upTo: trail.at(-1)?.rev ?? rev ?? folded },
      ...(rev !== undefined && { rev }),
      ...(last && { witness: { rev: last.rev, id: last.ids.at(-1)! } }),
      ...(limits !== undefined && { limitsSeen: limits.length }),
      ...{ band: found.band, state: { ...found.state }, crossings: found.crossings },
    };
  }
}

function subjectKey({ tenant, metric, subject }: LimitSubject): string {
  return `${tenant}\0${metric}\0${subject}`;
}
