import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { ConformanceCase } from "./case.js";
import { metric } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: sweep";

export const engineSweepCases: readonly ConformanceCase[] = [
  {
    about,
    name: "more counters that wait for a limit than a sweep looks at hide no other, in no sweep",
    async run({ store }) {
      let now = 0;
      const spend = "ad.spend";
      const milestones = [
        milestone({ name: "budget", metric: spend, policy: percentOfLimit(50) }),
        milestone({ name: "firm", metric, policy: thresholds(1, 2) }),
      ];
      const evaluating = createMilepost({ store, milestones, runtime: { monotonic: () => now } });
      await evaluating.ready();
      const recording = createMilepost({ store });
      const waiting = Array.from({ length: 1_100 }, (_, i) => ({ id: `w${i}`, metric: spend, subject: `s${i}` }));
      await recording.recordMany(waiting);
      for (const id of ["a", "b"]) {
        await recording.record({ id, metric, subject: "acme" });
        // whatever was left alone is looked at again
        now += hour;
        assert.equal((await evaluating.runOnce()).evaluated, 1);
      }
      const crossings = await evaluating.crossings.list();
      assert.deepEqual(
        crossings.map(({ threshold, eventId }) => [threshold, eventId]),
        [
          ["1", "a"],
          ["2", "b"],
        ],
      );
    },
  },
];
