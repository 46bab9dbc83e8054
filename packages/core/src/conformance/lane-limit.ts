import assert from "node:assert/strict";
import { roomIn } from "../delivery/gate.js";
import { openLane } from "../delivery/lane.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { laneOf, leasedUnder, limit, markAll, resultsOf, taken } from "./lane-samples.js";
import { claim, claimed, leased, notifications, pause, queued } from "./notification-samples.js";
import { assertOwnClock, at, awkwardKeys, hour, minute, start, twoStores } from "./samples.js";

const about = "lanes";
const open = openLane("default", "smtp");
const rate = { count: 2, interval: minute };
const quota = { count: 3, per: "24h" } as const;

export const laneLimitCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a limit creates a missing lane and records who and why",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const lane = { ...open, rate, quota };
      assert.deepEqual(await limit(one, { rate, quota, now: at(7) }), lane);
      assert.deepEqual(await two.lanes.list({ tenant: "default" }), [lane]);
      assert.deepEqual(await actsOf(two, { tenant: "default", entity: "lane", entityId: "smtp" }), [
        { tenant: "default", entity: "lane", entityId: "smtp", act: "limit", by: "ada", why: "warming up", at: at(7) },
      ]);
    },
  },
  {
    about,
    name: "a limit keeps what it does not name, and null takes it away",
    async run({ store }) {
      await limit(store, { rate });
      assert.deepEqual(await limit(store, { quota }), { ...open, rate, quota });
      const day = { count: 500, per: "day:Europe/Berlin" } as const;
      assert.deepEqual(await limit(store, { rate: null, quota: day }), { ...open, quota: day });
      assert.deepEqual(await limit(store), { ...open, quota: day });
      assert.deepEqual(await limit(store, { quota: null }), open);
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), [open]);
      assert.equal((await actsOf(store, { tenant: "default", entity: "lane", entityId: "smtp" })).length, 5);
    },
  },
  {
    about,
    name: "what was taken stays counted under another number; of another quota it is kept beside, and not counted",
    async run({ store }) {
      await markAll(store, await leasedUnder(store, 2, { rate: { count: 9, interval: minute }, quota }));
      const before = await laneOf(store);
      assert.deepEqual([await taken(store, "rate"), await taken(store)], [2, 2]);
      const more = { rate: { count: 5, interval: minute }, quota: { count: 7, per: "24h" } } as const;
      assert.deepEqual(await limit(store, more), { ...before, ...more });
      assert.deepEqual((await laneOf(store)).usage, before.usage);
      const other = { rate: { count: 5, interval: hour }, quota: { count: 7, per: "day:UTC" } } as const;
      const usage = { rate: {}, quota: before.usage.quota };
      const limited = await limit(store, other);
      assert.deepEqual(limited, { ...open, ...other, usage });
      assert.equal(roomIn(limited, start).free, 5);
    },
  },
  {
    about,
    name: "a limit frees a lane that is parked, and leaves a pause as it is",
    async run({ store }) {
      const rows = await leasedUnder(store, 3, { rate: { count: 1, interval: hour } });
      assert.deepEqual(resultsOf(await markAll(store, rows)), ["marked", "deferred", "deferred"]);
      assert.notEqual((await laneOf(store)).notBefore, null);
      assert.deepEqual(await claim(store), []);
      await pause(store);
      assert.deepEqual(await limit(store, { rate: null }), { ...open, paused: true });
      assert.deepEqual(await claim(store), []);
      await pause(store, false);
      assert.deepEqual(await claim(store), ["ntf-0002", "ntf-0003"]);
    },
  },
  {
    about,
    name: "a limit is of one lane: another notifier's and another tenant's stay as they are",
    async run({ store }) {
      await queued(store, notifications(1));
      await queued(store, notifications(1, { tenant: "other" }));
      await limit(store, { notifier: "sms", rate });
      await limit(store, { tenant: "other", quota });
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), [{ ...openLane("default", "sms"), rate }, open]);
      assert.deepEqual(await store.lanes.list({ tenant: "other" }), [{ ...openLane("other", "smtp"), quota }]);
    },
  },
  {
    about,
    name: "limits of callers at once are one after the other: the lane has those of the last act",
    async run(opened) {
      const stores = await twoStores(opened);
      await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          limit(stores[i % 2]!, { rate: { count: i + 1, interval: minute }, why: `${i + 1}` }),
        ),
      );
      const acts = await actsOf(opened.store, { tenant: "default", entity: "lane", entityId: "smtp" });
      assert.equal(acts.length, 12);
      assert.equal(String((await laneOf(opened.store)).rate?.count), acts.at(-1)?.why);
    },
  },
  {
    about,
    name: "once a limit is answered it holds for every mark, of however many that are under way",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const rows = await leased(one, notifications(200));
      const under = Array.from({ length: 6 }, (_, i) => markAll(one, rows.slice(i * 30, i * 30 + 30)));
      await limit(two, { quota: { count: 5, per: "24h" } });
      const before = await taken(two);
      const after = await markAll(two, rows.slice(180));
      const answers = (await Promise.all(under)).flat();
      assert.ok(
        answers.every(({ result }) => result === "marked" || result === "deferred"),
        JSON.stringify(answers),
      );
      const counted = await taken(two);
      assert.ok(counted <= 5, `${counted} of 5 are taken`);
      assert.equal(resultsOf(after).filter((result) => result === "marked").length <= 5 - before, true);
    },
  },
  {
    about,
    name: "a lane of any name has its limits, and keeps them to the largest number",
    async run({ store }) {
      const largest = {
        rate: { count: 1_000_000_000, interval: 86_400_000 },
        quota: { count: 1, per: "24h" },
      } as const;
      for (const notifier of awkwardKeys) {
        assert.deepEqual(await limit(store, { notifier, ...largest }), {
          ...openLane("default", notifier),
          ...largest,
        });
      }
      const lanes = await store.lanes.list({ tenant: "default" });
      assert.equal(lanes.length, awkwardKeys.length);
      for (const lane of lanes) assert.deepEqual([lane.rate, lane.quota], [largest.rate, largest.quota]);
    },
  },
  {
    about,
    name: "without a given time the store's own clock dates the limit, and says what is taken when",
    async run({ store }) {
      await assertOwnClock(async () => {
        const act = { by: "ada", why: "warming up" };
        await store.lanes.limit({ tenant: "default", notifier: "smtp", ...act, rate });
        return (await actsOf(store, { tenant: "default", entity: "lane", entityId: "smtp" }))[0]!.at;
      });
      await queued(store, notifications(3), new Date(Date.now() - hour));
      const rows = await claimed(store, new Date());
      const lane = await laneOf(store);
      const marks = rows.map(({ tenant, id, fence }) => {
        return { tenant, id, fence, messageId: "<m@x>", idempotencyKey: "k", payloadHash: "h", payload: null };
      });
      const answers = await store.notifications.mark({ marks, lease: minute });
      assert.deepEqual([lane.notBefore, ...resultsOf(answers)], [null, "marked", "marked", "deferred"]);
      // an interval and one part of twenty from now, give or take a minute
      await assertOwnClock(async () => (await laneOf(store)).notBefore, minute);
    },
  },
  {
    about,
    name: "limits and what is taken of them are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await markAll(opened.store, await leasedUnder(opened.store, 2, { rate, quota }), start);
      const lane = await laneOf(opened.store);
      assert.notEqual(lane.notBefore, null);
      const again = await opened.reopen!();
      assert.deepEqual(await again.lanes.list({ tenant: "default" }), [lane]);
    },
  },
];
