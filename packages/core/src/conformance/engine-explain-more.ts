import assert from "node:assert/strict";
import type { Story } from "../delivery/story.js";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { forecast } from "../milestone/policies/forecast.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { thresholdsOf } from "../milestone/policies/thresholds-of.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, refusedPermanent } from "../notifier/notifier.js";
import type { ConformanceCase } from "./case.js";
import { metric, owner, type Setup, StillClock, setUp } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: explain";
const subject = "acme";
const day = 24 * hour;

/** An engine that reminds after an hour and says when it is over, after it was told of 10 and reminded once. */
async function reminded(store: Parameters<typeof setUp>[0]): Promise<Setup> {
  let calls = 0;
  const notifier = memoryNotifier({ answer: () => (++calls === 2 ? refusedPermanent("no more") : accepted("p")) });
  const setup = setUp(store, {
    ...{ notifier, decrements: true },
    milestone: {
      ...{ policy: thresholds({ at: 10, rearmAt: 5 }), recipients: owner, remindEvery: hour },
      ...{ reminder: { text: "still {{value}}" }, resolved: { text: "over" } },
    },
  });
  await setup.milepost.record({ id: "evt-1", metric, subject, amount: 12 });
  await setup.milepost.runOnce();
  setup.clock.advance(hour);
  await setup.milepost.runOnce();
  return setup;
}

