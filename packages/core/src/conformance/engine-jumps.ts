import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { every } from "../milestone/policies/every.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { metric, owner, StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: jumps";
const subject = "acme";
const ladder = thresholds(1, 2, 5, 10, 20, 50, 100, 200, 500, 600, 800, {
  at: 1_000,
  code: "top",
  severity: "warning",
});

interface Telling {
  readonly milepost: Milepost;
  readonly notifier: MemoryNotifier;
  readonly clock: StillClock;
  readonly count: (id: string, amount: number) => Promise<readonly string[]>;
}

/** An engine that tells the owner; `count` answers the thresholds and states of the crossings an event caused. */
function telling(store: Store, options: Partial<MilestoneOptions>): Telling {
  const clock = new StillClock();
  const notifier = memoryNotifier();
  const message = { text: "{{threshold}}{{#passed}} {{threshold}}{{/passed}}{{#code}} {{code}} {{severity}}{{/code}}" };
  const told = milestone({ name: "told", metric, policy: ladder, recipients: owner, message, notifier, ...options });
  const milepost = createMilepost({
    ...{ store, milestones: [told], metrics: { [metric]: { decrements: true } } },
    runtime: { now: clock.now },
  });
  return {
    ...{ milepost, notifier, clock },
    async count(id, amount) {
      const { crossings } = await milepost.record({ id, metric, subject, amount, occurredAt: clock.now() });
      return crossings.map(({ threshold, state }) => `${threshold} ${state}`);
    },
  };
}

const textsOf = (notifier: MemoryNotifier) => notifier.sent.map(({ text }) => text);

