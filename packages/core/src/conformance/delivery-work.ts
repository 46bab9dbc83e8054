import assert from "node:assert/strict";
import { type CallResult, settlementOf } from "../delivery/settlement.js";
import type { RenderedMessage } from "../message/message.js";
import {
  accepted,
  ambiguous,
  type Outcome,
  refusedPermanent,
  refusedTransient,
  unavailable,
} from "../notifier/notifier.js";
import type { Mark, Release, Served } from "../store/notification-repository.js";
import { commandKind, type DeliveryCommandKind, type Pick } from "./delivery-command.js";
import { canStart, claimRow, type ModelRow, releaseRow } from "./delivery-model.js";
import { markRow, settleRow } from "./delivery-model-calls.js";
import { laneIsOpen } from "./delivery-model-lane.js";
import { type DeliveryWorld, type Hand, walkNotifiers, walkTenant, walkTiming } from "./delivery-world.js";

// What workers do, each in steps that others come between: claim, mark, call, settle, give back, die.

const { lease, callDeadline, settleMargin } = walkTiming;
const rendered: RenderedMessage = { to: { address: "Ada@example.com" }, subject: "Hello", text: "Ada", html: null };

const claim = commandKind("claim", 6, canClaim, async ({ world, store, pick }) => {
  const notifiers = pick.of([walkNotifiers, walkNotifiers, ...walkNotifiers.map((name) => [name])]);
  const limit = 1 + pick.below(3);
  const worker = pick.below(3);
  const served = pick.of([
    [],
    [],
    walkNotifiers.map((notifier, i) => ({ tenant: walkTenant, notifier, count: 2 * i })),
  ]);
  const rows = await store.notifications.claim({ notifiers, limit, served, lease, now: world.date() });
  const expected = turns(world, notifiers, served).slice(0, limit);
  assert.deepEqual(rows.map(({ id }) => id).sort(), expected.sort(), "whose turn it is is claimed");
  for (const row of rows) {
    const model = world.row(row.id);
    claimRow(model, lease, world.now);
    assert.equal(row.fence, model.fence);
    world.hands.push({ worker, row, mark: null, marked: null, called: null, settled: false });
  }
  return `worker ${worker}: ${rows.map(({ id }) => id).join(", ") || "nothing"}`;
});

function canClaim(world: Readonly<DeliveryWorld>): boolean {
  return world.rows.size > 0;
}

/** Within a lane by time, then id; between lanes the one that was served less so far; then by time, then id. */
function turns(world: DeliveryWorld, notifiers: readonly string[], served: readonly Served[]): string[] {
  const oldest = (a: ModelRow, b: ModelRow) => Number(a.notBefore) - Number(b.notBefore) || (a.id < b.id ? -1 : 1);
  const waiting = notifiers.flatMap((notifier) => {
    if (!laneIsOpen(world.lane(notifier), world.now)) return [];
    const before = served.find((lane) => lane.notifier === notifier)?.count ?? 0;
    const rows = [...world.rows.values()].filter((row) => row.notifier === notifier && canStart(row, world.now));
    return rows.sort(oldest).map((row, n) => ({ row, turn: before + n }));
  });
  return waiting.sort((a, b) => a.turn - b.turn || oldest(a.row, b.row)).map(({ row }) => row.id);
}

const mark = commandKind("mark", 7, anyHand, async ({ world, store, pick }) => {
  // one that is marked, too: its commit's answer was lost, so it is asked for again
  const hands = several(pick, world, world.hands, (hand) => hand.marked === null);
  for (const hand of hands) hand.mark ??= markOf(hand, pick.below(12) === 0);
  const marks = hands.map((hand) => hand.mark!);
  const results = await store.notifications.mark({ marks, lease, now: world.date() });
  const said = hands.map((hand, i) => {
    const result = results[i]!;
    const model = world.row(hand.row.id);
    const keepsPayload = hand.mark!.payload !== null;
    const deferred = result.result === "deferred";
    const at = { lane: world.lane(model.notifier), refusal: world.addresses.refusal(model), lease, deferred };
    const expected = markRow(model, { ...hand.mark!, keepsPayload }, at, world.now);
    assert.equal(result.result === "refused" ? result.state : result.result, expected, `the mark of ${model.id}`);
    if (result.result === "refused") assert.equal(result.reason, model.reason);
    if (result.result === "marked") {
      assert.equal(result.attempt, model.attempts.length);
      assert.equal(result.keyUntil?.getTime() ?? null, model.keyUntil);
      const { attempt, keyUntil, slot } = result;
      hand.marked ??= { attempt, keyUntil, slot, at: world.now };
    }
    return `${nameOf(hand)}: ${expected}`;
  });
  return said.join(", ");
});

function anyHand(world: Readonly<DeliveryWorld>): boolean {
  return world.hands.length > 0;
}

/** Each worker comes with names of its own, to show that those of the first mark stay. */
function markOf({ worker, row }: Hand, changed: boolean): Mark {
  const { tenant, id, fence, payload, mode } = row;
  return {
    ...{ tenant, id, fence },
    messageId: `<${id}.${worker}@example.com>`,
    idempotencyKey: `${id}.${worker}`,
    payloadHash: changed && payload === null ? "another hash" : (row.payloadHash ?? "hash"),
    payload: mode === "idempotent" ? (payload ?? rendered) : null,
  };
}

