import assert from "node:assert/strict";
import { once } from "node:events";
import type { Notification } from "../delivery/notification.js";
import { type MemoryNotifier, type MemoryNotifierOptions, memoryNotifier } from "../notifier/memory-notifier.js";
import {
  accepted,
  ambiguous,
  type Outcome,
  refusedPermanent,
  refusedTransient,
  unavailable,
} from "../notifier/notifier.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, owner, refusal, type Setup, type SetupOptions, setUp } from "./engine-setup.js";

const about = "engine: delivery";

/** An engine with one notification queued, to one recipient, through `notifier`. */
async function oneQueued(store: Store, notifier: MemoryNotifier, options: SetupOptions = {}): Promise<Setup> {
  const delivery = { retryBase: 1_000, retryCap: 1_000, ...options.delivery };
  const setup = setUp(store, {
    ...options,
    notifier,
    delivery,
    milestone: { recipients: owner, ...options.milestone },
  });
  await setup.milepost.lanes.pause({ notifier: notifier.name, by: "test", why: "queue first" });
  await count(setup.milepost, 1);
  await setup.milepost.runOnce();
  await setup.milepost.lanes.resume({ notifier: notifier.name, by: "test", why: "then send" });
  return setup;
}

async function only({ milepost }: Setup): Promise<Notification> {
  const rows = await milepost.notifications.list();
  assert.equal(rows.length, 1);
  return rows[0]!;
}

