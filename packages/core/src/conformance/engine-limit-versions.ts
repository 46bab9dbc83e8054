import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import type { Crossing } from "../milestone/crossing.js";
import { type Milestone, milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { StillClock } from "./engine-setup.js";

const about = "engine: versions of a limit";
const metric = "ad.spend";
const shop = { metric, subject: "shop-3" };

const budget = milestone({ name: "budget", metric, policy: percentOfLimit(50) });
const monthly = milestone({ name: "monthly", metric, policy: percentOfLimit(50), period: "month:UTC" });
const early = milestone({ name: "early", metric, policy: percentOfLimit(40) });
const plain = milestone({ name: "plain", metric, policy: thresholds(1_000_000) });

/** An engine with these milestones; without any it only records. */
function engine(store: Store, clock: StillClock, milestones: readonly Milestone[], removed: string[] = []): Milepost {
  return createMilepost({ store, milestones, removed, onUnknownMetric: "count", runtime: { now: clock.now } });
}

async function setLimit(milepost: Milepost, clock: StillClock, amount: number): Promise<void> {
  clock.advance(1);
  await milepost.limits.set({ ...shop, amount });
}

const facts = ({ milestone, period, threshold, eventId, limitVersion }: Crossing) =>
  `${milestone} ${threshold} of version ${limitVersion} in ${period} by ${eventId}`;

async function crossed(milepost: Milepost): Promise<readonly string[]> {
  return (await milepost.crossings.list()).map(facts);
}

/** As it was, while somebody does something at once after the counters that are due were read. */
function interrupted(store: Store, interrupt: () => Promise<unknown>): Store {
  let once = false;
  const counters: Store["counters"] = {
    ...store.counters,
    async due(input) {
      const due = await store.counters.due(input);
      if (!once && due.length > 0) {
        once = true;
        await interrupt();
      }
      return due;
    },
  };
  return { ...store, counters };
}

export const engineLimitVersionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a limit that is set while a new counter is evaluated does not hold for what was counted before",
    async run({ store }) {
      const clock = new StillClock();
      const recording = engine(store, clock, []);
      const raced = interrupted(store, () => setLimit(recording, clock, 1_000));
      const evaluating = engine(raced, clock, [budget]);
      await evaluating.ready();
      await setLimit(recording, clock, 100);
      const { crossings } = await evaluating.record({ id: "a", ...shop, amount: 60 });
      assert.deepEqual(crossings.map(facts), ["budget 50% of version 1 in lifetime by a"]);
      await evaluating.record({ id: "b", ...shop, amount: 440 });
      assert.deepEqual((await crossed(evaluating)).slice(1), ["budget 50% of version 2 in lifetime by b"]);
    },
  },
  {
    about,
    name: "a process with older milestones tells a new limit to the counters of a period that it does not know",
    async run({ store }) {
      const clock = new StillClock();
      const before = engine(store, clock, [budget]);
      await setLimit(before, clock, 100);
      const after = engine(store, clock, [budget, monthly]);
      await after.record({ id: "a", ...shop, amount: 40 });
      await setLimit(before, clock, 60);
      await after.runOnce();
      assert.deepEqual((await crossed(after)).toSorted(), [
        "budget 50% of version 2 in lifetime by ",
        "monthly 50% of version 2 in month:UTC:2026-11 by ",
      ]);
    },
  },
  {
    about,
    name: "a percentage that was removed and came back measures against the limit that came into force meanwhile",
    async run({ store }) {
      const clock = new StillClock();
      const first = engine(store, clock, [budget, early, monthly, plain]);
      await setLimit(first, clock, 100);
      const effectiveFrom = new Date(clock.now().getTime() + 1_000);
      await first.limits.set({ ...shop, amount: 1_000, effectiveFrom });
      await first.record({ id: "a", ...shop, amount: 10 });
      await setLimit(first, clock, 200);
      const without = engine(store, clock, [budget, plain], ["early", "monthly"]);
      await without.ready();
      // the second version comes into force last
      clock.advance(2_000);
      await without.runOnce();
      const again = engine(store, clock, [budget, early, monthly, plain]);
      await again.definitions.reinstall({ by: "olga", why: "missed" });
      await again.record({ id: "b", ...shop, amount: 110 });
      assert.deepEqual(await crossed(again), []);
      await again.record({ id: "c", ...shop, amount: 380 });
      assert.deepEqual((await crossed(again)).toSorted(), [
        "budget 50% of version 2 in lifetime by c",
        "early 40% of version 2 in lifetime by c",
        "monthly 50% of version 2 in month:UTC:2026-11 by c",
      ]);
    },
  },
];
