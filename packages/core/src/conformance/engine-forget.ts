import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { thresholdsOf } from "../milestone/policies/thresholds-of.js";
import type { MilestonePolicy } from "../milestone/policy.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted } from "../notifier/notifier.js";
import { subjectDigest } from "../recording/forget.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, owner, putAcme, refusal, setUp } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: forget";
const subject = "acme";
const act = { subject, by: "ann", why: "asked for by mail 4711" };

export const engineForgetCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a forgotten subject has no state, no story and no message to come; events recorded afterwards count anew",
    async run({ store }) {
      const { milepost, notifier } = setUp(store);
      await putAcme(milepost);
      const { crossings } = await milepost.record({ id: "evt-1", metric, subject });
      await milepost.lanes.pause({ notifier: "memory", by: "test", why: "queue first" });
      await milepost.runOnce();
      await milepost.lanes.resume({ notifier: "memory", by: "test", why: "then send" });
      assert.equal((await milepost.notifications.list()).length, 2);

      const { erased, digest } = await milepost.forget(act);
      const { counters, crossings: gone, notifications, subjects, members } = erased;
      assert.deepEqual([counters, gone, notifications, subjects, members], [1, 1, 2, 1, 3]);
      await milepost.runOnce();
      notifier.expectSent(0);
      assert.equal(await milepost.explain({ crossing: crossings[0]!.id }), null);
      const [state] = await milepost.state({ subject });
      assert.deepEqual([state?.value, state?.status, state?.passed], [0, "ok", []]);
      assert.deepEqual(await milepost.reasons(), { crossings: [], notices: [], notifications: [] });

      const anew = await milepost.record({ id: "evt-2", metric, subject });
      assert.deepEqual([anew.value, anew.crossings.map(({ threshold }) => threshold)], [1, ["1"]]);
      assert.equal(
        (await milepost.record({ id: "evt-1", metric, subject })).duplicate,
        true,
        "its id was not retained",
      );
      assert.equal(digest, subjectDigest(subject));
    },
  },
  {
    about,
    name: "the act is kept with who and why, under a digest in place of the subject's id, also where nothing was found",
    async run({ store }) {
      const { milepost, clock } = setUp(store);
      const { digest } = await milepost.forget({ ...act, tenant: "shop" });
      assert.match(digest, /^[0-9a-f]{64}$/);
      assert.notEqual(digest, subjectDigest(subject), "another tenant's");
      assert.equal(digest, subjectDigest(subject, "shop"));
      assert.deepEqual(await actsOf(store, { tenant: "shop", entity: "subject", entityId: digest }), [
        {
          tenant: "shop",
          entity: "subject",
          entityId: digest,
          act: "forget",
          by: act.by,
          why: act.why,
          at: clock.now(),
        },
      ]);
    },
  },
  {
    about,
    name: "nobody is reminded of a forgotten subject, nor told that something is over; its levels and parked counters are gone",
    async run({ store }) {
      let broken = false;
      const failing: MilestonePolicy = {
        key: "breaks",
        contextual: true,
        levels: () => {
          if (broken) throw new Error("no such table");
          return [{ threshold: "5", at: 5, direction: "rising" }];
        },
      };
      const { milepost, notifier, clock } = setUp(store, {
        decrements: true,
        milestone: {
          ...{ policy: thresholds({ at: 1, rearmAt: 0 }), recipients: owner, remindEvery: hour },
          ...{ reminder: { text: "still {{value}}" }, resolved: { text: "over" } },
        },
        more: [
          milestone({ name: "own", metric: "of its own", policy: thresholdsOf() }),
          milestone({ name: "breaks", metric: "broken", policy: failing }),
        ],
      });
      milepost.on("error", () => {});
      await milepost.levels.set({ milestone: "own", subject, levels: [5] });
      await milepost.levels.set({ milestone: "own", levels: [7] });
      broken = true;
      await milepost.record({ id: "evt-1", metric: "broken", subject });
      assert.equal(
        (await milepost.parked.release({ metric: "broken", subject, by: "bob", why: "again" })) === null,
        false,
      );
      await count(milepost, 1);
      await milepost.runOnce();
      clock.advance(hour);
      await milepost.runOnce();
      notifier.expectSent(2);
      await milepost.record({ id: "back", metric, subject, amount: -1 });
      assert.equal((await store.notices.list({ tenant: "default", limit: 9 })).length, 2);

      const { erased, digest } = await milepost.forget(act);
      const { counters, crossings, notices, notifications, attempts, levels, parked } = erased;
      assert.deepEqual([counters, crossings, notices, notifications, attempts], [2, 1, 2, 2, 2]);
      assert.deepEqual([levels, parked], [1, 1]);
      clock.advance(hour);
      broken = false;
      await milepost.runOnce();
      notifier.expectSent(2);
      assert.deepEqual(await store.notices.list({ tenant: "default", limit: 9 }), []);
      assert.deepEqual([await milepost.parked.list(), await milepost.notifications.list()], [[], []]);
      assert.equal((await milepost.levels.list({ milestone: "own" })).length, 1, "the tenant's stay");
      const [own] = await milepost.state({ subject, milestone: "own" });
      assert.equal(own?.next?.at, 7);
      const entityId = JSON.stringify(["broken", digest, "lifetime"]);
      const acts = await actsOf(store, { tenant: "default", entity: "counter", entityId });
      assert.deepEqual(
        acts.map(({ act: what, by }) => `${what} ${by}`),
        ["release bob"],
      );
    },
  },
  {
    about,
    name: "what is being sent may still arrive: its row is gone, and the worker hears that it is lost",
    async run({ store }) {
      const lost: string[] = [];
      const notifier = memoryNotifier({ answer: () => accepted("provider-7") });
      const send = notifier.send.bind(notifier);
      const { milepost } = setUp(store, {
        notifier: Object.assign(notifier, {
          async send(...args: Parameters<typeof send>) {
            await milepost.forget(act);
            return send(...args);
          },
        }),
        milestone: { recipients: owner },
      });
      milepost.on("lease_lost", ({ notification }) => lost.push(notification));
      await count(milepost, 1);
      const report = await milepost.runOnce();
      notifier.expectSent(1);
      assert.deepEqual([report.notifications.lost, lost.length], [1, 1]);
      assert.deepEqual([await milepost.notifications.list(), await milepost.crossings.list()], [[], []]);
    },
  },
  {
    about,
    name: "an announcement whose recipients are being resolved queues nothing",
    async run({ store }) {
      const { milepost, notifier, clock } = setUp(store, {
        milestone: {
          recipients: {
            async resolve(crossing, context) {
              await milepost.forget(act);
              return owner.resolve(crossing, context) as never;
            },
          },
        },
      });
      await count(milepost, 1);
      assert.equal((await milepost.runOnce()).crossings.lost, 1);
      clock.advance(hour);
      await milepost.runOnce();
      notifier.expectSent(0);
      assert.deepEqual(await milepost.notifications.list(), []);
    },
  },
  {
    about,
    name: "a long history goes in many chunks, and a repeat of forget finds nothing",
    async run({ store }) {
      const { milepost } = setUp(store, { values: [1_000_000] });
      const metrics = { [metric]: { retain: "events" } } as const;
      const retaining = createMilepost({ store, metrics });
      await retaining.recordMany(Array.from({ length: 2_500 }, (_, i) => ({ id: `e${i}`, metric, subject })));
      const { erased } = await milepost.forget(act);
      assert.deepEqual([erased.events, erased.ids, erased.counters], [2_500, 2_500, 1]);
      const again = await milepost.forget(act);
      assert.deepEqual(new Set(Object.values(again.erased)), new Set([0]));
      assert.equal(
        (await retaining.record({ id: "e7", metric, subject, amount: 3 })).value,
        3,
        "also an id seen before",
      );
    },
  },
  {
    about,
    name: "one namesake in another tenant, and other subjects, go on as before",
    async run({ store }) {
      const { milepost } = setUp(store, { values: [2] });
      for (const [tenant, who] of [
        ["default", subject],
        ["shop", subject],
        ["default", "globex"],
      ] as const) {
        await milepost.record({ tenant, id: `first-${who}`, metric, subject: who });
      }
      await milepost.forget(act);
      const second = async (tenant: string, who: string) =>
        (await milepost.record({ tenant, id: `second-${who}`, metric, subject: who })).crossings.length;
      assert.deepEqual([await second("shop", subject), await second("default", "globex")], [1, 1]);
      assert.equal(await second("default", subject), 0);
    },
  },
  {
    about,
    name: "who asks must say who and why; a closed engine refuses",
    async run({ store }) {
      const { milepost } = setUp(store);
      const refused = async (input: object) => (await refusal(() => milepost.forget(input as never))).path;
      assert.equal(await refused({ subject }), "by");
      assert.equal(await refused({ ...act, why: "" }), "why");
      assert.equal(await refused({ ...act, subject: "" }), "subject");
      await milepost.close();
      assert.equal((await refusal(() => milepost.forget(act))).code, "closed");
    },
  },
];
