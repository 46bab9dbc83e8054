import { describe, expect, it } from "vitest";
import { createMilepost, type Milepost } from "../engine.js";
import { memoryStore } from "../store/memory/memory-store.js";
import type { Store } from "../store/store.js";
import { milestone } from "./milestone.js";
import { every } from "./policies/every.js";
import { percentOfLimit } from "./policies/percent-of-limit.js";
import { thresholds } from "./policies/thresholds.js";

const acme = { metric: "ad.spend", subject: "acme" };

/** One trail row each, and more of them than are read at once. */
async function recordOneByOne(milepost: Milepost, events: number): Promise<void> {
  for (let i = 1; i <= events; i++) await milepost.record({ id: `e${i}`, ...acme });
}

describe("a batch that passes more levels than a call takes arguments", () => {
  it("is evaluated and told of like any other", { timeout: 60_000 }, async () => {
    const store = memoryStore();
    // without the time that the memory store takes to list them
    const crossings: Store["crossings"] = {
      ...store.crossings,
      commitEvaluation: async ({ evaluations }) => evaluations.map(() => "committed" as const),
      list: async () => [],
    };
    const milestones = [milestone({ name: "each", metric: acme.metric, policy: every(1) })];
    const milepost = createMilepost({ store: { ...store, crossings }, milestones });
    let told = 0;
    milepost.on("crossing", () => told++);
    const events = Array.from({ length: 14 }, (_, i) => ({ id: `e${i}`, ...acme, amount: 10_000 }));
    await milepost.recordMany(events);
    expect(told).toBe(140_000);
  });
});

describe("a trail that is longer than what is read of it at once", () => {
  it("is taken in by one sweep, or it may grow faster than that", async () => {
    const store = memoryStore();
    const milestones = [milestone({ name: "firm", metric: acme.metric, policy: thresholds(1, 2_050) })];
    const evaluating = createMilepost({ store, milestones });
    await evaluating.ready();
    await recordOneByOne(createMilepost({ store }), 2_050);
    const reached = new Promise<void>((resolve) => {
      evaluating.on("crossing", ({ threshold }) => threshold === "2050" && resolve());
    });
    const worker = evaluating.worker({ sweepInterval: 3_600_000 });
    await worker.start();
    await reached;
    await worker.stop();
    expect((await evaluating.counters.get(acme))?.due).toBe(false);
  });

  it("begins with the limit of its first event, and not with one that it tells of later", async () => {
    const store = memoryStore();
    const milestones = [milestone({ name: "budget", metric: acme.metric, policy: percentOfLimit(50) })];
    const evaluating = createMilepost({ store, milestones });
    await evaluating.ready();
    const recording = createMilepost({ store });
    await recording.limits.set({ ...acme, amount: 100 });
    await recordOneByOne(recording, 1_010);
    await recording.limits.set({ ...acme, amount: 1_000_000 });
    await recording.limits.set({ ...acme, amount: 2_000 });
    await evaluating.runOnce();
    const crossings = await evaluating.crossings.list();
    expect(crossings.map(({ limitVersion, eventId }) => [limitVersion, eventId])).toEqual([
      [1, "e50"],
      [3, ""],
    ]);
  });
});
