import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrailMark, TrailRow } from "../store/counter-repository.js";
import type { Band } from "../store/definition-repository.js";
import type { FoldedMilestone } from "./course.js";
import { fold } from "./fold.js";
import { thresholdsOf } from "./policies/thresholds-of.js";
import { type AppliedLevels, levelsAtFirst, levelsInForce } from "./stored-levels.js";

const key = { tenant: "default", metric: "m", subject: "acme", period: "lifetime" };
interface Spec {
  readonly at: number;
  readonly rearmAt?: number;
}
const usual: readonly Spec[] = [{ at: 10 }, { at: 40, rearmAt: 25 }];

/** Levels that keep their name keep where they arm again: who changes that edits the level. */
const spec = fc
  .integer({ min: 1, max: 60 })
  .map((at): Spec => (at % 3 === 0 ? { at } : { at, rearmAt: at - (at % 20) - 1 }));
const levels = fc.option(fc.uniqueArray(spec, { selector: ({ at }) => at, maxLength: 4 }), { freq: 5 });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -40, max: 40 }).map((amount) => ({ amount })) },
  { weight: 2, arbitrary: fc.record({ levels, own: fc.boolean() }) },
);

/** Every level by itself, looked at in every step: what it was, whether it may be passed, and how often it was armed. */
class SlowModel {
  readonly passed: string[] = [];
  #value = 0;
  #own: readonly Spec[] | null = null;
  #tenant: readonly Spec[] | null = null;
  readonly #levels = new Map<number, { armed: boolean; arming: number }>();
  readonly #crossed = new Set<string>();

  constructor() {
    this.#meet();
  }

  get #inForce(): readonly Spec[] {
    return this.#own ?? this.#tenant ?? usual;
  }

  set(own: boolean, given: readonly Spec[] | null): void {
    const before = JSON.stringify(this.#inForce);
    if (own) this.#own = given;
    else this.#tenant = given;
    if (JSON.stringify(this.#inForce) !== before) this.#meet();
  }

  count(id: string, amount: number): void {
    const previous = this.#value;
    this.#value += amount;
    const specs = [...this.#inForce].sort((a, b) => a.at - b.at);
    for (const { at, rearmAt } of specs) {
      const level = this.#levels.get(at)!;
      if (level.armed && previous < at && at <= this.#value) {
        level.armed = false;
        this.#cross(at, level.arming, id);
      } else if (!level.armed && rearmAt !== undefined && this.#value <= rearmAt) {
        level.armed = true;
        level.arming++;
      }
    }
  }

  /** A level that is gone keeps its crossings; what lies behind a new one is adopted. */
  #meet(): void {
    for (const { at, rearmAt = Number.NEGATIVE_INFINITY } of this.#inForce) {
      if (!this.#levels.has(at)) this.#levels.set(at, { armed: true, arming: 1 });
      const level = this.#levels.get(at)!;
      // it came down before there was anything to come down to: that counts no arming
      if (this.#value <= rearmAt) level.armed = true;
      if (at > this.#value || !level.armed) continue;
      level.armed = false;
      this.#crossed.add(`${at} ${level.arming}`);
    }
  }

  #cross(at: number, arming: number, id: string): void {
    const name = `${at} ${arming}`;
    if (!this.#crossed.has(name)) this.passed.push(`${at} by ${id}`);
    this.#crossed.add(name);
  }
}

/** One counter as the engine keeps it, evaluated when it is due and the test says so. */
class Counter {
  readonly passed: string[] = [];
  readonly #crossed = new Set<string>();
  readonly #applied: AppliedLevels[] = [];
  #value = 0;
  #rev = 0;
  #due = true;
  #band: Band = { below: null, above: null };
  #state: Readonly<Record<string, unknown>> = {};
  #trail: TrailRow[] = [];

  set(own: boolean, given: readonly Spec[] | null): void {
    const subject = own ? "acme" : "";
    const version = this.#applied.filter((each) => each.subject === subject).length + 1;
    this.#applied.push({ subject, version, levels: given });
    this.#append({ mark: { levels: { milestone: "m", subject, version } } });
  }

  count(id: string, amount: number): void {
    const next = this.#value + amount;
    const { below, above } = this.#band;
    this.#due ||= (below !== null && next <= below) || (above !== null && next >= above);
    if (this.#due) this.#append({ ids: [id], amounts: [amount], occurredAts: [new Date(0)] });
    this.#value = next;
  }

  evaluate(): void {
    if (!this.#due) return;
    const said = { said: "pending", onJump: "each", minInterval: 0, onAdopt: "silent" } as const;
    const policy = thresholdsOf({ default: usual });
    const milestone: FoldedMilestone = { name: "m", policy, ...said, added: 1, changed: 1, levels: this.#applied };
    const counter = { state: this.#state, generation: 1, value: this.#value, trail: this.#trail };
    const end = Number.POSITIVE_INFINITY;
    const context = { generation: 1, end, newId: () => "id", now: () => new Date(0) };
    const found = fold(key, [milestone], { ...counter, complete: true, limits: [] }, context)!;
    for (const { threshold, arming, state, eventId } of found.crossings) {
      const name = `${threshold} ${arming}`;
      if (!this.#crossed.has(name) && state !== "adopted") this.passed.push(`${threshold} by ${eventId}`);
      this.#crossed.add(name);
    }
    this.#band = found.band;
    this.#state = JSON.parse(JSON.stringify(found.state));
    this.#trail = [];
    this.#due = false;
  }

  #append(row: Partial<TrailRow> & { readonly mark?: TrailMark }): void {
    this.#due = true;
    const nothing = { limitVersion: null, ids: [], amounts: [], occurredAts: [] };
    this.#trail.push({ rev: ++this.#rev, generation: 1, from: this.#value, ...nothing, ...row });
  }
}

describe("stored levels", () => {
  it("are the subject's own, or else the tenant's; null is none any more, an empty list is no level", () => {
    const versions: readonly AppliedLevels[] = [
      { subject: "acme", version: 1, levels: [1] },
      { subject: "acme", version: 2, levels: null },
      { subject: "acme", version: 3, levels: [] },
      { subject: "", version: 1, levels: [5] },
      { subject: "", version: 2, levels: null },
    ];
    const inForce = (own: number, tenant: number) => levelsInForce(versions, { own, tenant });
    expect([inForce(0, 0), inForce(1, 0), inForce(1, 1), inForce(2, 1)]).toEqual([undefined, [1], [1], [5]]);
    expect([inForce(3, 1), inForce(2, 2), inForce(0, 2)]).toEqual([[], undefined, undefined]);
    const told = [{ milestone: "m", subject: "acme", version: 2 }];
    const two = { name: "m", levels: versions.filter(({ version }) => version < 3) };
    expect(levelsAtFirst(two, told)).toEqual({ own: 1, tenant: 2 });
    expect(levelsAtFirst(two, [{ ...told[0]!, milestone: "another" }])).toEqual({ own: 2, tenant: 2 });
  });

  it("are passed as each level by itself would be, in the trail's order and any split", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 30 }), (steps) => {
        const [model, counter] = [new SlowModel(), new Counter()];
        steps.forEach(([what, evaluated], i) => {
          for (const each of [model, counter]) {
            if ("amount" in what) each.count(`e${i}`, what.amount);
            else each.set(what.own, what.levels);
          }
          if (evaluated) counter.evaluate();
        });
        counter.evaluate();
        expect(counter.passed).toEqual(model.passed);
      }),
      { numRuns: 500 },
    );
  });
});
