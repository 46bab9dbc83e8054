import assert from "node:assert/strict";
import type { Story } from "../delivery/story.js";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { percentOfLimit } from "../milestone/policies/percent-of-limit.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, ambiguous, refusedTransient } from "../notifier/notifier.js";
import type { ConformanceCase } from "./case.js";
import { metric, owner, refusal, StillClock, setUp } from "./engine-setup.js";

const about = "engine: explain";
const subject = "acme";

export const engineExplainCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a crossing's story has its event, what the jump said of the other levels, and who was told by which attempt",
    async run({ store }) {
      let calls = 0;
      const notifier = memoryNotifier({ answer: () => (++calls === 1 ? refusedTransient("busy") : accepted("p-7")) });
      const { milepost, clock } = setUp(store, { notifier, milestone: { recipients: owner } });
      const occurredAt = new Date("2026-11-01T11:00:00Z");
      const { crossings } = await milepost.record({ id: "evt-1", metric, subject, amount: 12, occurredAt });
      await milepost.runOnce();
      clock.advance(3_600_000);
      await milepost.runOnce();
      const [superseded, told] = crossings;
      const story = await milepost.explain({ crossing: told!.id });
      assert.ok(story);
      assert.deepEqual(story.crossing, (await milepost.crossings.list())[1]);
      assert.deepEqual([story.cause, story.limit, story.more], ["event", null, false]);
      assert.deepEqual(story.event, { id: "evt-1", occurredAt, amount: 12 });
      const { id, threshold, at, state, reason } = superseded!;
      assert.deepEqual(story.together, [{ id, threshold, at, state, reason }]);
      const [sent] = await milepost.notifications.list();
      const attempts = await milepost.notifications.attempts({ id: sent!.id });
      assert.deepEqual(story.notifications, [
        { notification: sent, attempts, acts: [], paused: false, parkedUntil: null },
      ]);
      assert.deepEqual(story.lines, [
        'Event "evt-1" of 2026-11-01T11:00:00.000Z counted 12: email.delivered of "acme" in lifetime went from 0 to 12.',
        'That passed level 10 of milestone "emails-delivered", at 10, rising.',
        "At the same time 1 at 1 was passed: nobody was told, superseded, a further level of the milestone was passed at the same time, and that one is said.",
        "It was announced to 1 recipient.",
        `Notification ${sent!.id} to olga@acme.example by email through "memory": sent at 2026-11-01T13:00:00.000Z.`,
        "  attempt 1 at 2026-11-01T12:00:00.000Z: refused_transient at 2026-11-01T12:00:00.000Z (busy)",
        "  attempt 2 at 2026-11-01T13:00:00.000Z: accepted at 2026-11-01T13:00:00.000Z",
      ]);
      const other = await milepost.explain({ crossing: superseded!.id });
      assert.deepEqual(other?.notifications, []);
      assert.equal(
        other?.lines.at(-1),
        "Nobody was told: superseded, a further level of the milestone was passed at the same time, and that one is said.",
      );
    },
  },
  {
    about,
    name: "a notification's story is its crossing's, with that one alone, and with what people did to it",
    async run({ store }) {
      const notifier = memoryNotifier({ answer: () => ambiguous("no answer in time") });
      const both = { resolve: async () => ["olga", "max"].map((name) => ({ address: `${name}@acme.example`, name })) };
      const { milepost } = setUp(store, { notifier, milestone: { recipients: both } });
      await milepost.record({ id: "evt-1", metric, subject });
      await milepost.runOnce();
      const [first, second] = await milepost.notifications.list();
      await milepost.notifications.resolve({ id: first!.id, as: "unknown", by: "ann", why: "asked them\nby phone" });
      const again = { id: first!.id, by: "ann", why: "they want it", acceptDuplicate: true };
      const redriven = await milepost.notifications.retry(again);
      const story = (await milepost.explain({ notification: first!.id })) as Story | null;
      assert.equal(story?.crossing.id, first!.source.id);
      const [told, ...more] = story!.notifications;
      assert.deepEqual([told?.notification.id, told?.notification.state, more], [first!.id, "unknown", []]);
      assert.deepEqual(
        told?.acts.map(({ act, by, why }) => [act, by, why]),
        [
          ["give_up", "ann", "asked them\nby phone"],
          ["redrive", "ann", "they want it"],
        ],
      );
      assert.deepEqual(story!.lines.slice(-4), [
        `Notification ${first!.id} to ${first!.recipient.address} by email through "memory": unknown at 2026-11-01T12:00:00.000Z, given_up, a person gave it up (no answer in time).`,
        "  attempt 1 at 2026-11-01T12:00:00.000Z: ambiguous at 2026-11-01T12:00:00.000Z (no answer in time)",
        '  ann asked for "give_up" at 2026-11-01T12:00:00.000Z: asked them by phone',
        '  ann asked for "redrive" at 2026-11-01T12:00:00.000Z: they want it',
      ]);
      await milepost.lanes.pause({ notifier: "memory", by: "ann", why: "quiet" });
      const next = await milepost.explain({ notification: redriven.id });
      assert.deepEqual(
        [next?.notifications[0]?.paused, next?.notifications[0]?.notification.redriveOf],
        [true, first!.id],
      );
      assert.match(next!.lines.at(-1)!, /which sends .* again: pending, its lane is paused\.$/);
      const whole = await milepost.explain({ crossing: first!.source.id });
      assert.deepEqual(
        whole?.notifications.map(({ notification }) => notification.id),
        [first!.id, second!.id, redriven.id],
      );
    },
  },
  {
    about,
    name: "a crossing that a limit caused tells of the limit's version, amount, and who set it why",
    async run({ store }) {
      const clock = new StillClock();
      const budget = milestone({ name: "budget", metric, policy: percentOfLimit(50) });
      const milepost = createMilepost({ store, milestones: [budget], runtime: { now: clock.now } });
      await milepost.limits.set({ metric, subject, amount: 1_000 });
      await milepost.record({ id: "evt-1", metric, subject, amount: 60, occurredAt: clock.now() });
      clock.advance(60_000);
      const set = await milepost.limits.set({ metric, subject, amount: 100, by: "olga", why: "a cut" });
      const story = await milepost.explain({ crossing: set.crossings[0]!.id });
      const { crossings: _, ...limit } = set;
      assert.deepEqual([story?.cause, story?.event, story?.limit], ["limit", null, limit]);
      assert.deepEqual(story?.lines, [
        'At 2026-11-01T12:01:00.000Z email.delivered of "acme" in lifetime stood at 60 when a limit came into force.',
        'That passed level 50% of milestone "budget", at 50, rising; the limit is 100, version 2, set by olga: a cut.',
        "Nobody was told: silent, its milestone tells nobody.",
      ]);
    },
  },
  {
    about,
    name: "a crossing that was adopted tells so, and what else was",
    async run({ store }) {
      const clock = new StillClock();
      const runtime = { now: clock.now };
      const first = milestone({ name: "first", metric, policy: thresholds(1_000) });
      const before = createMilepost({ store, milestones: [first], runtime });
      await before.record({ id: "evt-1", metric, subject, amount: 60 });
      const late = milestone({ name: "late", metric, policy: thresholds(10, 50) });
      const milepost = createMilepost({ store, milestones: [first, late], runtime });
      await milepost.runOnce();
      const [adopted] = await milepost.crossings.list();
      const story = await milepost.explain({ crossing: adopted!.id });
      assert.deepEqual(
        [story?.cause, story?.event, story?.together.map(({ threshold }) => threshold)],
        ["adoption", null, ["50"]],
      );
      assert.match(story!.lines[0]!, /stood at 60 when it met the milestone\.$/);
    },
  },
  {
    about,
    name: "a crossing that waits tells what for, with its last failure",
    async run({ store }) {
      const failing = { resolve: () => Promise.reject(new Error("the directory is down")) };
      const { milepost } = setUp(store, { milestone: { recipients: failing } });
      const { crossings } = await milepost.record({ id: "evt-1", metric, subject });
      const last = async () => (await milepost.explain({ crossing: crossings[0]!.id }))!.lines.at(-1)!;
      assert.equal(await last(), "Its announcement waits for a worker.");
      await milepost.runOnce();
      assert.match(
        await last(),
        /^Its announcement was tried once and waits to be tried again; .*the directory is down/,
      );
    },
  },
  {
    about,
    name: "an unknown id, or one of another tenant, has no story; one of both kinds, or none, is refused",
    async run({ store }) {
      const { milepost } = setUp(store, { milestone: { recipients: owner } });
      const { crossings } = await milepost.record({ id: "evt-1", metric, subject });
      assert.equal(await milepost.explain({ crossing: "unknown" }), null);
      assert.equal(await milepost.explain({ notification: crossings[0]!.id }), null);
      assert.equal(await milepost.explain({ tenant: "other", crossing: crossings[0]!.id }), null);
      const refused = async (query: object) => (await refusal(() => milepost.explain(query as never))).path;
      assert.equal(await refused({}), "crossing");
      assert.equal(await refused({ crossing: "a", notification: "b" }), "crossing");
      assert.equal(await refused({ crossing: "" }), "crossing");
    },
  },
];
