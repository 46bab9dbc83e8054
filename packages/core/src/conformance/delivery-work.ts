import assert from "node:assert/strict";
import { type CallResult, settlementOf } from "../delivery/settlement.js";
import type { RenderedMessage } from "../message/message.js";
import { accepted, ambiguous, type Outcome, refusedPermanent, refusedTransient } from "../notifier/notifier.js";
import type { Mark, Release } from "../store/notification-repository.js";
import { commandKind, type DeliveryCommandKind, type Pick } from "./delivery-command.js";
import { canStart, claimRow, releaseRow } from "./delivery-model.js";
import { markRow, settleRow } from "./delivery-model-calls.js";
import { type DeliveryWorld, type Hand, walkNotifiers, walkTiming } from "./delivery-world.js";

// What workers do, each in steps that others come between: claim, mark, call, settle, give back, die.

const { lease, callDeadline, settleMargin } = walkTiming;
const rendered: RenderedMessage = { to: { address: "Ada@example.com" }, subject: "Hello", text: "Ada", html: null };

const claim = commandKind("claim", 6, canClaim, async ({ world, store, pick }) => {
  const notifiers = pick.of([walkNotifiers, walkNotifiers, ...walkNotifiers.map((name) => [name])]);
  const limit = 1 + pick.below(3);
  const perLane = 1 + pick.below(2);
  const worker = pick.below(3);
  const now = world.date();
  const rows = await store.notifications.claim({ notifiers, limit, perLane, lease, now });
  const shares = notifiers.map((notifier) => {
    const ready = world.paused.has(notifier) ? [] : readyIn(world, notifier);
    const taken = rows.filter((row) => row.notifier === notifier).map(({ id }) => id);
    const first = ready.slice(0, taken.length).map(({ id }) => id);
    assert.deepEqual([...taken].sort(), [...first].sort(), `the first of ${notifier} are claimed`);
    assert.ok(taken.length <= perLane, `no more than ${perLane} of ${notifier}`);
    return Math.min(ready.length, perLane);
  });
  const most = shares.reduce((sum, share) => sum + share, 0);
  assert.equal(rows.length, Math.min(limit, most), "as many as can start and are asked for");
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

function readyIn(world: DeliveryWorld, notifier: string) {
  return [...world.rows.values()]
    .filter((row) => row.notifier === notifier && canStart(row, world.now))
    .sort((a, b) => Number(a.notBefore) - Number(b.notBefore) || (a.id < b.id ? -1 : 1));
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
    const expected = markRow(
      model,
      { ...hand.mark!, keepsPayload },
      world.paused.has(model.notifier),
      lease,
      world.now,
    );
    assert.equal(result.result === "refused" ? result.state : result.result, expected, `the mark of ${model.id}`);
    if (result.result === "refused") assert.equal(result.reason, model.reason);
    if (result.result === "marked") {
      assert.equal(result.attempt, model.attempts.length);
      assert.equal(result.keyUntil?.getTime() ?? null, model.keyUntil);
      hand.marked ??= { attempt: result.attempt, keyUntil: result.keyUntil, at: world.now };
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
      const { attempt: attempts, keyUntil } = marked!;
      const payload = row.payload ?? rendered;
      return settlementOf({ ...row, attempts, keyUntil }, results[i]!, {
        ...{ now: world.date(), random, timing: walkTiming, payload },
      });
    });
    const answers = await store.notifications.settle({ settlements, now: world.date() });
    const said = hands.map((hand, i) => {
      const { row, marked } = hand;
      const result = { fence: row.fence, attempt: marked!.attempt, call: results[i]! };
      const payload = { keepsPayload: true, judgedAt: world.now };
      const expected = settleRow(world.row(row.id), result, walkTiming, payload, world.now);
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