export const engineJumpCases: readonly ConformanceCase[] = [
  {
    about,
    name: "R2: fifty events at once jump twelve levels, and each is crossed once, in order; the jump policy decides what is said",
    async run({ store }) {
      for (const [onJump, texts] of Object.entries({
        highest: ["1000 1000 top warning"],
        list: ["1000 1 2 5 10 20 50 100 200 500 600 800 1000 top warning"],
        each: ["1 1", "2 2", "5 5", "10 10", "20 20", "50 50", "100 100", "200 200", "500 500", "600 600", "800 800"],
      })) {
        const { milepost, notifier } = telling(store, { name: onJump, metric: onJump, onJump: onJump as "each" });
        const jump = { metric: onJump, subject, amount: 1_000 };
        const jumps = Array.from({ length: 50 }, (_, i) => ({ id: `${i}`, ...jump }));
        const results = await Promise.all(jumps.map((jump) => milepost.record(jump)));
        await milepost.runOnce();
        const crossings = await milepost.crossings.list({ milestone: onJump });
        const levels = crossings.map(({ at }) => at);
        assert.deepEqual(levels, [1, 2, 5, 10, 20, 50, 100, 200, 500, 600, 800, 1_000]);
        assert.equal(new Set(crossings.map(({ eventId }) => eventId)).size, 1, "all by the event that came first");
        assert.equal(results.filter((result) => result.crossings.length > 0).length, 1);
        const top = crossings.at(-1)!;
        assert.deepEqual([top.code, top.severity, crossings[0]?.code], ["top", "warning", null]);
        const said = onJump === "each" ? [...texts, "1000 1000 top warning"] : texts;
        assert.deepEqual(textsOf(notifier).sort(), [...said].sort());
      }
    },
  },
  {
    about,
    name: "R3: a counter that oscillates around a level crosses it once, or once for each time it was armed again",
    async run({ store }) {
      const policy = thresholds({ at: 100, rearmAt: 99 }, { at: 101, rearmAt: 90 }, 102);
      const { milepost, count } = telling(store, { policy });
      await count("begin", 99);
      const swings = Array.from({ length: 300 }, (_, i) => ({
        id: `swing-${i}`,
        metric,
        subject,
        amount: i % 2 ? -1 : 1,
      }));
      await milepost.recordMany(swings.map((swing) => ({ ...swing, amount: swing.amount * 3 })));
      const armings = new Map<string, number[]>();
      for (let after = ""; ; ) {
        const page = await milepost.crossings.list({ limit: 100, ...(after && { after }) });
        for (const { threshold, arming } of page) armings.set(threshold, [...(armings.get(threshold) ?? []), arming]);
        if (page.length < 100) break;
        after = page.at(-1)!.id;
      }
      assert.deepEqual(
        armings.get("100"),
        Array.from({ length: 150 }, (_, i) => i + 1),
      );
      assert.deepEqual(armings.get("101"), [1], "it never came down to 90");
      assert.deepEqual(armings.get("102"), [1]);
    },
  },
  {
    about,
    name: "gram-4054, cloudbreak-7: a jump loses no level, sends one message, and nothing of a lower level afterwards",
    async run({ store }) {
      const { milepost, notifier, count } = telling(store, { policy: thresholds(80, 100) });
      assert.deepEqual(await count("a", 130), ["80 superseded", "100 pending"]);
      assert.deepEqual(await count("b", 5), []);
      await milepost.runOnce();
      assert.deepEqual(textsOf(notifier), ["100 100"]);
    },
  },
  {
    about,
    name: "includes-jump: any amount works, 999 -> 1,003 too",
    async run({ store }) {
      const { count } = telling(store, { policy: thresholds(1_000) });
      assert.deepEqual(await count("a", 999), []);
      assert.deepEqual(await count("b", 4), ["1000 pending"]);
    },
  },
  {
    about,
    name: "openmeter-strict: 1,000 of 1,000 is reached",
    async run({ store }) {
      const { count } = telling(store, { policy: thresholds(1_000) });
      assert.deepEqual(await count("a", 1_000), ["1000 pending"]);
    },
  },
  {
    about,
    name: "openmeter-top-up: what goes down announces nothing, and what it passes again neither",
    async run({ store }) {
      const { count } = telling(store, { policy: thresholds(50, 80, 100) });
      await count("use", 100);
      assert.deepEqual(await count("top-up", -40), []);
      assert.deepEqual(await count("use more", 30), []);
    },
  },
  {
    about,
    name: "budget-flag: a level that is passed is said once, however often the value is looked at above it",
    async run({ store }) {
      const { milepost, notifier, count } = telling(store, { policy: thresholds(100) });
      for (let i = 0; i < 10; i++) {
        await count(`e${i}`, 50);
        await milepost.runOnce();
      }
      assert.deepEqual(textsOf(notifier), ["100 100"]);
    },
  },
  {
    about,
    name: "ghost-16405: history is not mailed when the milestone is switched on",
    async run({ store }) {
      const off = createMilepost({ store, metrics: { [metric]: {} } });
      await off.record({ id: "history", metric, subject, amount: 150 });
      const { milepost, notifier, count } = telling(store, { policy: thresholds(10, 100, 160) });
      await milepost.runOnce();
      assert.deepEqual(await count("news", 10), ["160 pending"]);
      await milepost.runOnce();
      assert.deepEqual(textsOf(notifier), ["160 160"]);
    },
  },
  {
    about,
    name: "a crossing that comes too soon after one that was said is recorded and not said, also in the next period",
    async run({ store }) {
      const minInterval = 30 * hour;
      const { milepost, notifier, clock, count } = telling(store, {
        ...{ policy: thresholds(1, 2, 3), period: "day:UTC", minInterval, grace: 240 * hour },
      });
      assert.deepEqual(await count("a", 1), ["1 pending"]);
      clock.advance(hour);
      assert.deepEqual(await count("b", 1), ["2 too_soon"]);
      clock.advance(24 * hour);
      assert.deepEqual(await count("c", 2), ["1 superseded", "2 too_soon"]);
      clock.advance(5 * hour);
      assert.deepEqual(await count("d", 1), ["3 pending"]);
      await milepost.runOnce();
      assert.deepEqual(textsOf(notifier), ["1 1", "3 3"]);
      const soon = await milepost.crossings.list({ states: ["too_soon"] });
      assert.deepEqual(new Set(soon.map(({ reason }) => reason)), new Set(["too_soon"]));
    },
  },
  {
    about,
    name: "crossings of two periods in one batch, and of late events, lie the interval apart from all that were said",
    async run({ store }) {
      const { milepost } = telling(store, {
        ...{ policy: thresholds(1, 2, 3, 4, 5), period: "month:UTC", minInterval: hour, grace: 24 * 40 * hour },
      });
      const event = (at: string) => ({ id: at, metric, subject, occurredAt: new Date(at) });
      const states = async (...times: readonly string[]) => {
        const { crossings } = await milepost.recordMany(times.map(event));
        return crossings.map(({ eventId, state }) => `${eventId} ${state}`).sort();
      };
      const both = await states("2026-10-31T23:50:00Z", "2026-11-01T00:10:00Z");
      assert.deepEqual(both.map((text) => text.split(" ")[1]).sort(), ["pending", "too_soon"]);
      assert.deepEqual(await states("2026-10-20T12:00:00Z"), ["2026-10-20T12:00:00Z pending"]);
      assert.deepEqual(await states("2026-10-20T12:59:59Z"), ["2026-10-20T12:59:59Z too_soon"]);
      assert.deepEqual(await states("2026-10-31T23:30:00Z"), ["2026-10-31T23:30:00Z too_soon"]);
      assert.deepEqual(await states("2026-11-01T00:49:00Z"), ["2026-11-01T00:49:00Z too_soon"]);
      assert.deepEqual(await states("2026-11-01T01:10:00Z"), ["2026-11-01T01:10:00Z pending"]);
    },
  },
  {
    about,
    name: "a jump over more than 10,000 levels is one crossing that says how many it stands for, behind a counter too",
    async run({ store }) {
      const { milepost, count } = telling(store, { policy: every(10) });
      assert.deepEqual(await count("huge", 1_000_000_007), ["1000000000 pending"]);
      assert.deepEqual(await count("little", 3), ["1000000010 pending"]);
      const [first, second] = await milepost.crossings.list();
      assert.deepEqual([first?.skipped, second?.skipped], [99_999_999, 0]);
      const later = createMilepost({
        ...{ store, removed: ["told"] },
        milestones: [milestone({ name: "later", metric, policy: every(1) })],
      });
      await later.runOnce();
      const [adopted, ...more] = await later.crossings.list({ milestone: "later" });
      assert.deepEqual([adopted?.threshold, adopted?.state, more.length], ["1000000010", "adopted", 0]);
      assert.equal(adopted?.skipped, 1_000_000_009);
    },
  },
];
