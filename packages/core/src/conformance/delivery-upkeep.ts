import assert from "node:assert/strict";
import type { NewNotification, Notification } from "../delivery/notification.js";
import { endsOfLeases, reap } from "../delivery/reaper.js";
import { commandKind, type DeliveryCommandKind } from "./delivery-command.js";
import { closedRows, hoursKinds, hoursOf, shutsOf } from "./delivery-hours.js";
import { endRow, expireRow, hasEnded, type ModelRow, past, queuedRow, releaseRow } from "./delivery-model.js";
import { settleRow } from "./delivery-model-calls.js";
import { nextOpening, reopenRow } from "./delivery-model-hours.js";
import { type DeliveryWorld, walkAddresses, walkNotifiers, walkScopes, walkTiming } from "./delivery-world.js";
import { notification, queued } from "./notification-samples.js";
import { minute } from "./samples.js";

// What happens beside the workers: messages are queued, time passes, and what it has ended is swept.

const mostOpen = 5;
const mostRows = 14;
const all = 1_000;
const lost = { kind: "ambiguous", why: "its worker did not come back", reason: "lease_over" } as const;

const add = commandKind("add", 3, hasRoom, async ({ world, store, pick }) => {
  const source = { kind: "crossing", id: `cro-${++world.sources}` } as const;
  const mode = pick.of(["at-most-once", "at-least-once", "idempotent"] as const);
  const count = 1 + pick.below(2);
  const first = pick.below(walkAddresses.length);
  const shuts = shutsOf(world, pick);
  const given = Array.from({ length: count }, (_, i): NewNotification => {
    const inTime = (milliseconds: number | null) => (milliseconds === null ? null : new Date(world.now + milliseconds));
    return notification({
      ...{ id: `ntf-${world.sources}${"abc"[i]}`, source, mode, notifier: pick.of(walkNotifiers) },
      keyLifetime: mode === "idempotent" ? pick.of([minute, 3 * minute]) : null,
      recipientKey: walkAddresses[(first + i) % walkAddresses.length]!,
      scope: pick.of(walkScopes),
      needsConsent: pick.below(8) === 0,
      maxAttempts: 1 + pick.below(3),
      notBefore: inTime(pick.of([null, null, null, minute / 2])),
      expiresAt: inTime(pick.of([null, null, 61_000 + 11_000])),
      ...hoursOf(shuts),
    });
  });
  await queued(store, given, world.date());
  for (const { notBefore, expiresAt, ...each } of given) {
    const { id, mode, keyLifetime, maxAttempts } = each;
    const times = { notBefore: notBefore?.getTime() ?? world.now, expiresAt: expiresAt?.getTime() ?? null };
    const { notifier, recipientKey, scope, needsConsent } = each;
    const row = queuedRow({
      id,
      notifier,
      mode,
      keyLifetime,
      maxAttempts,
      recipientKey,
      scope,
      needsConsent,
      ...times,
      ...{ shuts, openUntil: shuts?.at ?? null },
    });
    world.rows.set(id, row);
    const refusal = world.addresses.refusal(row);
    if (refusal !== null) endRow(row, "suppressed", refusal, world.now);
    world.outside.expect(id, mode, keyLifetime, maxAttempts);
  }
  return given.map(({ id, mode, maxAttempts }) => `${id}, ${mode}, ${maxAttempts} attempts`).join(", ");
});

function hasRoom({ rows }: Readonly<DeliveryWorld>): boolean {
  return rows.size < mostRows && [...rows.values()].filter((row) => !hasEnded(row)).length < mostOpen;
}

const clock = commandKind(
  "clock",
  6,
  () => true,
  async ({ world, pick }) => {
    // about a retry, the latest start of a call, half a lease, a lease, a key, a horizon
    const seconds = pick.of([1, 1, 11, 11, 21, 31, 61, 61, 190, 601]);
    world.now += seconds * 1_000;
    return `${seconds} s`;
  },
);

