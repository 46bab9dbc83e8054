import assert from "node:assert/strict";
import { roomIn } from "../delivery/gate.js";
import { openLane } from "../delivery/lane.js";
import type { Notification } from "../delivery/notification.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import { assertInvariants } from "./delivery-invariants.js";
import { type Between, hasEnded, type ModelRow } from "./delivery-model.js";
import { assertLane } from "./delivery-model-lane.js";
import { type DeliveryWorld, walkTenant } from "./delivery-world.js";

/** That the stored rows, attempts and acts are those of the model, and that what was promised of them holds. */
export async function assertAgreement(world: DeliveryWorld, store: Store): Promise<void> {
  const stored = await store.notifications.list({ tenant: walkTenant, limit: 1_000 });
  assert.deepEqual(stored.map(({ id }) => id).sort(), [...world.rows.keys()].sort());
  for (const row of stored) {
    const model = world.row(row.id);
    model.notBefore = readTime(row, model.notBefore);
    world.outside.agrees(row);
    // what is as it was, on both sides, was looked at before; now and then it is looked at again
    const seen = JSON.stringify([row, model]);
    if (world.agreed.get(row.id) === seen && world.log.length % 10 > 0) continue;
    const attempts = await store.notifications.attempts({ tenant: walkTenant, notification: row.id });
    const acts = await actsOn(store, "notification", row.id);
    assert.deepEqual(factsOf(row), factsOfModel(model), row.id);
    assert.deepEqual(
      attempts.map(({ fence, startedAt, outcome }) => ({ fence, startedAt: startedAt.getTime(), outcome })),
      model.attempts.map(({ place: _, ...attempt }) => attempt),
      `the attempts of ${row.id}`,
    );
    assert.deepEqual(acts, model.acts, `the acts on ${row.id}`);
    assertInvariants(row, attempts, acts);
    assertMove(world.last.get(row.id), row, world.moves);
    world.last.set(row.id, row);
    world.agreed.set(row.id, seen);
  }
  await assertLanes(world, store);
}

async function assertLanes(world: DeliveryWorld, store: Store): Promise<void> {
  const stored = new Map((await store.lanes.list({ tenant: walkTenant })).map((lane) => [lane.notifier, lane]));
  for (const [notifier, model] of world.lanes) {
    const lane = stored.get(notifier) ?? openLane(walkTenant, notifier);
    assertLane(model, lane, roomIn(lane, world.date()).free, world.now);
    assert.deepEqual(await actsOn(store, "lane", notifier), model.acts, `the acts on ${notifier}`);
  }
}

/** The moves between two states, as docs/delivery-states.md draws them; also those of a row that was ever ambiguous. */
export const tableOfMoves: readonly string[] = [
  ...["pending > leased", "pending > expired", "pending > cancelled", "pending > unknown"],
  ...["leased > pending", "leased > sending", "leased > failed", "leased > unknown", "leased > expired"],
  ...["leased > cancelled"],
  ...["sending > sent", "sending > pending", "sending > failed", "sending > ambiguous", "sending > unknown"],
  ...["pending > suppressed", "leased > suppressed"],
  ...["sending > cancelled", "ambiguous > sent", "ambiguous > pending", "ambiguous > unknown"],
];

/** I6: every move is in the table; and I10: what has ended does not change. */
function assertMove(before: Notification | undefined, row: Notification, moves: Set<string>): void {
  if (before === undefined) return;
  if (hasEnded(before)) assert.deepEqual(row, before, `${row.id} has ended and does not change`);
  if (before.state === row.state) return;
  const move = `${before.state} > ${row.state}`;
  assert.ok(tableOfMoves.includes(move), `${row.id}: ${move} is no move`);
  moves.add(move);
}

async function actsOn(store: Store, entity: string, entityId: string): Promise<readonly string[]> {
  return (await actsOf(store, { tenant: walkTenant, entity, entityId })).map(({ act }) => act);
}

function readTime(row: Notification, expected: number | Between): number {
  const read = row.notBefore.getTime();
  if (typeof expected !== "number") {
    const { earliest, latest } = expected;
    assert.ok(
      earliest <= read && read <= latest,
      `${row.id} is tried again after ${read}, not ${earliest} to ${latest}`,
    );
  }
  return typeof expected === "number" ? expected : read;
}

/** Whatever a move may change, times as milliseconds. */
function factsOf(row: Notification): object {
  const time = (date: Date | null) => date?.getTime() ?? null;
  const {
    notifier,
    mode,
    maxAttempts,
    excused,
    recipientKey,
    scope,
    needsConsent,
    redriveOf,
    state,
    reason,
    fence,
    claims,
    wasAmbiguous,
    cancelRequested,
  } = row;
  const { attempts, receipt, messageId, idempotencyKey, payloadHash } = row;
  return {
    ...{ recipientKey, scope, needsConsent, excused },
    ...{ notifier, mode, maxAttempts, redriveOf, state, reason, fence, claims, wasAmbiguous, cancelRequested },
    ...{ attempts, receipt, frozen: messageId === null ? null : { messageId, idempotencyKey, payloadHash } },
    payloadKept: row.payload !== null,
    notBefore: time(row.notBefore),
    expiresAt: time(row.expiresAt),
    openUntil: time(row.openUntil),
    leaseUntil: time(row.leaseUntil),
    horizonAt: time(row.horizonAt),
    keyUntil: time(row.keyUntil),
    settledAt: time(row.settledAt),
  };
}

function factsOfModel({ attempts, ...row }: ModelRow): object {
  const { id: _, keyLifetime: __, redriven: ___, acts: ____, shuts: _____, ...facts } = row;
  return { ...facts, attempts: attempts.length };
}
