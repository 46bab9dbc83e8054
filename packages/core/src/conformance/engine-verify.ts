import assert from "node:assert/strict";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { ambiguous, refusedPermanent, refusedTransient } from "../notifier/notifier.js";
import type { ConformanceCase } from "./case.js";
import { count, owner, putAcme, refusal, setUp } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: verify";
const year = 366 * 24 * hour;
const person = { by: "ann", why: "a test" };

export const engineVerifyCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a look at nothing is refused, and so are a limit and a sweep that are out of bounds",
    async run({ store }) {
      const { milepost } = setUp(store);
      const wrong: readonly [object, string][] = [
        [{ only: [] }, "only"],
        [{ only: ["I17"] }, "only[0]"],
        [{ limit: 0 }, "limit"],
        [{ limit: -1 }, "limit"],
        [{ sweep: -1 }, "sweep"],
        [{ sweep: year + 1 }, "sweep"],
        [{ sweep: Number.MAX_SAFE_INTEGER }, "sweep"],
      ];
      for (const [query, path] of wrong) {
        const { code, path: at } = await refusal(() => milepost.verify(query));
        assert.deepEqual([code, at], ["invalid_options", path]);
      }
      assert.equal((await milepost.verify({ sweep: year, limit: 1 })).sound, true);
    },
  },
  {
    about,
    name: "what was being sent when its address was suppressed may wait for its next mark, and is no violation",
    async run({ store }) {
      const notifier = memoryNotifier({
        name: "memory",
        async answer({ to }) {
          await milepost.suppressions.add({ address: to.address, reason: "manual", ...person });
          return refusedTransient("busy", 5 * hour);
        },
      });
      const { milepost, clock } = setUp(store, { milestone: { recipients: owner, notifier } });
      await putAcme(milepost);
      await count(milepost, 1);
      await milepost.runOnce();
      clock.advance(hour);
      const rows = await milepost.notifications.list();
      assert.deepEqual(
        rows.map(({ state, attempts }) => [state, attempts]),
        [["pending", 1]],
      );
      assert.equal((await milepost.verify()).sound, true);
    },
  },
  {
    about,
    name: "what a person sends again after its address was suppressed may wait for its next mark, and is no violation",
    async run({ store }) {
      const notifier = memoryNotifier({
        name: "memory",
        answer: ({ to }) => (to.address.startsWith("olga@") ? ambiguous("silence") : refusedPermanent("full")),
      });
      const { milepost, clock } = setUp(store, { milestone: { notifier } });
      await putAcme(milepost);
      await count(milepost, 1);
      await milepost.runOnce();
      clock.advance(hour);
      const rows = await milepost.notifications.list();
      for (const { id, recipient } of rows) {
        await milepost.suppressions.add({ address: recipient.address, reason: "manual", ...person });
        clock.advance(5_000);
        await milepost.notifications.retry({ id, ...person });
      }
      clock.advance(hour);
      const now = await milepost.notifications.list();
      assert.deepEqual(now.map(({ state, attempts, redrive }) => [state, attempts, redrive]).sort(), [
        ["failed", 1, 0],
        ["pending", 0, 1],
        ["pending", 1, 0],
      ]);
      assert.equal((await milepost.verify()).sound, true);
    },
  },
  {
    about,
    name: "a clock that was set back keeps no lane paused that was resumed, and pauses none in the time before",
    async run({ store }) {
      const { milepost, clock, notifier } = setUp(store, { milestone: { recipients: owner } });
      const lane = { notifier: "memory", ...person };
      await count(milepost, 1);
      await milepost.runOnce();
      clock.advance(3_000);
      await milepost.lanes.pause(lane);
      clock.advance(-10_000);
      await milepost.lanes.resume(lane);
      clock.advance(6_000);
      await milepost.lanes.pause(lane);
      clock.advance(600_000);
      await milepost.lanes.pause(lane);
      clock.advance(-2_000);
      await milepost.lanes.resume(lane);
      clock.advance(600_000);
      await count(milepost, 9, 2);
      await milepost.runOnce();
      notifier.expectSent(2);
      assert.equal((await milepost.verify()).sound, true);
    },
  },
];
