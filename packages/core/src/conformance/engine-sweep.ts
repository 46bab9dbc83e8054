import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import type { ConformanceCase } from "./case.js";
import { metric } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: sweep";

export const engineSweepCases: readonly ConformanceCase[] = [
  {
    about,
    name: "one sweep evaluates all of a long trail, which may grow faster than a part of it per sweep",
    async run({ store }) {
      const last = 2_050;
      const milestones = [milestone({ name: "firm", metric, policy: thresholds(1, last) })];
      const evaluating = createMilepost({ store, milestones });
      await evaluating.ready();
      const recording = createMilepost({ store });
      // one trail row each: more than twice as many as are read at once
      for (let i = 1; i <= last; i++) await recording.record({ id: `e${i}`, metric, subject: "acme" });
      const reached = new Promise<void>((resolve) => {
        evaluating.on("crossing", ({ threshold }) => threshold === String(last) && resolve());
      });
      const worker = evaluating.worker({ sweepInterval: hour });
      await worker.start();
      await reached;
      await worker.stop();
      assert.equal((await evaluating.counters.get({ metric, subject: "acme" }))?.due, false);
    },
  },
];
