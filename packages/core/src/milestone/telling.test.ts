import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrailRow } from "../store/counter-repository.js";
import type { FoldedMilestone } from "./course.js";
import { fold } from "./fold.js";
import type { OnJump } from "./milestone.js";
import { thresholds } from "./policies/thresholds.js";

// What is said of crossings, against a model that knows every level by itself and looks at each of them at each moment.

interface Case {
  readonly onJump: OnJump;
  readonly minInterval: number;
  readonly remindEvery: number;
  readonly resolves: boolean;
  /** Milliseconds since the one before, and how much. */
  readonly events: readonly (readonly [wait: number, amount: number])[];
}

const levels = [
  { at: 10, rearmAt: 4 },
  { at: 20, rearmAt: 12 },
  { at: 25, rearmAt: 24 },
  { at: 40, rearmAt: 5 },
];

/** As text, in the order in which it came to be: crossings with what became of them, and what was said of them later. */
function toldBy({ onJump, minInterval, remindEvery, resolves, events }: Case): readonly string[] {
  const milestone: FoldedMilestone = {
    ...{ name: "m", policy: thresholds(...levels), said: "pending", added: 1, changed: 1, onAdopt: "silent" },
    ...{ onJump, minInterval, remindEvery, resolves },
  };
  const key = { tenant: "default", metric: "m", subject: "acme", period: "lifetime" };
  const names = new Map<string, string>();
  const told: string[] = [];
  let read = { state: {}, value: 0 };
  let wakeAt = Number.POSITIVE_INFINITY;
  let ids = 0;
  let rev = 0;

  function look(at: number, row: Pick<TrailRow, "ids" | "amounts" | "occurredAts" | "mark">): void {
    const trail: TrailRow[] = [{ rev: ++rev, generation: 1, from: read.value, limitVersion: null, ...row }];
    const context = { end: Number.POSITIVE_INFINITY, newId: () => `n${++ids}`, now: () => new Date(at) };
    const counter = { ...read, generation: 1, trail, complete: true, limits: [] };
    const found = fold(key, [milestone], counter, { generation: 1, ...context })!;
    for (const { id, threshold, arming, state } of found.crossings) {
      names.set(id, `${threshold} (${arming})`);
      told.push(`${threshold} (${arming}) ${state}`);
    }
    for (const { crossing, kind, number, value, noticedAt } of found.notices) {
      told.push(`${names.get(crossing)} ${kind} ${number} at ${noticedAt.getTime()} with ${value}`);
    }
    read = { state: found.state, value: read.value + row.amounts.reduce((sum, amount) => sum + amount, 0) };
    wakeAt = found.wakeAt?.getTime() ?? Number.POSITIVE_INFINITY;
  }

  let time = 0;
  events.forEach(([wait, amount], i) => {
    time += wait;
    while (wakeAt <= time) {
      const mark = { wokenAt: new Date(wakeAt).toISOString() };
      look(wakeAt, { ids: [], amounts: [], occurredAts: [], mark });
    }
    look(time, { ids: [`e${i}`], amounts: [amount], occurredAts: [new Date(time)] });
  });
  return told;
}

/** The same, level by level. */
function slowly({ onJump, minInterval, remindEvery, resolves, events }: Case): readonly string[] {
  const each = levels.map((level) => ({ ...level, armed: true, arming: 1 }));
  type Said = { readonly level: (typeof each)[number]; readonly name: string; reminded: number };
  const told: string[] = [];
  const said: number[] = [];
  let open: Said[] = [];
  let remindAt = Number.POSITIVE_INFINITY;
  let value = 0;
  let time = 0;
  for (const [wait, amount] of events) {
    time += wait;
    for (; remindAt <= time; remindAt += remindEvery) {
      const last = open.at(-1)!;
      if (value < last.level.at) continue;
      last.reminded++;
      told.push(`${last.name} reminder ${last.reminded} at ${remindAt} with ${value}`);
    }
    const previous = value;
    value += amount;
    for (const level of each.filter(({ armed, rearmAt }) => !armed && value <= rearmAt)) {
      const over = open.find((one) => one.level === level);
      if (over !== undefined && resolves) told.push(`${over.name} resolved 1 at ${time} with ${value}`);
      // what is over is not reminded of, and neither is what was said before it
      if (over !== undefined && over === open.at(-1)) remindAt = Number.POSITIVE_INFINITY;
      open = open.filter((one) => one !== over);
      level.armed = true;
      level.arming++;
    }
    const passed = each.filter(({ armed, at }) => armed && previous < at && at <= value);
    if (passed.length === 0) continue;
    const soon = said.some((before) => time - before < minInterval);
    if (!soon) said.push(time);
    passed.forEach((level, place) => {
      level.armed = false;
      const name = `${level.at} (${level.arming})`;
      const isSaid = place === passed.length - 1 || onJump === "each";
      const state = !isSaid ? "superseded" : soon ? "too_soon" : "pending";
      told.push(`${name} ${state}`);
      if (state !== "pending") return;
      open = [...(resolves ? open : []), { level, name, reminded: 0 }];
      if (remindEvery > 0) remindAt = time + remindEvery;
    });
  }
  return told;
}

const anyCase: fc.Arbitrary<Case> = fc.record({
  onJump: fc.constantFrom("highest", "each", "list"),
  minInterval: fc.constantFrom(0, 0, 5, 30),
  remindEvery: fc.constantFrom(0, 3, 10),
  resolves: fc.boolean(),
  events: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: -45, max: 45 })), { maxLength: 30 }),
});

test("jumps, intervals, reminders and what is over are as a look at every level at every moment says", () => {
  fc.assert(
    fc.property(anyCase, (each) => {
      // downwards the levels that are over come in the order in which they were said, or of their places
      expect([...toldBy(each)].sort()).toEqual([...slowly(each)].sort());
    }),
    { numRuns: 500 },
  );
});
