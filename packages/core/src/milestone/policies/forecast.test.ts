import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrailMark, TrailRow } from "../../store/counter-repository.js";
import type { Band } from "../../store/definition-repository.js";
import type { AppliedLimit, FoldedMilestone } from "../course.js";
import type { NewCrossing } from "../crossing.js";
import { fold } from "../fold.js";
import { spanAt } from "../period.js";
import type { MilestonePolicy } from "../policy.js";
import { forecast } from "./forecast.js";

const day = 86_400_000;
const { key: period, start, end } = spanAt("month:UTC", new Date("2026-11-15"));
const key = { tenant: "default", metric: "ad.spend", subject: "shop-3", period };
/** A moment of November, which has 30 days. */
const on = (dayOfMonth: number, hours = 0): number => start + (dayOfMonth - 1) * day + hours * 3_600_000;

/** One counter as the engine keeps it: it is evaluated only when it leaves its band, or is woken, or told of a limit. */
class Counter {
  readonly crossings: NewCrossing[] = [];
  readonly #milestone: FoldedMilestone;
  readonly #from: number;
  readonly #limits: AppliedLimit[] = [];
  #value = 0;
  #rev = 0;
  #due = true;
  #band: Band = { below: null, above: null };
  #state: Readonly<Record<string, unknown>> = {};
  #trail: TrailRow[] = [];
  #wakeAt = Number.POSITIVE_INFINITY;
  #now = start;

  constructor(policy: MilestonePolicy, limit: number, from: number = start) {
    const said = { said: "pending", onJump: "highest", minInterval: 0, onAdopt: "silent" } as const;
    this.#milestone = { name: "m", policy, ...said, added: 1, changed: 1 };
    this.#from = from;
    this.#limits.push({ version: 1, amount: limit, effectiveFrom: new Date(0), createdAt: new Date(0) });
  }

  /** Whether it waits for an evaluation. */
  get due(): boolean {
    return this.#due;
  }

