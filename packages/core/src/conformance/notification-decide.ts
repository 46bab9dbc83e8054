import assert from "node:assert/strict";
import type { Notification } from "../delivery/notification.js";
import type { DecideAct } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  assertRow,
  attempt,
  claim,
  decision,
  expired,
  leased,
  mark,
  marked,
  noAnswer,
  notification,
  queued,
  refused,
  row,
  sending,
  settled,
  settlement,
} from "./notification-samples.js";
import { assertRefused, at, hour, minute, start, twoStores } from "./samples.js";

/** Brings the row `ntf-1` into a state. */
const reach: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  pending: (store) => queued(store, [notification()]),
  leased: (store) => leased(store, [notification()]),
  sending: (store) => sending(store),
  ambiguous: (store) => settled(store, noAnswer),
  sent: (store) => settled(store, { receipt: "250" }),
  failed: (store) => settled(store, refused),
  unknown: (store) => settled(store, { to: "unknown", outcome: "ambiguous", reason: "attempts_used_up" }),
  expired,
  async cancelled(store) {
    await queued(store, [notification()]);
    await store.notifications.decide(decision("cancel"));
  },
};

/** Which act is refused in which state. */
const refusals: Readonly<Record<DecideAct, readonly string[]>> = {
  cancel: ["sent", "failed", "unknown", "expired", "cancelled"],
  resend: ["pending", "leased", "sending", "sent", "failed", "unknown", "expired", "cancelled"],
  confirm: ["pending", "leased", "sending", "sent", "failed", "unknown", "expired", "cancelled"],
  give_up: ["pending", "leased", "sending", "sent", "failed", "unknown", "expired", "cancelled"],
  redrive: ["pending", "leased", "sending", "ambiguous", "sent", "cancelled"],
};

const refusalCases: readonly ConformanceCase[] = Object.entries(refusals).flatMap(([act, states]) =>
  states.map((state) => ({
    about,
    name: `${act} is refused for one that is ${state}, and nothing is written`,
    async run({ store }: { store: Store }) {
      await reach[state]!(store);
      const before = await row(store);
      assert.equal(before.state, state);
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      const acts = await actsOf(store, entity);
      const input = decision(act as DecideAct, { acceptDuplicate: true, now: at(10 * hour) });
      await assertRefused(store.notifications.decide(input), "act_refused");
      await assertRow(store, before, {});
      assert.deepEqual(await actsOf(store, entity), acts);
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 1);
    },
  })),
);