export const engineExplainMoreCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a crossing's story goes on with its reminders and with that it is over, and who was told of those",
    async run({ store }) {
      const { milepost, clock } = await reminded(store);
      clock.advance(minute);
      await milepost.record({ id: "evt-2", metric, subject, amount: -8, occurredAt: clock.now() });
      const [crossing] = await milepost.crossings.list();
      const story = await milepost.explain({ crossing: crossing!.id });
      assert.ok(story);
      const stored = await store.notices.list({ tenant: "default", crossings: [crossing!.id], limit: 9 });
      assert.deepEqual(
        story.notices.map(({ notice }) => notice),
        stored,
      );
      assert.deepEqual(
        stored.map(({ kind, state }) => `${kind} ${state}`),
        ["reminder announced", "resolved pending"],
      );
      const [first, second] = await milepost.notifications.list();
      assert.deepEqual(
        story.notifications.map(({ notification }) => notification),
        [first],
      );
      const attempts = await milepost.notifications.attempts({ id: second!.id });
      assert.deepEqual(story.notices[0]?.notifications, [
        { notification: second, attempts, acts: [], paused: false, parkedUntil: null },
      ]);
      assert.deepEqual(
        [story.more, story.moreNotices, story.notices.map(({ more }) => more)],
        [false, false, [false, false]],
      );
      assert.deepEqual(story.lines.slice(-4), [
        "Reminder 1, of 2026-11-01T13:00:00.000Z with the value at 12: it was announced to 1 recipient.",
        `Notification ${second!.id} to olga@acme.example by email through "memory": failed at 2026-11-01T13:00:00.000Z, refused, it was refused for good, by the other side or before it was sent (no more).`,
        "  attempt 1 at 2026-11-01T13:00:00.000Z: refused_permanent at 2026-11-01T13:00:00.000Z (no more)",
        "That it is over, of 2026-11-01T13:01:00.000Z with the value at 4: its announcement waits for a worker.",
      ]);
    },
  },
  {
    about,
    name: "a reminder's notification tells of its reminder and of the crossing behind it, and of no other",
    async run({ store }) {
      const { milepost, clock } = await reminded(store);
      clock.advance(hour);
      await milepost.runOnce();
      const [crossing] = await milepost.crossings.list();
      const rows = await milepost.notifications.list();
      assert.deepEqual(
        rows.map(({ source }) => source.kind),
        ["crossing", "notice", "notice"],
      );
      const story = (await milepost.explain({ notification: rows[2]!.id })) as Story | null;
      assert.deepEqual([story?.crossing.id, story?.event?.id, story?.notifications], [crossing!.id, "evt-1", []]);
      assert.deepEqual(
        story?.notices.map(({ notice, notifications }) => [
          notice.number,
          notifications.map((each) => each.notification.id),
        ]),
        [[2, [rows[2]!.id]]],
      );
      assert.match(story!.lines.at(-3)!, /^Reminder 2, of 2026-11-01T14:00:00\.000Z with the value at 12: /);
      const own = (await milepost.explain({ notification: rows[0]!.id })) as Story | null;
      assert.deepEqual([own?.notifications.length, own?.notices], [1, []]);
      assert.equal(await milepost.explain({ tenant: "other", notification: rows[2]!.id }), null);
    },
  },
  {
    about,
    name: "a story has a hundred reminders and a hundred notifications at most, and says that there are more",
    async run({ store }) {
      const many = Array.from({ length: 60 }, (_, i) => ({ address: `p${i}@acme.example`, name: "P" }));
      const { milepost, clock } = setUp(store, {
        milestone: { recipients: { resolve: async () => many }, remindEvery: hour, reminder: { text: "still" } },
      });
      await milepost.record({ id: "evt-1", metric, subject });
      for (let i = 0; i < 3; i++) {
        await milepost.runOnce();
        clock.advance(hour);
      }
      const [crossing] = await milepost.crossings.list();
      const story = await milepost.explain({ crossing: crossing!.id });
      assert.deepEqual(
        [story!, ...story!.notices].map(({ notifications, more }) => [notifications.length, more]),
        [
          [60, false],
          [40, true],
          [0, true],
        ],
      );
      assert.equal(story!.lines.at(-1), "It has more notifications than these 0.");
    },
  },
  {
    about,
    name: "a crossing of stored levels names the version, whose it is, and who set it why; one of the default none",
    async run({ store }) {
      const clock = new StillClock();
      const own = milestone({ name: "own", metric, policy: thresholdsOf({ default: [10] }) });
      const milepost = createMilepost({ store, milestones: [own], runtime: { now: clock.now } });
      const count = async (id: string, amount: number) => {
        clock.advance(minute);
        const { crossings } = await milepost.record({ id, metric, subject, amount, occurredAt: clock.now() });
        return (await milepost.explain({ crossing: crossings[0]!.id }))!;
      };
      assert.equal((await count("default", 10)).levels, null);
      await milepost.levels.set({ milestone: "own", levels: [30] });
      const ofTenant = await count("tenant", 20);
      assert.deepEqual([ofTenant.levels?.subject, ofTenant.levels?.version], ["", 1]);
      await milepost.levels.set({ milestone: "own", subject, levels: [60], by: "olga", why: "their wish" });
      clock.advance(minute);
      const second = await milepost.levels.set({
        milestone: "own",
        subject,
        levels: [25, 50],
        by: "olga",
        why: "their wish",
      });
      const ofSubject = await count("subject", 25);
      assert.deepEqual(ofSubject.levels, second);
      assert.equal(
        ofSubject.lines[1],
        'That passed level 50 of milestone "own", at 50, rising; the levels are the subject\'s own, version 2, set by olga: their wish.',
      );
      const adopted = (await milepost.crossings.list()).find(({ threshold }) => threshold === "25");
      const behind = await milepost.explain({ crossing: adopted!.id });
      assert.deepEqual([behind?.cause, behind?.levels?.version], ["adoption", 2]);
      assert.match(behind!.lines[0]!, /stood at 30 when it met these levels\.$/);
    },
  },
  {
    about,
    name: "a forecast that was passed without an event was passed by time",
    async run({ store }) {
      const clock = new StillClock();
      const pace = milestone({ name: "pace", metric, period: "month:UTC", policy: forecast(100) });
      const installed = createMilepost({ store, milestones: [pace], runtime: { now: clock.now } });
      await installed.ready();
      clock.advance(30 * day - 12 * hour);
      const milepost = createMilepost({ store, milestones: [pace], runtime: { now: clock.now } });
      await milepost.limits.set({ metric, subject, amount: 3_100 });
      await milepost.record({ id: "evt-1", metric, subject, amount: 900, occurredAt: clock.now() });
      clock.advance(4 * day);
      await milepost.runOnce();
      const [crossing] = await milepost.crossings.list();
      const story = await milepost.explain({ crossing: crossing!.id });
      assert.deepEqual([story?.cause, story?.event, story?.limit?.version], ["time", null, 1]);
      assert.match(
        story!.lines[0]!,
        /^At 2026-12-05T00:00:00\.000Z .* stood at 900 when it was looked at without an event\.$/,
      );
    },
  },
];