  count(at: number, amount: number, id = "e"): this {
    this.#now = Math.max(this.#now, at);
    const next = this.#value + amount;
    const { below, above } = this.#band;
    this.#due ||= (below !== null && next <= below) || (above !== null && next >= above);
    if (this.#due) this.#append({ ids: [id], amounts: [amount], occurredAts: [new Date(at)] });
    this.#value = next;
    return this;
  }

  setLimit(at: number, amount: number): this {
    this.#now = Math.max(this.#now, at);
    const version = this.#limits.length + 1;
    this.#limits.push({ version, amount, effectiveFrom: new Date(at), createdAt: new Date(at) });
    this.#append({ limitVersion: version });
    return this;
  }

  /** A worker passes by: wakes it if it is time, and evaluates it until nothing is left to do. */
  sweep(at: number): this {
    this.#now = Math.max(this.#now, at);
    for (let rounds = 0; ; rounds++) {
      if (this.#wakeAt <= at) {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.#append({ mark: { wokenAt: new Date(at).toISOString() } });
      }
      if (!this.#due) return this;
      if (rounds > 3) throw new Error("it is woken for ever");
      this.evaluate();
    }
  }

  evaluate(): this {
    if (!this.#due) return this;
    const counter = { state: this.#state, generation: 1, value: this.#value, trail: this.#trail };
    const found = fold(
      key,
      [this.#milestone],
      { ...counter, complete: true, limits: this.#limits },
      { generation: 1, from: this.#from, end, newId: () => "id", now: () => new Date(this.#now) },
    )!;
    this.crossings.push(...found.crossings);
    this.#band = found.band;
    this.#state = JSON.parse(JSON.stringify(found.state));
    this.#wakeAt = found.wakeAt?.getTime() ?? Number.POSITIVE_INFINITY;
    this.#trail = [];
    this.#due = false;
    return this;
  }

  #append(row: Partial<TrailRow> & { readonly mark?: TrailMark }): void {
    this.#due = true;
    const nothing = { limitVersion: null, ids: [], amounts: [], occurredAts: [] };
    this.#trail.push({ rev: ++this.#rev, generation: 1, from: this.#value, ...nothing, ...row });
  }
}

const facts = ({ crossings }: Counter) =>
  crossings.map(({ threshold, at, eventId, value, reachedAt, limitVersion }) => {
    return `${threshold} at ${at} with ${value} by ${eventId || "itself"} on ${reachedAt.getUTCDate()} (${limitVersion})`;
  });

describe("forecast", () => {
  it("passes as its table says", () => {
    const counter = () => new Counter(forecast(100), 3_000);
    const early = counter().count(on(2, 12), 900).evaluate();
    expect(facts(early)).toEqual([]);
    expect(facts(early.sweep(on(4) - 1))).toEqual([]);
    expect(facts(early.sweep(on(4)))).toEqual(["forecast:100% at 300 with 900 by itself on 4 (1)"]);
    for (const [value, passes] of [
      [300, 1],
      [299, 0],
    ] as const) {
      expect(counter().count(on(2, 12), value).evaluate().sweep(on(4)).crossings).toHaveLength(passes);
    }
    for (const [at, value, passes] of [
      [on(7), 600, 1],
      [on(7), 599, 0],
      [on(16), 1_500, 1],
      [on(16), 1_499, 0],
    ] as const) {
      const later = counter().count(on(1), 0).evaluate().sweep(on(4)).count(at, value).evaluate();
      expect(later.crossings).toHaveLength(passes);
    }
  });

  it("tells by the crossing's at what its pace comes to then, and by an empty event that it passed by itself", () => {
    const counter = new Counter(forecast(100), 3_000).count(on(1), 10, "first").evaluate().sweep(on(4));
    counter.count(on(7), 1_000, "second").evaluate();
    expect(counter.crossings).toMatchObject([
      { at: 600, value: 1_010, previous: 10, eventId: "second", reachedAt: new Date(on(7)) },
    ]);
    const alone = new Counter(forecast(100), 3_000).count(on(1), 900, "first").evaluate().sweep(on(5));
    expect(alone.crossings).toMatchObject([
      { at: 400, value: 900, previous: 900, eventId: "", reachedAt: new Date(on(5)) },
    ]);
  });

  it("waits for the part of the period that `after` says; at once without any", () => {
    const half = new Counter(forecast(100, { after: 50 }), 3_000).count(on(15), 3_000).evaluate();
    expect(half.crossings).toEqual([]);
    expect(half.sweep(on(16) - 1).crossings).toEqual([]);
    expect(half.sweep(on(16)).crossings).toHaveLength(1);
    const now = new Counter(forecast(100, { after: 0 }), 3_000).count(start, 1, "first").evaluate();
    expect(facts(now)).toEqual(["forecast:100% at 1 with 1 by first on 1 (1)"]);
    const fraction = new Counter(forecast(100, { after: 12.3456 }), 3_000).count(start, 3_000).evaluate();
    const first = start + Math.ceil((end - start) * 0.123456);
    expect(fraction.sweep(first - 1).crossings).toEqual([]);
    expect(fraction.sweep(first).crossings).toHaveLength(1);
  });

  it("measures a partial period from where its counting began", () => {
    // ten days are left: 100 a day would come to 1,000
    const partial = () => new Counter(forecast(100), 1_000, on(21));
    expect(facts(partial().count(on(21, 12), 99).evaluate().sweep(on(22)))).toEqual([]);
    expect(partial().count(on(21, 12), 100).evaluate().sweep(on(22)).crossings).toHaveLength(1);
    expect(partial().count(on(23), 200).evaluate().crossings).toHaveLength(1);
    expect(partial().count(on(23), 199).evaluate().crossings).toHaveLength(0);
  });

  it("is looked at by an event after the first part, too, where nobody woke it", () => {
    const counter = new Counter(forecast(100), 3_000).count(on(1), 300).evaluate();
    expect(facts(counter.count(on(5), 100, "late look").evaluate())).toEqual([
      "forecast:100% at 400 with 400 by late look on 5 (1)",
    ]);
  });

  it("is passed once for each version of the limit", () => {
    const counter = new Counter(forecast(100), 3_000).count(on(1), 900).evaluate().sweep(on(4));
    counter.setLimit(on(5), 6_000).evaluate().setLimit(on(7), 12_000).evaluate();
    counter.count(on(8), 5_000, "more").evaluate();
    expect(facts(counter)).toEqual([
      "forecast:100% at 300 with 900 by itself on 4 (1)",
      "forecast:100% at 800 with 900 by itself on 5 (2)",
      "forecast:100% at 2800 with 5900 by more on 8 (3)",
    ]);
  });

  it("is left alone once the period is over, and sleeps", () => {
    const counter = new Counter(forecast(100), 3_000).count(on(1), 900).evaluate();
    counter.sweep(end).sweep(end + day);
    expect([counter.crossings, counter.due]).toEqual([[], false]);
    const late = new Counter(forecast(100), 3_000)
      .sweep(end)
      .count(on(1), 10)
      .sweep(end + day);
    expect([late.crossings, late.due]).toEqual([[], false]);
  });

  const policies = fc
    .record({ percent: fc.constantFrom(0.5, 50, 99.9999, 100, 130), after: fc.constantFrom(0, 10, 33.3333, 90) })
    .map(({ percent, after }) => ({ percent, after, policy: forecast(percent, { after }) }));
  const limits = fc.constantFrom(0, 1, 7, 100, 3_000);
  const step = fc.record({
    kind: fc.constantFrom("count", "count", "count", "count", "sweep", "limit"),
    gap: fc.oneof(fc.nat(2 * day), fc.constantFrom(0, 1)),
    place: fc.nat(end - start - 1),
    amount: fc.integer({ min: -60, max: 300 }),
    limit: limits,
    evaluated: fc.boolean(),
  });
  const given = {
    how: policies,
    limit: limits,
    from: fc.constantFrom(start, on(5), on(21, 7)),
    steps: fc.array(step, { maxLength: 40 }),
  };
  type Given = { [Name in keyof typeof given]: (typeof given)[Name] extends fc.Arbitrary<infer T> ? T : never };

  const exact = (number: number) => BigInt(Math.round(number * 10_000));

  /** Whether the first part of the period, in which nothing is said, is over. */
  function begun({ after, from }: { readonly after: number; readonly from: number }, at: number): boolean {
    return BigInt(at - from) * 1_000_000n >= BigInt(end - from) * exact(after);
  }

  /** Whether `value` at a moment comes to the part of the limit, reckoned as the docstring says it. */
  function paces({ how: { percent }, from }: Given, limit: number, value: number, at: number): boolean {
    const [span, elapsed] = [BigInt(end - from), BigInt(at - from)];
    return value > 0 && BigInt(value) * span * 1_000_000n >= exact(percent) * BigInt(limit) * elapsed;
  }

  it("is passed at the first event, wake-up or limit at which the pace holds, and at no other, in any split", () => {
    fc.assert(
      fc.property(fc.record(given), (input) => {
        const { how, limit: first, from, steps } = input;
        const counter = new Counter(how.policy, first, from);
        const expected: string[] = [];
        let [at, value, limit, version, passed] = [from, 0, first, 1, false];
        const look = (id: string) => {
          if (passed || !begun({ after: how.after, from }, at) || !paces(input, limit, value, at)) return;
          passed = true;
          expected.push(`${id} ${version}`);
        };
        steps.forEach(({ kind, gap, amount, limit: next, evaluated }, i) => {
          at = Math.min(at + gap, end - 1);
          if (kind === "limit") {
            [limit, version, passed] = [next, version + 1, false];
            counter.setLimit(at, next);
            look("");
          } else if (kind === "count") {
            value += amount;
            counter.count(at, amount, `e${i}`);
            look(`e${i}`);
          } else {
            counter.sweep(at);
            look("");
          }
          if (evaluated) counter.evaluate();
        });
        counter.evaluate();
        expect(counter.crossings.map((each) => `${each.eventId} ${each.limitVersion}`)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("with late events is passed where the pace holds at the event's own time, and no later than by the latest time so far", () => {
    fc.assert(
      fc.property(fc.record(given), (input) => {
        const { how, limit, from, steps } = input;
        const counter = new Counter(how.policy, limit, from);
        const events = steps.map(({ place, amount }, i) => ({
          id: `e${i}`,
          at: Math.max(from, start + place),
          amount,
        }));
        let [latest, value] = [from, 0];
        let surely: string | undefined;
        const pacing = new Set<string>();
        events.forEach(({ id, at, amount }, i) => {
          value += amount;
          latest = Math.max(latest, at);
          if (paces(input, limit, value, at)) pacing.add(id);
          if (begun({ after: how.after, from }, at) && paces(input, limit, value, latest)) surely ??= id;
          counter.count(at, amount, id);
          if (steps[i]!.evaluated) counter.evaluate();
        });
        counter.evaluate();
        const [crossing, ...others] = counter.crossings;
        expect(others).toEqual([]);
        if (crossing !== undefined) expect(pacing).toContain(crossing.eventId);
        if (surely === undefined) return;
        const place = (id: string) => events.findIndex((event) => event.id === id);
        expect(place(crossing?.eventId ?? "")).toBeGreaterThanOrEqual(0);
        expect(place(crossing!.eventId)).toBeLessThanOrEqual(place(surely));
      }),
      { numRuns: 400 },
    );
  });

  it("refuses what is no percentage, and no part of a period", () => {
    for (const percent of [0, -1, Number.NaN, 0.00001, 1_000_001, "50"]) {
      expect(() => forecast(percent as number)).toThrow(expect.objectContaining({ code: "invalid_milestone" }));
    }
    for (const options of [{ after: 100 }, { after: -1 }, { after: "10" }, { before: 5 }]) {
      expect(() => forecast(100, options as never)).toThrow(expect.objectContaining({ code: "invalid_milestone" }));
    }
  });
});
