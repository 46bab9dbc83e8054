import { describe, expect, it } from "vitest";
import { createMilepost, memoryStore, milestone } from "../index.js";
import { levelsOf } from "./levels.js";
import { withNearest } from "./policies/with-nearest.js";
import type { Level, MilestonePolicy } from "./policy.js";

const rising = (at: number): Level => ({ threshold: String(at), at, direction: "rising" });
const answering = (levels: unknown): MilestonePolicy => ({ key: "host", levels: () => levels as Level[] });
const define = (policy: MilestonePolicy) => milestone({ name: "m", metric: "x", policy });

describe("a host's policy", () => {
  it("is refused with the reason when it answers with no list of levels", () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /must return an array/],
      [Promise.resolve([]), /must return an array/],
      [[null], /a level is an object/],
      [[{ ...rising(10), threshold: 10 }], /threshold must be a text/],
      [[{ ...rising(10), threshold: "" }], /threshold must not be empty/],
      [[{ ...rising(10), at: 1.5 }], /at of "10" must be a safe integer/],
      [[{ ...rising(10), at: Number.NaN }], /at of "10" must be a safe integer/],
      [[{ ...rising(10), direction: "up" }], /direction of "10" must be rising or falling/],
      [[{ ...rising(10), rearmAt: 11 }], /rearmAt of "10" must be a safe integer below/],
      [[{ ...rising(10), direction: "falling", rearmAt: 9 }], /rearmAt of "10" must be a safe integer above/],
      [[rising(10), rising(10)], /threshold "10" is there twice/],
      [[{ ...rising(10), code: 5 }], /code of "10" must be a text/],
      [[{ ...rising(10), code: "x".repeat(201) }], /code of "10" must be at most 200 bytes/],
      [[{ ...rising(10), severity: "fatal" }], /severity of "10" must be one of info, warning, critical/],
    ];
    for (const [levels, message] of wrong) {
      expect(() => define(answering(levels))).toThrow(
        expect.objectContaining({ code: "policy_failed", path: "policy", message: expect.stringMatching(message) }),
      );
    }
  });

  it("is refused with its cause when it throws", () => {
    const cause = new Error("no such table");
    const policy: MilestonePolicy = {
      key: "host",
      levels: () => {
        throw cause;
      },
    };
    expect(() => define(policy)).toThrow(expect.objectContaining({ code: "policy_failed", cause }));
  });

  it("is refused when it answers with the levels inside the range only, which would lose crossings in silence", () => {
    const levels = [10, 20].map(rising);
    const shortSighted: MilestonePolicy = {
      key: "host",
      levels: ({ from, to }) => levels.filter(({ at }) => at >= from && at <= to),
    };
    expect(() => define(shortSighted)).toThrow(/nearest level beyond either end/);
    const good: MilestonePolicy = { key: "host", levels: ({ from, to }) => withNearest(levels, from, to) };
    expect(() => define(good)).not.toThrow();
  });

  it("is looked at with any limit when it needs one, and with none when it reads whose levels it is asked for", () => {
    const asked: (number | undefined)[] = [];
    const policy: MilestonePolicy = {
      key: "host",
      needs: ["limit"],
      levels: ({ from, to }, { limit }) => {
        asked.push(limit);
        return withNearest([rising(limit! * 2)], from, to);
      },
    };
    define(policy);
    expect(new Set(asked)).toEqual(new Set([1_000]));
    const shortSighted: MilestonePolicy = { ...policy, levels: ({ to }) => (to > 500 ? [rising(500)] : []) };
    expect(() => define(shortSighted)).toThrow(/nearest level beyond either end/);
    asked.length = 0;
    define({ ...policy, contextual: true });
    expect(asked).toEqual([]);
  });

  it("is not asked without the limit that it needs", () => {
    const policy: MilestonePolicy = { ...answering([rising(10)]), needs: ["limit"] };
    const context = { tenant: "default", subject: "acme", period: "lifetime" };
    expect(() => levelsOf(policy, { from: 0, to: 0 }, context)).toThrow(/Policy host: it needs a limit/);
    expect(levelsOf(policy, { from: 0, to: 0 }, { ...context, limit: 0 })).toEqual([rising(10)]);
  });

  it("is refused when it needs what no context has", () => {
    for (const needs of [["weather"], "limit", [5]]) {
      expect(() => define({ ...answering([]), needs } as never)).toThrow(
        expect.objectContaining({ code: "invalid_milestone", path: "policy.needs" }),
      );
    }
  });

  it("that fails for a thousand counters does not hide one that works from the sweep", async () => {
    const store = memoryStore();
    let broken = false;
    const policy: MilestonePolicy = {
      key: "host",
      levels: ({ from, to }, { subject }) => {
        if (broken && subject.startsWith("bad")) throw new Error("away");
        return withNearest([rising(1)], from, to);
      },
    };
    const owner = createMilepost({ store, milestones: [define(policy)] });
    owner.on("error", () => {});
    await owner.ready();
    broken = true;
    // counted by a process without the milestone's code, so that all of them wait for the sweep, the good one last
    const recorder = createMilepost({ store, onUnknownMetric: "count" });
    const subjects = [...Array.from({ length: 1_000 }, (_, i) => `bad-${i}`), "good"];
    await recorder.recordMany(subjects.map((subject) => ({ id: subject, metric: "x", subject })));
    for (let i = 0; i < 3; i++) await owner.runOnce();
    expect(await owner.crossings.list()).toMatchObject([{ subject: "good" }]);
  });

  it("that fails later leaves its counter due, holds up no other, and is caught up with when it works again", async () => {
    let broken = false;
    const policy: MilestonePolicy = {
      key: "host",
      levels: ({ from, to }, { subject }) => {
        if (broken && subject === "bad") throw new Error("limits table is locked");
        return withNearest([rising(2)], from, to);
      },
    };
    let time = new Date("2026-11-01T12:00:00Z");
    const runtime = { now: () => time };
    const milepost = createMilepost({ store: memoryStore(), milestones: [define(policy)], runtime });
    await milepost.ready();
    broken = true;
    const errors: string[] = [];
    milepost.on("error", ({ where, error }) => errors.push(`${where}: ${(error as Error).message}`));
    const event = (id: string, subject: string) => ({ id, metric: "x", subject, amount: 2 });
    const [bad, good] = await Promise.all([milepost.record(event("e1", "bad")), milepost.record(event("e2", "good"))]);
    expect(bad).toMatchObject({ counted: true, value: 2, crossings: [] });
    expect(good.crossings).toMatchObject([{ threshold: "2" }]);
    expect(errors).toEqual(["evaluate: Policy host: levels() threw: limits table is locked"]);
    expect((await milepost.counters.get({ metric: "x", subject: "bad" }))?.due).toBe(true);
    broken = false;
    expect((await milepost.runOnce()).evaluated, "it is parked for a second first").toBe(0);
    time = new Date(time.getTime() + 1_000);
    expect((await milepost.runOnce()).evaluated).toBe(1);
    expect(await milepost.crossings.list({ subject: "bad" })).toMatchObject([{ threshold: "2", eventId: "e1" }]);
  });
});
