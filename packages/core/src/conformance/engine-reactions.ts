import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { refusedPermanent, refusedTransient } from "../notifier/notifier.js";
import { type CrossingFacts, type ReactionHandler, type ReactionOptions, reaction } from "../notifier/reaction.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { metric } from "./effect-setup.js";
import { StillClock } from "./engine-setup.js";
import { hour } from "./samples.js";

const about = "engine: reactions";
const hostile = `it's "quoted" {{subject.id}} {{{value}}} <b>&amp; \\ é \u{1f389} \u2028`;

function reacting(store: Store, handler: ReactionHandler, options: ReactionOptions = {}) {
  const clock = new StillClock();
  const parts = reaction("upgrade", handler, options);
  const policy = thresholds({ at: 10, code: "ten", severity: "warning" }, 100);
  const milepost = createMilepost({
    store,
    milestones: [milestone({ name: "seats", metric, policy, onJump: "each", ...parts })],
    runtime: { now: clock.now },
  });
  /** Passes, each an hour after the one before. */
  async function passes(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await milepost.runOnce();
      clock.advance(hour);
    }
  }
  return { milepost, clock, passes };
}

export const engineReactionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a reaction is told the facts of its crossing, as they were recorded, with a key for what it calls",
    async run({ store }) {
      const told: (readonly [CrossingFacts, string])[] = [];
      const { milepost, clock, passes } = reacting(store, async (facts, { idempotencyKey }) => {
        told.push([facts, idempotencyKey]);
      });
      const reachedAt = clock.now().toISOString();
      await milepost.record({ id: hostile, metric, subject: hostile, amount: 150 });
      const [ten, hundred] = await milepost.crossings.list();
      await passes(2);
      const same = { tenant: "default", milestone: "seats", metric, subject: hostile, period: "lifetime" };
      const rest = {
        direction: "rising",
        arming: 1,
        limit: null,
        previous: 0,
        value: 150,
        eventId: hostile,
        reachedAt,
      };
      const facts = [
        { crossing: ten?.id, ...same, threshold: "10", code: "ten", severity: "warning", at: 10, ...rest },
        { crossing: hundred?.id, ...same, threshold: "100", code: null, severity: null, at: 100, ...rest },
      ];
      const byLevel = told.toSorted(([a], [b]) => a.at - b.at);
      assert.deepEqual(
        byLevel.map(([each]) => each),
        facts,
      );
      assert.equal(new Set(told.map(([, key]) => key)).size, 2);
      const sent = await milepost.notifications.list();
      assert.deepEqual(
        sent.map(({ channel, state }) => `${channel} ${state}`),
        ["reaction sent", "reaction sent"],
      );
    },
  },
  {
    about,
    name: "a reaction that throws is tried again with the same key until it returns, and then no more",
    async run({ store }) {
      const keys: string[] = [];
      const { milepost, passes } = reacting(store, async (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (keys.length < 3) throw new Error("the service is away");
      });
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 10 });
      await passes(8);
      assert.equal(keys.length, 3);
      assert.equal(new Set(keys).size, 1);
      const [row] = await milepost.notifications.list();
      assert.equal(row?.state, "sent");
    },
  },
  {
    about,
    name: "a reaction that never returns well is given up after its attempts, with the reason",
    async run({ store }) {
      let tries = 0;
      const { milepost, passes } = reacting(store, async () => {
        tries++;
        return refusedTransient("away");
      });
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 10 });
      await passes(12);
      const [row] = await milepost.notifications.list();
      assert.deepEqual([tries, row?.state, row?.reason], [5, "failed", "attempts_used_up"]);
    },
  },
  {
    about,
    name: "what a reaction refuses for good is failed at once",
    async run({ store }) {
      let tries = 0;
      const { milepost, passes } = reacting(store, async () => {
        tries++;
        return refusedPermanent("no such plan");
      });
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 10 });
      await passes(4);
      const [row] = await milepost.notifications.list();
      assert.deepEqual([tries, row?.state, row?.reason], [1, "failed", "refused"]);
    },
  },
  {
    about,
    name: "at-most-once, a reaction that throws is not tried again",
    async run({ store }) {
      let tries = 0;
      const { milepost, passes } = reacting(
        store,
        async () => {
          tries++;
          throw new Error("half way");
        },
        { mode: "at-most-once" },
      );
      await milepost.record({ id: "e1", metric, subject: "acme", amount: 10 });
      await passes(8);
      const [row] = await milepost.notifications.list();
      assert.deepEqual([tries, row?.state], [1, "ambiguous"]);
    },
  },
];
