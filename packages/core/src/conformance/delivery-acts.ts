import assert from "node:assert/strict";
import type { DecideAct } from "../store/notification-repository.js";
import { actsOn } from "./delivery-agreement.js";
import { commandKind, type DeliveryCommandKind } from "./delivery-command.js";
import { actOn } from "./delivery-model-acts.js";
import { walkNotifiers, walkTenant, walkTiming } from "./delivery-world.js";
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
  cancel: ["pending", "leased", "sending", "ambiguous"],
  resend: ["ambiguous"],
  confirm: ["ambiguous"],
  give_up: ["ambiguous"],
  redrive: ["failed", "unknown", "expired"],
};

const lane = commandKind(
  "lane",
  2,
  () => true,
  async ({ world, store, pick }) => {
    const notifier = pick.of(walkNotifiers);
    const paused = pick.below(5) < 2;
    const given = { tenant: walkTenant, notifier, paused, by: "ada", why: "outage", now: world.date() };
    assert.equal((await store.lanes.setPaused(given)).paused, paused);
    if (paused) world.paused.add(notifier);
    else world.paused.delete(notifier);
    const acts = [...(world.laneActs.get(notifier) ?? []), paused ? "pause" : "resume"];
    world.laneActs.set(notifier, acts);
    assert.deepEqual(await actsOn(store, "lane", notifier), acts);
    return `${notifier} ${acts.at(-1)}`;
  },
);

export const actKinds: readonly DeliveryCommandKind[] = [decide, lane];
