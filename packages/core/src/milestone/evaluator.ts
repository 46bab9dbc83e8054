import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { CounterKey, DueCounter, IdleCounter } from "../store/counter-repository.js";
import type { CounterEvaluation } from "../store/crossing-repository.js";
import type { InstalledDefinition, InstalledMilestone } from "../store/definition-repository.js";
import type { LimitSubject } from "../store/limit-repository.js";
import type { Store } from "../store/store.js";
import { counterKeyText } from "../store/tally.js";
import { storeNow } from "../store-clock.js";
import type { CrossingState, NewCrossing } from "./crossing.js";
import { crossingPages } from "./crossing-pages.js";
import { bandsSince } from "./definition.js";
import { type AppliedLimit, beginsWithoutLimit, type FoldedCounter, type FoldedMilestone, fold } from "./fold.js";
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

/** The applied versions of a counter's limit, and those of them that its trail tells of beyond the part that was read. */
type KnownLimits = Pick<FoldedCounter, "limits" | "toldLater">;

/** When crossings were said, by milestone and subject: with those found in the step under way. */
type SaidTimes = Map<string, Date[]>;

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
   * Evaluates counters that were left due, those that waited longest first; answers how many, and `limit` or more where
   * there may be others. Those whose policy failed or waits for a limit are left alone for a while, or they would be the
   * oldest for ever and hide the others.
   */
  async sweep(limit: number): Promise<number> {
    const now = this.#runtime.monotonic();
    for (const [key, until] of this.#resting) if (until <= now) this.#resting.delete(key);
    let evaluated = 0;
    // behind those that rest from now on there may be others, and by the next sweep they rest no longer
    for (let failed = true; failed && evaluated < limit; ) {
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
    const said: SaidTimes = new Map();
    for (const counter of due) {
      await this.#readSaid(counter, said);
      const known = await this.#known(counter, limits.get(subjectKey(counter)));
      const evaluated = this.#fold(counter, said, known);
      folded.push(...evaluated);
      // of another period of this subject, in the same step
      for (const { evaluation } of evaluated) {
        for (const crossing of evaluation.crossings) {
          if (crossing.state === "pending") said.get(saidKey(crossing))?.push(crossing.reachedAt);
        }
      }
    }
    if (folded.length === 0) return;
    const evaluations = folded.map(({ evaluation }) => evaluation);
    const results = await this.#store.crossings.commitEvaluation({ evaluations, ...storeNow(this.#runtime) });
    const told: NewCrossing[] = [];
    results.forEach((result, i) => {
      if (result === "lost") return;
      folded[i]!.counter.committed = true;
      // one by one: a dense policy may have passed more levels than a call takes arguments
      for (const crossing of evaluations[i]!.crossings) if (crossing.state !== "adopted") told.push(crossing);
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

  /**
   * Read after the limits: a version that was applied meanwhile, or that lies beyond the trail's first part, must not be
   * taken for one that was in force before. Of one version alone there is no doubt.
   */
  async #known(
    counter: Due & Partial<IdleCounter>,
    limits: readonly AppliedLimit[] | undefined,
  ): Promise<KnownLimits | undefined> {
    if (limits === undefined) return undefined;
    // an idle one is committed only if nothing was appended to its trail
    const sure = limits.length < 2 || counter.rev !== undefined;
    if (sure || !beginsWithoutLimit(this.#milestonesOf(counter), counter)) return { limits };
    const whole = { metrics: [counter.metric], keys: [counter], limit: 1, trailLimit: Number.MAX_SAFE_INTEGER };
    const [read] = await this.#store.counters.due(whole);
    const upTo = counter.trail.at(-1)!.rev;
    const later = read?.trail.filter(({ rev }) => rev > upTo) ?? [];
    return { limits, toldLater: later.flatMap(({ limitVersion }) => limitVersion ?? []) };
  }

  #milestonesOf({ definition, period }: Due): readonly (Milestone & InstalledMilestone)[] {
    return definition.milestones
      .filter(({ birth }) => birth.period === periodOf(period))
      .map((installed) => ({ ...this.#registry.milestone(installed.name)!, ...installed }));
  }

  /** When a counter's milestones with a `minInterval` were said, in any period. A lifetime's counter knows by itself. */
  async #readSaid(counter: Due, saidTimes: SaidTimes): Promise<void> {
    const { tenant, subject, period } = counter;
    if (period === lifetime) return;
    for (const { name, minInterval } of this.#milestonesOf(counter)) {
      const said = { tenant, subject, milestone: name };
      if (minInterval === 0 || saidTimes.has(saidKey(said))) continue;
      const times: Date[] = [];
      for await (const page of crossingPages(this.#store, { ...said, states: saidStates })) {
        times.push(...page.map(({ reachedAt }) => reachedAt));
      }
      saidTimes.set(saidKey(said), times);
    }
  }

  /** A counter whose policy fails stays due and is told of; it holds up no other. */
  #fold(
    counter: Due & Partial<IdleCounter>,
    said: SaidTimes,
    known: KnownLimits | undefined,
  ): readonly { readonly counter: Due; readonly evaluation: CounterEvaluation }[] {
    try {
      const evaluation = this.#evaluation(counter, said, known);
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
    saidTimes: SaidTimes,
    known: KnownLimits | undefined,
  ): CounterEvaluation | undefined {
    const { tenant, metric, subject, period, folded, definition, trail, rev, state, complete } = counter;
    const key = { tenant, metric, subject, period };
    const now = this.#runtime.now ?? (() => new Date());
    const { end } = spanOf(period);
    const milestones = this.#milestonesOf(counter).map((milestone): FoldedMilestone => {
      const told = now().getTime() < end + milestone.grace ? "pending" : "expired";
      const said = milestone.announcement === undefined ? "silent" : told;
      const saidAt = saidTimes.get(saidKey({ tenant, subject, milestone: milestone.name }));
      return { ...milestone, said, ...(saidAt && { saidAt }) };
    });
    const { generation } = definition;
    const read = { state, generation: counter.generation, value: counter.value ?? 0, trail, complete };
    const found = fold(
      key,
      milestones,
      { ...read, ...(known ?? { limits: [] }) },
      { generation, end, newId: this.#runtime.id, now },
    );
    if (found === undefined) return undefined;
    return {
      ...{ ...key, generation, reached: found.reached, from: folded, upTo: trail.at(-1)?.rev ?? rev ?? folded },
      ...(rev !== undefined && { rev }),
      ...(known !== undefined && { limitsSeen: known.limits.length }),
      ...{ band: found.band, state: { ...found.state }, crossings: found.crossings },
    };
  }
}

function saidKey({ tenant, subject, milestone }: Pick<NewCrossing, "tenant" | "subject" | "milestone">): string {
  return `${tenant}\0${subject}\0${milestone}`;
}

function subjectKey({ tenant, metric, subject }: LimitSubject): string {
  return `${tenant}\0${metric}\0${subject}`;
}
