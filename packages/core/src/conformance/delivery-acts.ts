import assert from "node:assert/strict";
import type { DecideAct } from "../store/notification-repository.js";
import { commandKind, type DeliveryCommandKind } from "./delivery-command.js";
import { actOn } from "./delivery-model-acts.js";
import { limitLane } from "./delivery-model-lane.js";
import { walkAddresses, walkNotifiers, walkScopes, walkTenant, walkTiming } from "./delivery-world.js";
import { assertRefused } from "./samples.js";

// What persons do, to a notification and to a lane.

const decide = commandKind(
  "decide",
  4,
  (world) => world.rows.size > 0,
  async ({ world, store, pick }) => {
    const act = pick.of(["cancel", "resend", "confirm", "give_up", "redrive"] as const);
    const rows = [...world.rows.values()];
    const from = pick.of(fits[act]);
    const fitting = rows.filter(({ state }) => state === from);
    const row = pick.of(pick.below(4) > 0 && fitting.length > 0 ? fitting : rows);
    const input = {
      ...{ act, why: `because ${world.now}`, newId: `${row.id}+`, margin: walkTiming.settleMargin },
      acceptDuplicate: pick.below(2) === 0,
    };
    const attempts = row.attempts.length;
    const expected = actOn(row, input, world.now);
    const step = store.notifications.decide({ tenant: walkTenant, id: row.id, by: "ada", ...input, now: world.date() });
    if (expected === "refused") {
      await assertRefused(step, "act_refused");
      return `${act} of ${row.id}: refused`;
    }
    const answered = await step;
    if (act === "resend" || act === "confirm") world.outside.acted(row.id, act, attempts);
    if (expected !== "done") {
      world.rows.set(expected.id, expected);
      world.outside.expect(expected.id, expected.mode, expected.keyLifetime, expected.maxAttempts);
    }
    const now = expected === "done" ? row : expected;
    assert.deepEqual([answered.id, answered.state], [now.id, now.state]);
    return `${act} of ${row.id}: ${now.state}`;
  },
);

/** Where each act is not refused outright: chosen more often. */
const fits: Readonly<Record<DecideAct, readonly string[]>> = {
  cancel: ["sending", "sending", "sending", "pending", "leased", "ambiguous"],
  resend: ["ambiguous"],
  confirm: ["ambiguous"],
  give_up: ["ambiguous"],
  redrive: ["failed", "unknown", "expired"],
};

const pause = commandKind(
  "pause",
  2,
  () => true,
  async ({ world, store, pick }) => {
    const notifier = pick.of(walkNotifiers);
    const lane = world.lane(notifier);
    const paused = pick.below(5) < 2;
    const given = { tenant: walkTenant, notifier, paused, by: "ada", why: "outage", now: world.date() };
    assert.equal((await store.lanes.setPaused(given)).paused, paused);
    lane.paused = paused;
    lane.acts.push(paused ? "pause" : "resume");
    return `${notifier} ${lane.acts.at(-1)}`;
  },
);

const limit = commandKind(
  "limit",
  2,
  () => true,
  async ({ world, store, pick }) => {
    const notifier = pick.of(walkNotifiers);
    const lane = world.lane(notifier);
    const count = 1 + pick.below(3);
    const rate = pick.of([null, null, { count, interval: 30_000 }, { count, interval: 61_000 }]);
    const quota = pick.of([null, { count, per: "24h" }, { count, per: "24h" }, { count, per: "day:UTC" }] as const);
    await store.lanes.limit({ tenant: walkTenant, notifier, rate, quota, by: "ada", why: "agreed", now: world.date() });
    limitLane(lane, { rate, quota });
    lane.acts.push("limit");
    return `${notifier}, rate ${JSON.stringify(rate)}, quota ${JSON.stringify(quota)}`;
  },
);

const address = commandKind(
  "address",
  2,
  () => true,
  async ({ world, store, pick }) => {
    const recipientKey = pick.of(walkAddresses);
    const scope = pick.of(["*", ...walkScopes]);
    const act = { tenant: walkTenant, recipientKey, scope, by: "ada", why: "she asked", now: world.date() };
    const { addresses, rows, now } = world;
    const kind = pick.of(["suppress", "release", "release", "release", "consent", "withdraw"] as const);
    switch (kind) {
      case "suppress": {
        const reason = pick.of(["manual", "unsubscribed", "complaint"] as const);
        const { stopped } = await store.suppressions.add({ ...act, reason, detail: null });
        addresses.suppress(recipientKey, scope, reason);
        assert.equal(stopped, addresses.stop(rows.values(), recipientKey, now));
        break;
      }
      case "release":
        assert.equal(await store.suppressions.release(act), addresses.release(recipientKey, scope));
        break;
      default: {
        const granted = kind === "consent";
        const { stopped } = await store.suppressions.consent({ ...act, granted, source: "a form" });
        addresses.consent(recipientKey, scope, granted);
        assert.equal(stopped, addresses.stop(rows.values(), recipientKey, now));
      }
    }
    return `${kind} ${recipientKey}, ${scope}`;
  },
);

export const actKinds: readonly DeliveryCommandKind[] = [decide, pause, limit, address];