/** Answers call after call from a list, the last one for ever. */
function answering(outcomes: readonly (Outcome | Error)[], options: MemoryNotifierOptions = {}): MemoryNotifier {
  let call = 0;
  return memoryNotifier({
    ...options,
    answer() {
      const outcome = outcomes[Math.min(call++, outcomes.length - 1)]!;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });
}

/** What a worker leaves behind that is killed after its mark: claimed and marked, never settled. */
async function markedAndDied(store: Store, { clock }: Setup, notifier: string): Promise<void> {
  const claim = { notifiers: [notifier], limit: 10, served: [], lease: 60_000, now: clock.now() };
  const claimed = await store.notifications.claim(claim);
  const marks = claimed.map(({ tenant, id, fence }) => {
    return { tenant, id, fence, messageId: "<dead@test>", idempotencyKey: "dead", payloadHash: "dead", payload: null };
  });
  const results = await store.notifications.mark({ marks, lease: 60_000, now: clock.now() });
  assert.ok(results.every(({ result }) => result === "marked"));
}

export const engineDeliveryCases: readonly ConformanceCase[] = [
  {
    about,
    name: "sends once, with the provider's receipt and one accepted attempt",
    async run({ store }) {
      const notifier = answering([accepted("provider-7")]);
      const setup = await oneQueued(store, notifier);
      const report = await setup.milepost.runOnce();
      assert.equal(report.notifications.sent, 1);
      const row = await only(setup);
      assert.deepEqual([row.state, row.receipt, row.attempts, row.reason], ["sent", "provider-7", 1, null]);
      const [attempt, ...more] = await setup.milepost.notifications.attempts({ id: row.id });
      assert.deepEqual([attempt?.outcome, attempt?.number, more.length], ["accepted", 1, 0]);
      await setup.milepost.runOnce();
      notifier.expectSent(1);
    },
  },
  {
    about,
    name: "keeps what others say in a form that every database can hold, and is not confused by a changed message",
    async run({ store }) {
      const notifier = memoryNotifier({
        mode: "at-least-once",
        answer: (message, { attempt }) => {
          Object.assign(message, { text: "changed by the notifier" });
          if (attempt === 1) return refusedTransient(`${"y".repeat(499)}😀\0 busy`, Number.POSITIVE_INFINITY);
          return accepted(`${"x".repeat(499)}😀 tail`);
        },
      });
      const setup = await oneQueued(store, notifier);
      await setup.milepost.runOnce();
      setup.clock.advance(30 * 86_400_000);
      await setup.milepost.runOnce();
      assert.equal(notifier.calls.length, 2);
      const row = await only(setup);
      assert.deepEqual([row.state, row.receipt?.length, row.receipt?.isWellFormed()], ["sent", 500, true]);
    },
  },
  {
    about,
    name: "tries again after a transient refusal, not before its delay nor before Retry-After, under one Message-ID",
    async run({ store }) {
      const notifier = answering([refusedTransient("busy"), refusedTransient("slow down", 5_000), accepted()]);
      const setup = await oneQueued(store, notifier);
      const pass = async (calls: number) => {
        await setup.milepost.runOnce();
        assert.equal(notifier.calls.length, calls);
      };
      await pass(1);
      await pass(1);
      setup.clock.advance(1_000);
      await pass(2);
      setup.clock.advance(4_999);
      await pass(2);
      setup.clock.advance(1);
      await pass(3);
      assert.equal(new Set(notifier.calls.map(({ context }) => context.messageId)).size, 1);
      assert.equal(new Set(notifier.calls.map(({ context }) => context.idempotencyKey)).size, 1);
      assert.deepEqual(
        notifier.calls.map(({ context }) => context.attempt),
        [1, 2, 3],
      );
      assert.equal((await only(setup)).state, "sent");
    },
  },
  {
    about,
    name: "fails after a permanent refusal, and after the last transient one",
    async run({ store }) {
      const setup = await oneQueued(store, answering([refusedPermanent("no such mailbox")]));
      await setup.milepost.runOnce();
      const refused = await only(setup);
      assert.deepEqual([refused.state, refused.reason, refused.detail], ["failed", "refused", "no such mailbox"]);
      const busy = memoryNotifier({ name: "busy", answer: () => refusedTransient("busy") });
      const other = setUp(store, {
        notifier: busy,
        clock: setup.clock,
        milestone: { recipients: owner, maxAttempts: 3 },
      });
      await other.milepost.recordMany([{ id: "b1", metric, subject: "busy" }]);
      for (let i = 0; i < 5; i++) {
        await other.milepost.runOnce();
        setup.clock.advance(3_600_000);
      }
      assert.equal(busy.calls.length, 3);
      const [failed] = await other.milepost.notifications.list({ states: ["failed"], after: refused.id });
      assert.deepEqual([failed?.reason, failed?.attempts], ["attempts_used_up", 3]);
    },
  },
  {
    about,
    name: "at-most-once: never repeats a call that may have been accepted, says ambiguous, and unknown in the end",
    async run({ store }) {
      const notifier = answering([new Error("connection lost after the final dot"), accepted()]);
      const setup = await oneQueued(store, notifier);
      await setup.milepost.runOnce();
      const row = await only(setup);
      assert.deepEqual([row.state, row.reason], ["ambiguous", "no_answer"]);
      setup.clock.advance(3_600_000);
      await setup.milepost.runOnce();
      assert.equal((await only(setup)).state, "ambiguous");
      setup.clock.advance(86_400_000);
      await setup.milepost.runOnce();
      assert.equal((await only(setup)).state, "unknown");
      assert.equal(notifier.calls.length, 1);
    },
  },
  {
    about,
    name: "at-least-once: repeats an unknown outcome up to maxAttempts, all under one key, then says unknown",
    async run({ store }) {
      const notifier = memoryNotifier({ mode: "at-least-once", answer: () => ambiguous("time-out") });
      const setup = await oneQueued(store, notifier, { milestone: { maxAttempts: 3 } });
      for (let i = 0; i < 5; i++) {
        await setup.milepost.runOnce();
        setup.clock.advance(1_000);
      }
      assert.equal(notifier.calls.length, 3);
      assert.equal(new Set(notifier.calls.map(({ context }) => context.idempotencyKey)).size, 1);
      assert.equal((await only(setup)).state, "ambiguous");
      setup.clock.advance(86_400_000);
      await setup.milepost.runOnce();
      assert.equal((await only(setup)).state, "unknown");
    },
  },
  {
    about,
    name: "idempotent: repeats with the same key and payload while the key lives, and not after",
    async run({ store }) {
      const options = { mode: "idempotent", keyLifetime: 24 * 3_600_000 } as const;
      const notifier = memoryNotifier({ ...options, answer: () => ambiguous("time-out") });
      const setup = await oneQueued(store, notifier, { milestone: { maxAttempts: 9 } });
      await setup.milepost.runOnce();
      setup.clock.advance(19 * 3_600_000);
      await setup.milepost.runOnce();
      assert.equal(notifier.calls.length, 2);
      assert.deepEqual(notifier.calls[0]?.message, notifier.calls[1]?.message);
      setup.clock.advance(2 * 3_600_000);
      await setup.milepost.runOnce();
      assert.equal(notifier.calls.length, 2, "20 h of the key's 24 are used");
      assert.deepEqual([(await only(setup)).state, (await only(setup)).reason], ["unknown", "key_expired"]);
    },
  },
  {
    about,
    name: "after a crash behind the mark: ambiguous in at-most-once, with the attempt to show for it",
    async run({ store }) {
      const careful = await oneQueued(store, memoryNotifier());
      await markedAndDied(store, careful, "memory");
      careful.clock.advance(60_000);
      await careful.milepost.runOnce();
      const row = await only(careful);
      assert.deepEqual([row.state, row.reason], ["ambiguous", "lease_over"]);
      careful.notifier.expectSent(0);
      const [attempt] = await careful.milepost.notifications.attempts({ id: row.id });
      assert.equal(attempt?.outcome, "ambiguous");
    },
  },
  {
    about,
    name: "after a crash before the mark: goes back without an attempt, and is poisoned after too many",
    async run({ store }) {
      const setup = await oneQueued(store, memoryNotifier());
      const crash = async () => {
        const claim = { notifiers: ["memory"], limit: 10, served: [], lease: 60_000, now: setup.clock.now() };
        assert.equal((await store.notifications.claim(claim)).length, 1);
        setup.clock.advance(60_000);
        await store.notifications.overdue({ limit: 10, now: setup.clock.now() });
      };
      await crash();
      await setup.milepost.lanes.pause({ notifier: "memory", by: "test", why: "to look at the row" });
      await setup.milepost.runOnce();
      const back = await only(setup);
      assert.deepEqual([back.state, back.attempts, back.claims], ["pending", 0, 1]);
      await setup.milepost.lanes.resume({ notifier: "memory", by: "test", why: "go on" });
      for (let i = 0; i < 2; i++) {
        await crash();
        if (i === 0) {
          await setup.milepost.lanes.pause({ notifier: "memory", by: "test", why: "to look at the row" });
          await setup.milepost.runOnce();
          await setup.milepost.lanes.resume({ notifier: "memory", by: "test", why: "go on" });
        }
      }
      await setup.milepost.runOnce();
      const row = await only(setup);
      assert.deepEqual([row.state, row.reason], ["failed", "poison_claim"]);
      setup.notifier.expectSent(0);
    },
  },
  {
    about,
    name: "cuts a call off at its deadline, calls it ambiguous, and takes its late acceptance as evidence",
    async run({ store }) {
      let answer: (outcome: Outcome) => void = () => {};
      let aborted = false;
      const notifier = memoryNotifier({
        answer: (_, { signal }) => {
          signal.addEventListener("abort", () => {
            aborted = true;
          });
          return new Promise<Outcome>((resolve) => {
            answer = resolve;
          });
        },
      });
      const delivery = { lease: 1_000, callDeadline: 20, settleMargin: 10 };
      const setup = await oneQueued(store, notifier, { delivery });
      await setup.milepost.runOnce();
      assert.equal(aborted, true);
      assert.equal((await only(setup)).state, "ambiguous");
      const late = new Promise<boolean>((resolve) => {
        setup.milepost.on("lease_lost", ({ evidence }) => resolve(evidence));
      });
      answer(accepted("late-1"));
      assert.equal(await late, true);
      const row = await only(setup);
      assert.deepEqual([row.state, row.receipt], ["sent", "late-1"]);
    },
  },
  {
    about,
    name: "takes what a notifier answers to its deadline: that nothing was sent is no ambiguity",
    async run({ store }) {
      const answers = [unavailable("not sent: no token in time"), accepted("just in time")];
      const notifier = memoryNotifier({
        answer: (_, { signal, attempt }) =>
          new Promise((resolve) => {
            signal.addEventListener("abort", () => resolve(answers[attempt - 1]));
          }),
      });
      const delivery = { lease: 3_000, callDeadline: 20, settleMargin: 1_000 };
      const setup = await oneQueued(store, notifier, { delivery });
      const late: boolean[] = [];
      setup.milepost.on("lease_lost", ({ evidence }) => late.push(evidence));
      await setup.milepost.runOnce();
      const refused = await only(setup);
      assert.deepEqual([refused.state, refused.detail], ["pending", "not sent: no token in time"]);
      assert.deepEqual([refused.attempts, refused.excused], [1, 1]);
      setup.clock.advance(60_000);
      await setup.milepost.runOnce();
      const row = await only(setup);
      assert.deepEqual([row.state, row.receipt], ["sent", "just in time"]);
      assert.deepEqual(late, [], "it is the call's answer, written once");
    },
  },
  {
    about,
    name: "a throw after the deadline says no more than the deadline",
    async run({ store }) {
      const notifier = memoryNotifier({
        answer: (_, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(new Error("socket hang up")));
          }),
      });
      const delivery = { lease: 3_000, callDeadline: 20, settleMargin: 1_000 };
      const setup = await oneQueued(store, notifier, { delivery });
      await setup.milepost.runOnce();
      const { state, detail } = await only(setup);
      assert.deepEqual([state, detail], ["ambiguous", "no answer within 20 ms"]);
    },
  },
  {
    about,
    name: "a listener or notifier that throws changes nothing for the others",
    async run({ store }) {
      const notifier = memoryNotifier({
        answer: ({ to }) => {
          if (to.address.startsWith("p7@")) throw new TypeError("bug in the host");
        },
      });
      const recipients = {
        resolve: async () => Array.from({ length: 20 }, (_, i) => ({ address: `p${i}@acme.example`, name: "P" })),
      };
      const { milepost } = setUp(store, { notifier, milestone: { recipients } });
      const warnings = once(process, "warning");
      milepost.on("sent", () => {
        throw new Error("bug in a listener");
      });
      await count(milepost, 1);
      const report = await milepost.runOnce();
      assert.deepEqual([report.notifications.sent, report.notifications.ambiguous], [19, 1]);
      assert.match(String((await warnings)[0]), /bug in a listener/);
    },
  },
  {
    about,
    name: "starts no call after a cancel or while its lane is paused",
    async run({ store }) {
      const setup = await oneQueued(store, memoryNotifier());
      const { id } = await only(setup);
      await setup.milepost.lanes.pause({ notifier: "memory", by: "ann", why: "wrong text" });
      await setup.milepost.runOnce();
      setup.notifier.expectSent(0);
      const cancelled = await setup.milepost.notifications.cancel({ id, by: "ann", why: "wrong text" });
      assert.deepEqual([cancelled.state, cancelled.reason], ["cancelled", "cancelled"]);
      await setup.milepost.lanes.resume({ notifier: "memory", by: "ann", why: "fixed" });
      await setup.milepost.runOnce();
      setup.notifier.expectSent(0);
      const again = await refusal(() => setup.milepost.notifications.cancel({ id, by: "ann", why: "again" }));
      assert.equal(again.code, "act_refused");
      const nobody = await refusal(() => setup.milepost.notifications.cancel({ id: "none", by: "ann", why: "typo" }));
      assert.equal(nobody.code, "not_found");
    },
  },
  {
    about,
    name: "sends again by a person's act only, linked and recorded",
    async run({ store }) {
      const setup = await oneQueued(store, answering([new Error("lost"), refusedPermanent("full"), accepted()]));
      await setup.milepost.runOnce();
      const { id } = await only(setup);
      const act = { id, by: "ann", why: "customer says nothing came" };
      const early = await refusal(() => setup.milepost.notifications.retry(act));
      assert.match(early.message, /may still be under way/);
      setup.clock.advance(80_000);
      await setup.milepost.notifications.retry(act);
      await setup.milepost.runOnce();
      const row = await only(setup);
      assert.deepEqual([row.state, row.attempts], ["unknown", 2], "it was ambiguous once, so it may have been sent");
      const careless = await refusal(() => setup.milepost.notifications.retry(act));
      assert.match(careless.message, /acceptDuplicate/);
      const redriven = await setup.milepost.notifications.retry({ ...act, acceptDuplicate: true });
      assert.deepEqual([redriven.redrive, redriven.redriveOf, redriven.state], [1, id, "pending"]);
      const twice = await refusal(() => setup.milepost.notifications.retry({ ...act, acceptDuplicate: true }));
      assert.equal(twice.code, "act_refused");
      await setup.milepost.runOnce();
      setup.notifier.expectSent(1);
      const acts = await actsOf(store, { tenant: "default", entity: "notification", entityId: id });
      assert.deepEqual(
        acts.map((a) => [a.act, a.by]),
        [
          ["resend", "ann"],
          ["redrive", "ann"],
        ],
      );
    },
  },
];
