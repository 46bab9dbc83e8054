import assert from "node:assert/strict";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { ambiguous, refusedTransient } from "../notifier/notifier.js";
import type { ConformanceCase } from "./case.js";
import { metric, StillClock, setUp } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: hours";

const office = { from: "09:00", to: "17:30", zone: "recipient", otherwise: "Europe/Berlin" } as const;
const people = {
  resolve: async () => [
    { address: "tokyo@acme.example", name: "Tokyo", zone: "Asia/Tokyo" },
    { address: "kathmandu@acme.example", name: "Kathmandu", zone: "Asia/Kathmandu" },
    { address: "berlin@acme.example", name: "Berlin", zone: "Europe/Berlin" },
    { address: "nowhere@acme.example", name: "Nowhere", zone: "Nowhere/Land" },
    { address: "new-york@acme.example", name: "New-York", zone: "America/New_York" },
  ],
};

/** From 2026-11-01T12:00Z on; who was told, and when by UTC. */
function told(calls: readonly { readonly to: string; readonly at: Date }[]): readonly string[] {
  return calls.map(({ to, at }) => `${at.toISOString().slice(5, 16)} ${to.split("@")[0]}`);
}

export const engineHoursCases: readonly ConformanceCase[] = [
  {
    about,
    name: "each recipient is told when their own day allows it, and those without a zone by the other one",
    async run({ store }) {
      const clock = new StillClock();
      const calls: { to: string; at: Date }[] = [];
      const notifier = memoryNotifier({
        answer: ({ to }) => {
          calls.push({ to: to.address, at: clock.now() });
        },
      });
      const { milepost } = setUp(store, {
        ...{ clock, notifier, values: [1] },
        milestone: { recipients: people, hours: office },
      });
      await milepost.record({ id: "e", metric, subject: "acme" });
      for (let passes = 0; passes < 96; passes++) {
        await milepost.runOnce();
        clock.advance(15 * minute);
      }
      assert.deepEqual(told(calls), [
        "11-01T12:00 berlin",
        "11-01T12:00 nowhere",
        "11-01T14:00 new-york",
        "11-02T00:00 tokyo",
        "11-02T03:15 kathmandu",
      ]);
      const rows = await milepost.notifications.list();
      assert.ok(rows.every(({ state, attempts }) => state === "sent" && attempts === 1));
    },
  },
  {
    about,
    name: "what is not sent when the hours close waits for the next ones, with the tries it has left",
    async run({ store }) {
      const clock = new StillClock();
      const calls: Date[] = [];
      const notifier = memoryNotifier({
        answer: (_, { attempt }) => {
          calls.push(clock.now());
          return attempt < 3 ? refusedTransient("busy") : undefined;
        },
      });
      const { milepost } = setUp(store, {
        ...{ clock, notifier, values: [1] },
        delivery: { retryBase: 4 * hour, retryCap: 4 * hour },
        milestone: {
          recipients: { resolve: async () => [{ address: "ada@acme.example", name: "Ada" }] },
          // Sunday, when it is reached, and Wednesday
          hours: { from: "12:00", to: "14:00", days: [7, 3], zone: "UTC" },
        },
      });
      await milepost.record({ id: "e", metric, subject: "acme" });
      await milepost.runOnce();
      const [waiting] = await milepost.notifications.list();
      assert.deepEqual([waiting?.state, waiting?.attempts, waiting?.hours?.zone], ["pending", 1, "UTC"]);
      for (let passes = 0; passes < 14 * 24 * 4; passes++) {
        clock.advance(15 * minute);
        await milepost.runOnce();
      }
      assert.deepEqual(
        calls.map((at) => at.toISOString().slice(5, 13)),
        ["11-01T12", "11-04T12", "11-08T12"],
      );
      assert.equal((await milepost.notifications.list())[0]?.state, "sent");
    },
  },
  {
    about,
    name: "what expires before its hours open ends as expired, and nobody is called",
    async run({ store }) {
      const { milepost, notifier, clock } = setUp(store, {
        values: [1],
        milestone: { hours: { from: "06:00", to: "07:00", zone: "UTC" }, expiresIn: 10 * hour },
      });
      await milepost.subjects.put({
        id: "acme",
        members: [{ address: "ada@acme.example", name: "Ada", role: "owner" }],
      });
      await milepost.record({ id: "e", metric, subject: "acme" });
      for (let passes = 0; passes < 30; passes++) {
        await milepost.runOnce();
        clock.advance(hour);
      }
      const [row] = await milepost.notifications.list();
      assert.deepEqual([row?.state, row?.reason, notifier.sent.length], ["expired", "expired", 0]);
    },
  },
  {
    about,
    name: "a retry of a person waits for the hours as well, and explain() names them",
    async run({ store }) {
      const clock = new StillClock();
      let calls = 0;
      const notifier = memoryNotifier({ answer: () => (++calls === 1 ? ambiguous("no answer") : undefined) });
      const { milepost } = setUp(store, {
        ...{ clock, notifier, values: [1] },
        milestone: {
          recipients: { resolve: async () => [{ address: "ada@acme.example", name: "Ada" }] },
          hours: { from: "12:00", to: "13:00", zone: "UTC" },
        },
      });
      await milepost.record({ id: "e", metric, subject: "acme" });
      await milepost.runOnce();
      clock.advance(2 * hour);
      const [row] = await milepost.notifications.list();
      await milepost.notifications.retry({ id: row!.id, by: "ann", why: "she got nothing" });
      await milepost.runOnce();
      assert.equal(calls, 1);
      const story = await milepost.explain({ notification: row!.id });
      assert.match(
        story!.lines.join("\n"),
        /: pending, from 2026-11-02T12:00:00\.000Z on, within 12:00 to 13:00 UTC\.$/m,
      );
      clock.advance(22 * hour);
      await milepost.runOnce();
      assert.equal(calls, 2);
    },
  },
];