const sweep = commandKind(
  "sweep",
  3,
  () => true,
  async ({ world, store, pick }) => {
    const random = pick.below(100) / 100;
    const runtime = { now: () => world.date(), random: () => random, monotonic: () => world.now, id: () => "unused" };
    const moved = await reap(store, runtime, walkTiming, all);
    const taken = overdue(world).filter((row) => takeBackRow(world, row, row, world.now));
    const ended = [...world.rows.values()].filter((row) => expireRow(row, world.now) !== null);
    const opened = closedRows(world).filter((row) =>
      reopenRow(row, row.openUntil, nextOpening(row.shuts!, row.notBefore, world.now)),
    );
    assert.equal(moved, taken.length + ended.length + opened.length, "how much the sweep moved");
    return `${taken.length} taken back, ${ended.length} ended, ${opened.length} opened`;
  },
);

/** What the table says of an overdue row, as somebody saw it at `seenAt`; false where it moved on meanwhile. */
function takeBackRow(
  world: DeliveryWorld,
  row: ModelRow,
  seen: { readonly state: string; readonly fence: number; readonly claims: number; readonly attempts: unknown },
  seenAt: number,
): boolean {
  const { now } = world;
  if (seen.state === "leased") {
    const failed = seen.claims >= walkTiming.maxClaims ? "poison_claim" : null;
    return releaseRow(row, seen.fence, { refund: false, failed }, now);
  }
  const attempt = typeof seen.attempts === "number" ? seen.attempts : row.attempts.length;
  const by = { keepsPayload: false, judgedAt: seenAt, firstMarkedAt: null };
  const result = { fence: seen.fence, attempt, call: lost };
  return settleRow(row, result, walkTiming, by, world.lane(row.notifier), now) === "settled";
}

function overdue(world: DeliveryWorld): readonly ModelRow[] {
  return [...world.rows.values()].filter(
    (row) => (row.state === "leased" || row.state === "sending") && past(row.leaseUntil, world.now),
  );
}

const look = commandKind(
  "look",
  2,
  (world) => world.found === null,
  async ({ world, store, pick }) => {
    const limit = 1 + pick.below(4);
    const { now, rows } = await store.notifications.overdue({ limit, now: world.date() });
    assert.equal(now.getTime(), world.now);
    const due = overdue(world);
    const ids = due.map(({ id }) => id);
    assert.equal(rows.length, Math.min(limit, due.length));
    assert.ok(rows.every(({ id }) => ids.includes(id)));
    const first = due.map((row) => row.leaseUntil!).sort((a, b) => a - b);
    const ends = (row: Notification) => row.leaseUntil!.getTime();
    assert.deepEqual(rows.map(ends), first.slice(0, limit), "the longest overdue first");
    if (rows.length > 0) world.found = { now, rows };
    return rows.map(({ id }) => id).join(", ") || "nothing";
  },
);

const takeBack = commandKind(
  "take back",
  2,
  (world) => world.found !== null,
  async ({ world, store, pick }) => {
    const random = pick.below(100) / 100;
    const found = world.found!;
    world.found = null;
    const { releases, settlements } = endsOfLeases(found.rows, {
      ...{ now: found.now, random: () => random, timing: walkTiming },
    });
    const now = world.date();
    const released = await store.notifications.release({ releases, now });
    const settled = await store.notifications.settle({ settlements, now });
    const said = found.rows.map((seen) => {
      const moved = takeBackRow(world, world.row(seen.id), seen, found.now.getTime());
      const released_ = releases.findIndex(({ id }) => id === seen.id);
      const settled_ = settlements.findIndex(({ id }) => id === seen.id);
      const real = released_ >= 0 ? released[released_] : settled[settled_] === "settled";
      assert.equal(real, moved, `whether ${seen.id} is taken back`);
      return `${seen.id}: ${moved}`;
    });
    return said.join(", ");
  },
);

const expire = commandKind(
  "expire",
  1,
  () => true,
  async ({ world, store }) => {
    const ended = await store.notifications.expire({ limit: all, now: world.date() });
    const states = [...world.rows.values()].map((row) => expireRow(row, world.now));
    const count = (state: string) => states.filter((each) => each === state).length;
    assert.deepEqual({ ...ended }, { expired: count("expired"), unknown: count("unknown") });
    return `${ended.expired} expired, ${ended.unknown} unknown`;
  },
);

export const upkeepKinds: readonly DeliveryCommandKind[] = [add, clock, sweep, look, takeBack, expire, ...hoursKinds];
