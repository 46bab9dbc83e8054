import assert from "node:assert/strict";
import { createMilepost, type MilepostOptions } from "../engine.js";
import { MilepostError } from "../errors.js";
import { type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { seeded } from "../seeded.js";
import type { Store } from "../store/store.js";
import { metric, StillClock } from "./engine-setup.js";
import { type Draw, drawEvent, drawMilestone, one, subjects } from "./plan-scenario.js";
import { hour } from "./samples.js";

/**
 * Records a random past of one deployment, with limits and counters that are left waiting, and replays it at any time: what
 * is recorded comes out of the retained events, and nothing else does.
 */
export async function checkReplay(store: Store, seed: number): Promise<void> {
  const draw = seeded(seed);
  const clock = new StillClock();
  const notifier = memoryNotifier();
  const measured = percentOfLimit(20, { percent: 60, rearmAt: 30 }, 100);
  const milestones: readonly MilestoneOptions[] = [
    ...Array.from({ length: draw(4) }, (_, i) => drawMilestone(draw, `m${i}`, notifier)),
    { name: "budget", metric, policy: measured, period: one(draw, ["lifetime", "month:UTC"] as const) },
  ];
  const setLimit = () =>
    milepost.limits.set({ metric, subject: one(draw, subjects), amount: draw(60), ...from(draw, clock) });
  const shared: MilepostOptions = {
    store,
    metrics: { [metric]: { decrements: true, retain: "events" } },
    runtime: { now: clock.now },
  };
  const milepost = createMilepost({ ...shared, milestones: milestones.map(milestone) });
  const behind = createMilepost(shared);
  for (const engine of [milepost, behind]) engine.on("error", () => {});
  await milepost.ready();

  let n = 0;
  const draws = (most: number) => Array.from({ length: draw(most) }, () => drawEvent(draw, () => n++, clock));
  for (let step = 2 + draw(12); step > 0; step--) {
    clock.advance(draw(3) * hour);
    await one<(draw: Draw) => Promise<unknown>>(draw, [
      () => milepost.recordMany(draws(12)),
      () => behind.recordMany(draws(6)),
      setLimit,
      setLimit,
      () => milepost.runOnce(),
    ])(draw);
    const subject = one(draw, subjects);
    const replay = await milepost.replay({ metric, subject }).catch((error: unknown) => {
      // one of the random policies fails
      if (MilepostError.is(error) && error.code === "policy_failed") return undefined;
      throw error;
    });
    if (replay === undefined) continue;
    const recorded = await milepost.crossings.list({ subject, limit: 10_000 });
    const { events, complete, same, missing, unexpected } = replay;
    assert.deepEqual([complete, missing, unexpected], [true, [], []]);
    assert.equal(same, recorded.length, "nothing that is recorded was left out");
    assert.equal(events, (await milepost.events.list({ metric, subject, limit: 10_000 })).length);
  }
  for (const engine of [behind, milepost]) await engine.close();
}

/** Now, or some time before. */
function from(draw: Draw, clock: StillClock): { readonly effectiveFrom?: Date } {
  return draw(2) === 0 ? {} : { effectiveFrom: new Date(clock.now().getTime() - draw(40) * 24 * hour) };
}
