import assert from "node:assert/strict";
import { openLane } from "../delivery/lane.js";
import type { Act } from "../store/act-repository.js";
import type { LaneRepository } from "../store/lane-repository.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { claimed, leased, mark, notification, notifications, queued } from "./notification-samples.js";
import { assertOwnClock, at, awkwardKeys, bytewise, minute, start, twoStores } from "./samples.js";

const about = "lanes";

type Pause = Parameters<LaneRepository["setPaused"]>[0];
function pause(fields: Partial<Pause> = {}): Pause {
  return {
    tenant: "default",
    notifier: "smtp",
    paused: true,
    by: "ada",
    why: "outage",
    now: start,
    ...fields,
  };
}

function act(fields: Partial<Act> = {}): Act {
  return {
    tenant: "default",
    entity: "lane",
    entityId: "smtp",
    act: "pause",
    by: "ada",
    why: "outage",
    at: start,
    ...fields,
  };
}

async function acts(store: Store, entityId = "smtp", tenant = "default"): Promise<readonly Act[]> {
  return actsOf(store, { tenant, entity: "lane", entityId });
}

export const laneCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a pause creates a missing lane and records who and why",
    async run(opened) {
      const { store } = opened;
      const lane = { ...openLane("default", "smtp"), paused: true };
      assert.deepEqual(await store.lanes.setPaused(pause()), lane);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.lanes.list({ tenant: "default" }), [lane]);
      assert.deepEqual(await acts(other), [act()]);
    },
  },
  {
    about,
    name: "a resume lifts the pause, and a repeat changes nothing but is recorded too",
    async run({ store }) {
      const resume = pause({ paused: false, by: "bob", why: "é \u{1f389} fixed" });
      await store.lanes.setPaused(pause());
      await store.lanes.setPaused(pause());
      assert.equal((await store.lanes.setPaused(resume)).paused, false);
      const again = await store.lanes.setPaused({ ...resume, now: at(1) });
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), [again]);
      const resumed = act({ act: "resume", by: "bob", why: "é \u{1f389} fixed" });
      assert.deepEqual(await acts(store), [act(), act(), resumed, { ...resumed, at: at(1) }]);
    },
  },
  {
    about,
    name: "a lane that was never paused may be resumed",
    async run({ store }) {
      const lane = openLane("default", "smtp");
      assert.deepEqual(await store.lanes.setPaused(pause({ paused: false })), lane);
      assert.deepEqual(await acts(store), [act({ act: "resume" })]);
    },
  },
  {
    about,
    name: "acts are kept in the order they were recorded, whatever their times",
    async run({ store }) {
      const steps = Array.from({ length: 12 }, (_, i) => ({
        paused: i % 3 === 0,
        why: `step ${i}`,
        now: at(i < 6 ? 0 : -i),
      }));
      for (const step of steps) await store.lanes.setPaused(pause(step));
      assert.deepEqual(
        await acts(store),
        steps.map(({ paused, why, now }) => act({ act: paused ? "pause" : "resume", why, at: now })),
      );
    },
  },
  {
    about,
    name: "a pause of one lane touches no other notifier's and no other tenant's",
    async run({ store }) {
      const all = ["smtp", "sms"].flatMap((notifier) =>
        ["default", "other"].map((tenant) => notification({ id: `${tenant}-${notifier}`, tenant, notifier })),
      );
      await queued(store, all);
      await store.lanes.setPaused(pause());
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), [
        openLane("default", "sms"),
        { ...openLane("default", "smtp"), paused: true },
      ]);
      assert.deepEqual(await store.lanes.list({ tenant: "other" }), [
        openLane("other", "sms"),
        openLane("other", "smtp"),
      ]);
      assert.deepEqual(await acts(store, "sms"), []);
      assert.deepEqual(await acts(store, "smtp", "other"), []);
      const rows = await store.notifications.claim({
        notifiers: ["smtp", "sms"],
        limit: 10,
        served: [],
        lease: minute,
        now: start,
      });
      assert.deepEqual(rows.map((each) => each.id).sort(), ["default-sms", "other-sms", "other-smtp"]);
    },
  },
  {
    about,
    name: "lanes are listed bytewise by notifier, under any key",
    async run(opened) {
      for (const key of awkwardKeys) {
        await opened.store.lanes.setPaused(pause({ notifier: key, tenant: "it's", by: key, why: key }));
      }
      const [, other] = await twoStores(opened);
      const listed = await other.lanes.list({ tenant: "it's" });
      assert.deepEqual(
        listed.map((each) => each.notifier),
        bytewise(awkwardKeys),
      );
      for (const key of awkwardKeys) {
        const expected = act({ tenant: "it's", entityId: key, by: key, why: key });
        assert.deepEqual(await acts(other, key, "it's"), [expected]);
      }
    },
  },
  {
    about,
    name: "an empty store lists no lanes and no acts",
    async run({ store }) {
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), []);
      assert.deepEqual(await acts(store), []);
      assert.deepEqual(await actsOf(store, { tenant: "default", entity: "notification", entityId: "smtp" }), []);
    },
  },
  {
    about,
    name: "an act on a lane is not one on a notification of that name",
    async run({ store }) {
      await store.lanes.setPaused(pause({ notifier: "ntf-1" }));
      assert.deepEqual(await actsOf(store, { tenant: "default", entity: "notification", entityId: "ntf-1" }), []);
    },
  },
  {
    about,
    name: "callers at once all leave their act, and the lane ends as one of them said",
    async run(opened) {
      const stores = await twoStores(opened);
      await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          stores[i % 2]!.lanes.setPaused(pause({ paused: i % 2 === 0, why: `caller ${i}` })),
        ),
      );
      const all = await acts(opened.store);
      assert.deepEqual(
        new Set(all.map((each) => each.why)),
        new Set(Array.from({ length: 12 }, (_, i) => `caller ${i}`)),
      );
      const [lane, ...more] = await opened.store.lanes.list({ tenant: "default" });
      assert.deepEqual(more, []);
      assert.equal(lane?.paused, all.at(-1)?.act === "pause");
    },
  },
  {
    about,
    name: "a mark that starts after a pause is deferred, also of a row that was leased before",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const rows = await leased(one, notifications(3));
      await two.lanes.setPaused(pause());
      const marks = rows.map((row) => mark(row));
      const deferred = { result: "deferred", opensIn: null };
      assert.deepEqual(await one.notifications.mark({ marks, lease: minute, now: start }), [
        deferred,
        deferred,
        deferred,
      ]);
      assert.deepEqual(await claimed(one), []);
      await two.lanes.setPaused(pause({ paused: false }));
      assert.equal((await claimed(one)).length, 3);
    },
  },
  {
    about,
    name: "once a pause is answered no mark of its lane commits, of however many that are under way",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await queued(one, notifications(600));
      for (let round = 0; round < 3; round++) {
        await two.lanes.setPaused(pause({ paused: false }));
        const rows = await one.notifications.claim({
          notifiers: ["smtp"],
          limit: 200,
          served: [],
          lease: minute,
          now: start,
        });
        const states = ["sending"] as const;
        const sent = async () => (await two.notifications.list({ tenant: "default", states, limit: 1000 })).length;
        const markAll = async (share: typeof rows) =>
          one.notifications.mark({ marks: share.map((row) => mark(row)), lease: minute, now: start });
        const under: ReturnType<typeof markAll>[] = [];
        for (let i = 0; i < 5; i++) under.push(markAll(rows.slice(i * 30, i * 30 + 30)));
        const atPause = two.lanes.setPaused(pause()).then(sent);
        for (let i = 5; i < 6; i++) under.push(markAll(rows.slice(i * 30, i * 30 + 30)));
        const seen = await atPause;
        const after = await markAll(rows.slice(180));
        assert.ok(
          after.every((each) => each.result === "deferred"),
          JSON.stringify(after),
        );
        const answers = (await Promise.all(under)).flat();
        assert.ok(
          answers.every((each) => each.result === "marked" || each.result === "deferred"),
          JSON.stringify(answers),
        );
        assert.equal(await sent(), seen, "a mark was committed after the pause");
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock dates an act",
    async run({ store }) {
      const { now: _, ...byOwnClock } = pause();
      await assertOwnClock(async () => {
        await store.lanes.setPaused(byOwnClock);
        return (await acts(store))[0]!.at;
      });
    },
  },
  {
    about,
    name: "lanes and acts are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      const lane = await opened.store.lanes.setPaused(pause({ now: at(1) }));
      const again = await opened.reopen!();
      assert.deepEqual(await again.lanes.list({ tenant: "default" }), [lane]);
      assert.deepEqual(await acts(again), [act({ at: at(1) })]);
    },
  },
];