const call = commandKind(
  "call",
  7,
  (world) => callable(world).length > 0,
  async ({ world, pick }) => {
    const [hand] = several(pick, world, callable(world), () => true);
    const { row, mark, marked } = hand;
    const [name, result, taken] = pick.of<readonly [string, Outcome, boolean]>([
      ["accepted", accepted(`receipt ${row.id}`), true],
      ["refused for now", refusedTransient("busy"), false],
      ["refused until later", refusedTransient("busy", 90_000), false],
      ["refused", refusedPermanent("no such mailbox"), false],
      ["nobody there", unavailable("out of service"), false],
      ["nobody there until later", unavailable("out of service", 30_000), false],
      ["taken, the answer lost", ambiguous("connection lost"), true],
      ["not taken, the answer lost", ambiguous("connection lost"), false],
    ]);
    if (world.now - marked!.at > lease - callDeadline - settleMargin) {
      hand.called = { result: refusedTransient("too late to start"), taken: false, call: null };
      return `${nameOf(hand)}: too late`;
    }
    const sent = {
      messageId: row.messageId ?? mark!.messageId,
      idempotencyKey: row.idempotencyKey ?? mark!.idempotencyKey,
      payloadHash: mark!.payloadHash,
    };
    hand.called = { result, taken, call: world.outside.call(row.id, sent, result, taken, world.now) };
    return `${nameOf(hand)}: ${name}`;
  },
);

function callable(world: Readonly<DeliveryWorld>): readonly Hand[] {
  return world.hands.filter((hand) => hand.marked !== null && hand.called === null);
}

const settle = commandKind(
  "settle",
  7,
  (world) => called(world).length > 0,
  async ({ world, store, pick }) => {
    const hands = several(pick, world, called(world), (hand) => !hand.settled);
    const random = pick.below(100) / 100;
    const results = hands.map((hand): CallResult => {
      // one that was settled before is asked for again, or its answer came after all
      const late = hand.settled && hand.called!.taken && pick.below(2) === 0;
      return late ? accepted("late") : hand.called!.result;
    });
    const settlements = hands.map(({ row, marked }, i) => {
      const { attempt: attempts, keyUntil, slot } = marked!;
      const payload = row.payload ?? rendered;
      return settlementOf({ ...row, attempts, keyUntil, slot }, results[i]!, {
        ...{ now: world.date(), random, timing: walkTiming, payload },
      });
    });
    const answers = await store.notifications.settle({ settlements, now: world.date() });
    const said = hands.map((hand, i) => {
      const { row, marked } = hand;
      const result = { fence: row.fence, attempt: marked!.attempt, call: results[i]! };
      const by = { keepsPayload: true, judgedAt: world.now, firstMarkedAt: row.firstMarkedAt?.getTime() ?? null };
      const expected = settleRow(world.row(row.id), result, walkTiming, by, world.lane(row.notifier), world.now);
      assert.equal(answers[i], expected, `how ${row.id} is settled`);
      hand.settled = true;
      if (hand.called!.call !== null) hand.called!.call.ended = true;
      return `${nameOf(hand)}, ${results[i]!.kind}: ${expected}`;
    });
    return said.join(", ");
  },
);

function called(world: Readonly<DeliveryWorld>): readonly Hand[] {
  return world.hands.filter((hand) => hand.called !== null);
}

const release = commandKind("release", 2, anyHand, async ({ world, store, pick }) => {
  const hands = several(pick, world, world.hands, (hand) => hand.marked === null);
  const failed = pick.below(3) === 0 ? ("render_failed" as const) : null;
  const how = { refund: failed === null, failed };
  const to = failed === null ? "pending" : "failed";
  const releases = hands.map(({ row: { tenant, id, fence } }): Release => {
    return { tenant, id, fence, to, refund: how.refund, reason: failed, retryIn: 0 };
  });
  const answers = await store.notifications.release({ releases, now: world.date() });
  const expected = hands.map(({ row }) => releaseRow(world.row(row.id), row.fence, how, world.now));
  assert.deepEqual(answers, expected);
  return hands.map((hand, i) => `${nameOf(hand)} ${failed ?? "given back"}: ${expected[i]}`).join(", ");
});

const crash = commandKind("crash", 1, anyHand, async ({ world, pick }) => {
  const { worker } = pick.of(world.hands);
  world.hands = world.hands.filter((hand) => hand.worker !== worker);
  return `worker ${worker}`;
});

/**
 * One to three, the same one perhaps twice: a batch may name a row more than once. More often than not those that are
 * `next` and still have the row, now and then a worker that lost it, or asks a second time.
 */
function several(
  pick: Pick,
  world: DeliveryWorld,
  hands: readonly Hand[],
  next: (hand: Hand) => boolean,
): readonly [Hand, ...Hand[]] {
  const live = hands.filter((hand) => next(hand) && world.row(hand.row.id).fence === hand.row.fence);
  const from = pick.below(4) > 0 && live.length > 0 ? live : hands;
  const further = Array.from({ length: Math.max(0, pick.below(4) - 1) }, () => pick.of(from));
  return [pick.of(from), ...further];
}

function nameOf({ row, worker }: Hand): string {
  return `${row.id} by worker ${worker} under fence ${row.fence}`;
}

export const workKinds: readonly DeliveryCommandKind[] = [claim, mark, call, settle, release, crash];