export const notificationDecideCases: readonly ConformanceCase[] = [
  ...refusalCases,
  {
    about,
    name: "cancel ends one that is pending or leased at once, and a lease on it is lost",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      await queued(store, [notification({ id: "waiting", source: { kind: "crossing", id: "cro-2" } })]);
      for (const id of ["ntf-1", "waiting"]) {
        const before = await row(store, id);
        const after = await store.notifications.decide(decision("cancel", { id, now: at(3) }));
        const end = { state: "cancelled", reason: "cancelled", leaseUntil: null, settledAt: at(3) } as const;
        assert.deepEqual(after, { ...before, ...end });
        await assertRow(store, before, end, []);
      }
      const input = { marks: [mark(lease!)], lease: minute, now: at(4) };
      assert.deepEqual(await store.notifications.mark(input), [{ result: "lost" }]);
      assert.deepEqual(await claim(store), []);
    },
  },
  {
    about,
    name: "cancel only asks where a call may have been made, and undoes nothing",
    async run({ store }) {
      for (const state of ["sending", "ambiguous"] as const) {
        const source = { kind: "crossing", id: state } as const;
        const how = state === "sending" ? await sending(store, { id: state, source }) : null;
        const before = how ?? (await settled(store, noAnswer, { id: state, source }));
        const after = await store.notifications.decide(decision("cancel", { id: state, now: at(3) }));
        assert.deepEqual(after, { ...before, cancelRequested: true });
        await assertRow(store, before, { cancelRequested: true });
        await store.notifications.decide(decision("cancel", { id: state, now: at(4) }));
        await assertRow(store, before, { cancelRequested: true });
        const entity = { tenant: "default", entity: "notification", entityId: state };
        assert.equal((await actsOf(store, entity)).length, 2, "an act that is allowed is recorded each time");
      }
    },
  },
  {
    about,
    name: "resend puts an ambiguous one back to pending at once, with one more attempt allowed if they are used up",
    async run({ store }) {
      for (const maxAttempts of [1, 5]) {
        const id = `max-${maxAttempts}`;
        const before = await settled(store, noAnswer, { id, maxAttempts, source: { kind: "crossing", id } });
        const now = at(minute + 500);
        const after = await store.notifications.decide(decision("resend", { id, margin: 500, now }));
        const changes: Partial<Notification> = {
          state: "pending",
          reason: null,
          leaseUntil: null,
          horizonAt: null,
          notBefore: now,
          maxAttempts: Math.max(maxAttempts, 2),
        };
        assert.deepEqual(after, { ...before, ...changes });
        await assertRow(store, before, changes);
        const again = await marked(store, now);
        assert.deepEqual([again.attempts, again.fence, again.wasAmbiguous], [2, 3, true]);
        await store.notifications.settle({ settlements: [settlement(again, { attempt: 2 })], now });
      }
    },
  },
  {
    about,
    name: "resend is refused while the call may still be under way, to the millisecond",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      const input = decision("resend", { margin: 500, now: at(minute + 499) });
      await assertRefused(store.notifications.decide(input), "act_refused");
      await assertRow(store, before, {});
      assert.deepEqual(await actsOf(store, { tenant: "default", entity: "notification", entityId: "ntf-1" }), []);
      assert.equal((await store.notifications.decide({ ...input, now: at(minute + 500) })).state, "pending");
    },
  },
  {
    about,
    name: "resend is refused after a cancel was asked for",
    async run({ store }) {
      await settled(store, noAnswer);
      await store.notifications.decide(decision("cancel"));
      await assertRefused(store.notifications.decide(decision("resend", { now: at(hour) })), "act_refused");
      assert.equal((await row(store)).state, "ambiguous");
    },
  },
  {
    about,
    name: "confirm ends an ambiguous one as sent, its note the evidence",
    async run({ store }) {
      const before = await settled(store, { ...noAnswer, detail: "timeout" });
      const why = "she answered: got it \u{1f389}";
      const after = await store.notifications.decide(decision("confirm", { why, now: at(3) }));
      const end = { state: "sent", reason: null, detail: null, receipt: why, settledAt: at(3) } as const;
      const changes = { ...end, leaseUntil: null, horizonAt: null };
      assert.deepEqual(after, { ...before, ...changes });
      await assertRow(store, before, changes, [attempt({ endedAt: start, outcome: "ambiguous", detail: "timeout" })]);
    },
  },
  {
    about,
    name: "give_up ends an ambiguous one as unknown",
    async run({ store }) {
      const before = await settled(store, noAnswer);
      const after = await store.notifications.decide(decision("give_up", { now: at(3) }));
      const end = {
        state: "unknown",
        reason: "given_up",
        leaseUntil: null,
        horizonAt: null,
        settledAt: at(3),
      } as const;
      assert.deepEqual(after, { ...before, ...end });
      await assertRow(store, before, end);
    },
  },
  {
    about,
    name: "every act is recorded with who, why and when, in order",
    async run(opened) {
      const { store } = opened;
      await settled(store, noAnswer);
      const by = "it's \u{1f389}";
      const steps = [
        { act: "cancel", why: "first", now: at(1) },
        { act: "cancel", why: "second", now: at(1) },
        { act: "give_up", why: 'a "third"', now: at(3) },
        { act: "redrive", why: "\\fourth", now: at(2), acceptDuplicate: true },
      ] as const;
      for (const { act, ...fields } of steps) await store.notifications.decide(decision(act, { by, ...fields }));
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      const [, other] = await twoStores(opened);
      assert.deepEqual(
        await actsOf(other, entity),
        steps.map(({ act, why, now }) => ({ ...entity, act, by, why, at: now })),
      );
      assert.deepEqual(await actsOf(other, { ...entity, entityId: "ntf-new" }), []);
      assert.deepEqual(await actsOf(other, { ...entity, tenant: "other" }), []);
    },
  },
  {
    about,
    name: "an unknown id and another tenant's are not found, and no act is recorded",
    async run({ store }) {
      await queued(store, [notification()]);
      for (const wrong of [{ id: "nothing" }, { tenant: "other" }]) {
        const input = decision("cancel", wrong);
        await assertRefused(store.notifications.decide(input), "not_found");
        const { tenant, id: entityId } = input;
        assert.deepEqual(await actsOf(store, { tenant, entity: "notification", entityId }), []);
      }
      assert.equal((await row(store)).state, "pending");
    },
  },
  {
    about,
    name: "of two acts that end a row at once one does it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await settled(one, noAnswer);
      const answers = await Promise.allSettled([
        one.notifications.decide(decision("confirm")),
        two.notifications.decide(decision("give_up")),
      ]);
      assert.deepEqual(answers.map((each) => each.status).sort(), ["fulfilled", "rejected"]);
      const { state } = await row(one);
      assert.equal(state, answers[0].status === "fulfilled" ? "sent" : "unknown");
      assert.equal((await actsOf(one, { tenant: "default", entity: "notification", entityId: "ntf-1" })).length, 1);
    },
  },
];
