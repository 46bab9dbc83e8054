import { describe, expect, it } from "vitest";
import { assertInvariants } from "../../conformance/delivery-invariants.js";
import { notification } from "../../conformance/notification-samples.js";
import type { DeliveryMode } from "../../notifier/notifier.js";
import type { NewNotification, Notification } from "../notification.js";
import { brokenMoves } from "./broken-moves.js";
import { type Explored, explore } from "./explore.js";
import type { PersonAct } from "./other-steps.js";
import { assertTruth, type SmallMachine, smallMachine } from "./small-machine.js";
import type { World } from "./small-world.js";
import { tickHours } from "./tick-hours.js";

const modes: readonly DeliveryMode[] = ["at-most-once", "at-least-once", "idempotent"];

/** One notification that may be tried twice, unless said. */
function explored(
  mode: DeliveryMode,
  fields: Partial<NewNotification> = {},
  more: Partial<SmallMachine> = {},
): Explored {
  const keyLifetime = mode === "idempotent" ? 4 : null;
  const notifications = [notification({ mode, maxAttempts: 2, keyLifetime, ...fields })];
  return explore(smallMachine({ notifications, check: everything(), ...more }));
}

/** Two that expire, since there may be no room for the second before. */
function twoOfAQuota(mode: DeliveryMode): Pick<SmallMachine, "notifications" | "limits"> {
  const fields = { mode, maxAttempts: 1, expiresAt: new Date(3) };
  const notifications = ["ntf-1", "ntf-2"].map((id) => notification({ id, ...fields }));
  return { notifications, limits: { quota: { count: 1, per: "24h" } } };
}

/** Looks at each stored row once, however many worlds have it. */
function everything(): (world: World) => void {
  const looked = new WeakMap<Notification, unknown>();
  return (world) => {
    assertTruth(world);
    for (const [place, row] of world.rows.entries()) {
      const attempts = world.attempts[place]!;
      if (looked.get(row) === attempts) continue;
      assertInvariants(row, attempts, world.acts[place]!);
      looked.set(row, attempts);
    }
  };
}

function holds(name: string, { states, steps, broken }: Explored): void {
  console.log(`${name}: ${states} states, ${steps} steps`);
  expect(broken).toBeNull();
  expect(states).toBeGreaterThan(500);
}

describe("every promise holds in every state that two workers, a slow sweeper and the clock can lead to", () => {
  for (const mode of modes) {
    it(`of a notification that is sent ${mode}`, () => holds(mode, explored(mode)));

    it(`of one that is sent ${mode} and expires`, () =>
      holds(`${mode}, expires`, explored(mode, { expiresAt: new Date(4) })));

    it(`of one that is sent ${mode} within hours`, () => holds(`${mode}, hours`, explored(mode, tickHours)));
  }

  const person: readonly [DeliveryMode, readonly PersonAct[], number][] = [
    ["at-most-once", ["cancel", "resend", "confirm", "give_up", "pause", "suppress"], 2],
    ["at-most-once", ["redrive"], 1],
    ["idempotent", ["resend"], 1],
  ];
  for (const [mode, acts, workers] of person) {
    it(`of one that is sent ${mode}, whenever a person decides on ${acts.join(", ")}`, () =>
      holds(
        `${mode}, ${acts.join(", ")}`,
        explored(mode, { maxAttempts: 1 }, { workers, person: { acts, times: 1 } }),
      ));
  }
});

describe("the same of what a lane limits", () => {
  it("of two that are sent at-most-once through a lane with a quota for one", () =>
    holds("at-most-once, quota", explored("at-most-once", {}, { ...twoOfAQuota("at-most-once"), workers: 2 })));

  it("of two that are sent at-most-once through a lane with a rate of one in two ticks", () => {
    const limits = { rate: { count: 1, interval: 2 } };
    const two = { ...twoOfAQuota("at-most-once"), limits, workers: 1 };
    holds("at-most-once, rate", explored("at-most-once", {}, two));
  });

  it("of one that is sent at-most-once and may find nobody there", () =>
    holds("at-most-once, outages", explored("at-most-once", { maxAttempts: 1 }, { outages: true, workers: 1 })));
});

describe("a guard that is left out is found, in few steps", () => {
  for (const { name, mode = "at-most-once", fields, acts, quota, moves, callsOnly, why, steps } of brokenMoves) {
    it(name, () => {
      const { broken } = explored(mode, fields, {
        moves,
        ...(acts && { person: { acts, times: 1 } }),
        ...(quota && twoOfAQuota(mode)),
        ...(callsOnly && { check: () => {} }),
      });
      expect(broken?.why).toBe(why);
      const way = broken!.way.filter((step) => step !== "a tick");
      expect(way.length, way.join("\n")).toBeLessThanOrEqual(steps);
    });
  }
});

// Minutes: for those who change a move.
describe.runIf(process.env.DELIVERY_EXPLORATION === "wide")("the same of wider worlds", { timeout: 3_600_000 }, () => {
  const acts = ["cancel", "resend", "confirm", "give_up", "redrive", "pause", "suppress"] as const;
  for (const mode of modes) {
    it(`of one that is sent ${mode}, when a person acts`, () =>
      holds(`${mode}, one act`, explored(mode, {}, { person: { acts, times: 1 } })));
  }
  it("of one that is sent at-most-once, when a person acts twice", () =>
    holds("at-most-once, two acts", explored("at-most-once", { maxAttempts: 1 }, { person: { acts, times: 2 } })));
});
