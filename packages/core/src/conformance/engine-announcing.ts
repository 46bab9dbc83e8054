import assert from "node:assert/strict";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { refusedPermanent } from "../notifier/notifier.js";
import type { Recipient } from "../recipient/recipient.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, putAcme, refusal, setUp } from "./engine-setup.js";

const about = "engine: announcing";

const backoff = { retryBase: 1_000, retryCap: 1_000 };

export const engineAnnouncingCases: readonly ConformanceCase[] = [
  {
    about,
    name: "tells members with the wanted roles, once per crossing, and never the others",
    async run({ store }) {
      const { milepost, notifier } = setUp(store);
      await putAcme(milepost);
      await count(milepost, 10);
      const report = await milepost.runOnce();
      assert.equal(report.crossings.announced, 2);
      notifier.expectSent(1, { to: "olga@acme.example", subject: "Acme reached 1", text: "Hello Olga, 1." });
      notifier.expectSent(1, { to: "max@acme.example", subject: "Acme reached 10", text: "Hello Max, 10." });
      notifier.expectSent(0, { to: "vera@acme.example" });
      notifier.expectSent(4);
      await milepost.runOnce();
      notifier.expectSent(4);
      const [first] = await milepost.crossings.list();
      assert.deepEqual([first?.state, first?.reason, first?.notifications], ["announced", null, 2]);
    },
  },
  {
    about,
    name: "takes members of the directory as recipients as they are, and calls them by first and last name",
    async run({ store }) {
      const { milepost, notifier } = setUp(store, {
        milestone: {
          recipients: { resolve: (crossing, { subjects }) => subjects.members({ subject: crossing.subject }) },
        },
      });
      const members = [{ address: "olga@acme.example", firstName: "Olga", lastName: "Ivanova" }];
      await milepost.subjects.put({ id: "acme", members });
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(1, { text: "Hello Olga Ivanova, 1." });
    },
  },
  {
    about,
    name: "an address that its channel does not take costs nobody else their message",
    async run({ store }) {
      const dressed = "Ann <ann@acme.example>";
      const addresses = [dressed, "mailto:eve@acme.example", "olga@acme.example", "<@U1>"];
      const { milepost, notifier } = setUp(store, {
        notifier: memoryNotifier({
          answer: ({ to }) => (to.address === dressed ? refusedPermanent("no mailbox") : undefined),
        }),
        milestone: { recipients: { resolve: async () => addresses.map((address) => ({ address, name: "A" })) } },
      });
      const person = { by: "ann", why: "asked" };
      await milepost.suppressions.add({ address: "Eve@acme.example", ...person });
      await count(milepost, 1);
      await milepost.runOnce();
      assert.equal((await milepost.crossings.list())[0]?.state, "announced");
      const rows = await milepost.notifications.list();
      const stateOf = (address: string) => rows.find(({ recipient }) => recipient.address === address)?.state;
      assert.deepEqual(addresses.map(stateOf), ["failed", "suppressed", "sent", "sent"]);
      notifier.expectSent(1, { to: "olga@acme.example" });
      notifier.expectSent(1, { to: "<@U1>" });
      // a chat's id is an address as it is, wherever one is asked for
      await milepost.subjects.put({ id: "acme", members: [{ address: "<@U1>" }] });
      await milepost.suppressions.add({ address: "<@U1>", ...person });
      const members = { id: "globex", members: [{ address: dressed }] };
      const { code, path } = await refusal(() => milepost.subjects.put(members));
      assert.deepEqual([code, path], ["invalid_subject", "subject.members[0].address"]);
    },
  },
  {
    about,
    name: "leaves a crossing whose subject has nobody to tell visibly unaddressed",
    async run({ store }) {
      const { milepost, notifier } = setUp(store);
      await milepost.subjects.put({ id: "acme", members: [{ address: "vera@acme.example", role: "viewer" }] });
      const heard: string[] = [];
      milepost.on("unaddressed", ({ subject }) => heard.push(subject));
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(0);
      assert.deepEqual(heard, ["acme"]);
      const [crossing] = await milepost.crossings.list({ states: ["unaddressed"] });
      assert.deepEqual([crossing?.reason, crossing?.notifications], ["unaddressed", 0]);
    },
  },
  {
    about,
    name: "sends one mail to two members with one address, however it is written",
    async run({ store }) {
      const { milepost, notifier } = setUp(store);
      await milepost.subjects.put({
        id: "acme",
        members: [
          { address: "Info@Büro.example", role: "owner", name: "Olga" },
          { address: " info@xn--bro-hoa.example", role: "manager", name: "Max" },
        ],
      });
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(1);
    },
  },
  {
    about,
    name: "tries a failing resolver again after a delay: nothing is lost, nothing doubled",
    async run({ store }) {
      let calls = 0;
      const recipients = {
        async resolve() {
          calls++;
          if (calls <= 2) throw new Error(`directory away ${calls}`);
          return [{ address: "olga@acme.example", name: "Olga" }];
        },
      };
      const { milepost, notifier, clock } = setUp(store, { milestone: { recipients }, delivery: backoff });
      await count(milepost, 1);
      for (let pass = 1; pass <= 2; pass++) {
        await milepost.runOnce();
        await milepost.runOnce();
        assert.equal(calls, pass, "not before its time");
        const [crossing] = await milepost.crossings.list();
        assert.deepEqual([crossing?.state, crossing?.detail], ["pending", `directory away ${pass}`]);
        clock.advance(1_000);
      }
      await milepost.runOnce();
      await milepost.runOnce();
      notifier.expectSent(1);
      assert.equal((await milepost.crossings.list())[0]?.attempts, 3);
    },
  },
  {
    about,
    name: "fails a crossing, with its reason, whose resolver never answers well",
    async run({ store }) {
      const recipients = { resolve: () => Promise.reject(new Error("no such table")) };
      const delivery = { ...backoff, announceTries: 3 };
      const { milepost, clock } = setUp(store, { milestone: { recipients }, delivery });
      const ends: boolean[] = [];
      milepost.on("announce_failed", ({ final }) => ends.push(final));
      await count(milepost, 1);
      for (let i = 0; i < 5; i++) {
        await milepost.runOnce();
        clock.advance(1_000);
      }
      assert.deepEqual(ends, [false, false, true]);
      const [crossing] = await milepost.crossings.list({ states: ["failed"] });
      assert.deepEqual([crossing?.reason, crossing?.detail], ["resolver_failed", "no such table"]);
    },
  },
  {
    about,
    name: "queues nothing of a message that has no value for a required tag, and names recipient and tag",
    async run({ store }) {
      const recipients = {
        resolve: async () => [{ address: "olga@acme.example", firstName: "Olga" }, { address: "max@acme.example" }],
      };
      const message = { subject: "{{threshold}}", text: "Dear {{recipient.firstName}}" };
      const delivery = { ...backoff, announceTries: 1 };
      const { milepost, notifier } = setUp(store, { milestone: { recipients, message }, delivery });
      milepost.on("announce_failed", () => {});
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(0);
      assert.deepEqual(await milepost.notifications.list(), []);
      const [crossing] = await milepost.crossings.list();
      assert.equal(crossing?.reason, "missing_tag");
      assert.match(crossing?.detail ?? "", /recipients\[1\].*\{\{recipient\.firstName\}\}/);
    },
  },
  {
    about,
    name: "refuses recipients and template data it cannot keep, without queueing anybody",
    async run({ store }) {
      const evil = JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>;
      let deep: unknown = 1;
      for (let i = 0; i < 10_000; i++) deep = [deep];
      const hostile: readonly (readonly [Recipient, Record<string, unknown>, RegExp])[] = [
        [{ address: "olga@acme.example\r\nBcc: all@acme.example" }, {}, /recipients\[0\]\.address/],
        [{ address: "" }, {}, /recipients\[0\]\.address/],
        [{ address: "olga@acme.example", name: "a\nb" }, {}, /recipients\[0\]\.name/],
        [{ address: "olga@acme.example" }, evil, /data\.__proto__/],
        [{ address: "olga@acme.example" }, { deep }, /data\.deep/],
        [{ address: "olga@acme.example" }, { big: "x".repeat(10_000_000) }, /data\.big/],
        [{ address: "olga@acme.example" }, { run: () => 1 }, /data\.run/],
      ];
      let at = 0;
      const recipients = { resolve: async () => [hostile[at]![0]] };
      const message = { text: "hello", data: () => hostile[at]![1] };
      const delivery = { ...backoff, announceTries: 1 };
      const { milepost } = setUp(store, { milestone: { recipients, message }, delivery });
      milepost.on("announce_failed", () => {});
      for (; at < hostile.length; at++) {
        await milepost.record({ id: `h${at}`, metric, subject: `hostile-${at}` });
        await milepost.runOnce();
        const [crossing] = await milepost.crossings.list({ subject: `hostile-${at}` });
        assert.equal(crossing?.state, "failed");
        assert.match(crossing?.detail ?? "", hostile[at]![2]);
      }
      assert.deepEqual(await milepost.notifications.list(), []);
      assert.equal(Object.hasOwn(Object.prototype, "admin"), false);
    },
  },
  {
    about,
    name: "refuses subjects it cannot keep with the path of the field, and stores none of the call",
    async run({ store }) {
      const { milepost } = setUp(store);
      const evil = JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>;
      const members = [{ address: "olga@acme.example" }];
      const cases: readonly (readonly [object, string])[] = [
        [{ id: "" }, "subjects[1].id"],
        [{ id: "b", fields: evil }, "subjects[1].fields.__proto__"],
        [{ id: "b", fields: { big: "x".repeat(70_000) } }, "subjects[1].fields.big"],
        [{ id: "b", members: [{ address: "" }] }, "subjects[1].members[0].address"],
        [{ id: "b", members: [{ address: "x".repeat(10_000_000) }] }, "subjects[1].members[0].address"],
        [
          {
            id: "b",
            members: [
              { address: "a@b.example", id: "1" },
              { address: "c@b.example", id: "1" },
            ],
          },
          "subjects[1].members[1].id",
        ],
        [{ id: "b", adress: "x" }, "subjects[1].adress"],
      ];
      for (const [subject, path] of cases) {
        const error = await refusal(() => milepost.subjects.put([{ id: "acme", members }, subject as { id: string }]));
        assert.deepEqual([error.code, error.path], ["invalid_subject", path]);
      }
      assert.equal(await milepost.subjects.get({ id: "acme" }), null);
    },
  },
  {
    about,
    name: "says the highest of several levels that one event passed and keeps the others as superseded",
    async run({ store }) {
      const { milepost, notifier } = setUp(store);
      await putAcme(milepost);
      const { crossings } = await milepost.record({ id: "e1", metric, subject: "acme", amount: 250 });
      assert.deepEqual(
        crossings.map((c) => [c.threshold, c.state, c.reason]),
        [
          ["1", "superseded", "superseded"],
          ["10", "superseded", "superseded"],
          ["100", "pending", null],
        ],
      );
      await milepost.runOnce();
      notifier.expectSent(2, { subject: "Acme reached 100" });
      notifier.expectSent(2);
    },
  },
  {
    about,
    name: "records crossings of a milestone that tells nobody as silent, beside one that speaks",
    async run({ store }) {
      const quiet = milestone({ name: "quiet", metric, policy: thresholds(1) });
      const { milepost, notifier } = setUp(store, { more: [quiet] });
      await putAcme(milepost);
      await count(milepost, 1);
      await milepost.runOnce();
      notifier.expectSent(2);
      const [silent] = await milepost.crossings.list({ milestone: "quiet" });
      assert.deepEqual([silent?.state, silent?.reason], ["silent", "silent"]);
    },
  },
  {
    about,
    name: "queues streamed recipients in chunks, each address once, also after a stream that broke off",
    async run({ store }) {
      let broken = false;
      const recipients = {
        async *resolve() {
          for (let i = 0; i < 2_500; i++) {
            if (i === 2_200 && !broken) {
              broken = true;
              throw new Error("cursor lost");
            }
            yield { address: `p${i % 2_400}@acme.example`, name: "P" };
          }
        },
      };
      const { milepost, clock } = setUp(store, { milestone: { recipients }, delivery: backoff });
      await milepost.lanes.pause({ notifier: "memory", by: "test", why: "only the queue is looked at" });
      await count(milepost, 1);
      await milepost.runOnce();
      assert.deepEqual(await milepost.notifications.count(), [{ state: "pending", reason: null, count: 2_000 }]);
      clock.advance(1_000);
      await milepost.runOnce();
      assert.deepEqual(await milepost.notifications.count(), [{ state: "pending", reason: null, count: 2_400 }]);
      assert.deepEqual((await milepost.crossings.list())[0]?.notifications, 2_400);
    },
  },
  {
    about,
    name: "stores why an announcement failed, whatever was thrown",
    async run({ store }) {
      const thrown = [new Error("a\0b\nc"), Object.create(null), "😀".repeat(400)];
      const recipients = {
        resolve: ({ subject }: { readonly subject: string }) => Promise.reject(thrown[Number(subject)]),
      };
      const { milepost } = setUp(store, { milestone: { recipients }, delivery: { ...backoff, announceTries: 1 } });
      milepost.on("announce_failed", () => {});
      for (const subject of thrown.keys())
        await milepost.record({ id: `e${subject}`, metric, subject: String(subject) });
      await milepost.runOnce();
      const failed = await milepost.crossings.list({ states: ["failed"] });
      assert.deepEqual(
        failed.map(({ reason }) => reason),
        ["resolver_failed", "resolver_failed", "resolver_failed"],
      );
      assert.deepEqual(
        failed.map(({ detail }) => detail?.slice(0, 9)),
        ["a b c", "something", "😀😀😀😀😀".slice(0, 9)],
      );
    },
  },
  {
    about,
    name: "announces each crossing once although two engines work on it",
    async run(opened) {
      const notifier = memoryNotifier();
      const first = setUp(opened.store, { notifier });
      const other = (await opened.reopen?.()) ?? opened.store;
      const second = setUp(other, { notifier, clock: first.clock });
      await putAcme(first.milepost);
      for (let i = 0; i < 10; i++)
        await first.milepost.record({ id: `t${i}`, tenant: `t${i}`, metric, subject: "acme" });
      await Promise.all([first.milepost, second.milepost].map((m) => count(m, 100)));
      await Promise.all([first.milepost.runOnce(), second.milepost.runOnce()]);
      await first.milepost.runOnce();
      notifier.expectSent(6);
      const states = (await first.milepost.crossings.list({ limit: 100 })).map((c) => c.state);
      assert.deepEqual(states, ["announced", "announced", "announced"]);
    },
  },
  {
    about,
    name: "takes over the crossing of a worker that died, and does not believe that worker when it comes back",
    async run({ store }) {
      const { milepost, notifier, clock } = setUp(store);
      await putAcme(milepost);
      await count(milepost, 1);
      const claim = { milestones: ["emails-delivered"], limit: 10, lease: 60_000, now: clock.now() };
      const [dead] = await store.crossings.claim(claim);
      await milepost.runOnce();
      notifier.expectSent(0);
      clock.advance(60_000);
      await milepost.runOnce();
      notifier.expectSent(2);
      const late = { tenant: "default", id: dead!.id, fence: dead!.fence, notifications: [], templates: {}, lease: 1 };
      assert.equal((await store.crossings.announce({ ...late, last: true })).result, "lost");
    },
  },
];
