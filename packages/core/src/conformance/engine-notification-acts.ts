import assert from "node:assert/strict";
import type { Notification } from "../delivery/notification.js";
import { type MemoryNotifier, memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, ambiguous, type Outcome, refusedPermanent } from "../notifier/notifier.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { count, refusal, type Setup, setUp } from "./engine-setup.js";

const about = "engine: acts on notifications";

const person = { by: "ann", why: "the provider was down" };

/** An engine that has handed over one notification to each of `people`, all with this outcome until another is set. */
async function handedOver(
  store: Store,
  people: number,
  outcome: Outcome,
): Promise<Setup & { answerWith(next: Outcome): void }> {
  let answer = outcome;
  const notifier: MemoryNotifier = memoryNotifier({ answer: () => answer });
  const recipients = {
    resolve: async () => Array.from({ length: people }, (_, i) => ({ address: `p${i}@acme.example`, name: `P${i}` })),
  };
  const setup = setUp(store, { notifier, milestone: { recipients } });
  await count(setup.milepost, 1);
  await setup.milepost.runOnce();
  return {
    ...setup,
    answerWith(next) {
      answer = next;
    },
  };
}

async function actsOn(store: Store, { tenant, id }: Notification): Promise<readonly (readonly string[])[]> {
  const acts = await actsOf(store, { tenant, entity: "notification", entityId: id });
  return acts.map(({ act, by, why }) => [act, by, why]);
}

export const engineNotificationActCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a retry of a failed one answers the row that will be sent, and the dead letter is gone",
    async run({ store }) {
      const { milepost, notifier, answerWith } = await handedOver(store, 1, refusedPermanent("mailbox full"));
      const [dead] = await milepost.notifications.deadLetters();
      assert.deepEqual(
        [dead?.state, dead?.reason, dead?.detail, dead?.attempts],
        ["failed", "refused", "mailbox full", 1],
      );
      assert.ok(dead?.settledAt);
      answerWith(accepted());
      const again = await milepost.notifications.retry({ id: dead.id, ...person });
      assert.deepEqual([again.state, again.redriveOf, again.redrive], ["pending", dead.id, 1]);
      assert.deepEqual(await milepost.notifications.deadLetters(), []);
      await milepost.runOnce();
      notifier.expectSent(1);
      assert.deepEqual(await actsOn(store, dead), [["redrive", person.by, person.why]]);
    },
  },
  {
    about,
    name: "a retry of an ambiguous one sends the same row again, once no call can be under way",
    async run({ store }) {
      const { milepost, notifier, clock, answerWith } = await handedOver(store, 1, ambiguous("silence"));
      const [row] = await milepost.notifications.list();
      const early = await refusal(() => milepost.notifications.retry({ id: row!.id, ...person }));
      assert.equal(early.code, "act_refused");
      clock.advance(80_000);
      answerWith(accepted());
      const again = await milepost.notifications.retry({ id: row!.id, ...person });
      assert.deepEqual([again.id, again.state], [row!.id, "pending"]);
      await milepost.runOnce();
      notifier.expectSent(1);
      assert.deepEqual(await actsOn(store, row!), [["resend", person.by, person.why]]);
    },
  },
  {
    about,
    name: "an unknown one is retried only by who accepts a duplicate",
    async run({ store }) {
      const { milepost, answerWith } = await handedOver(store, 1, ambiguous("silence"));
      const [row] = await milepost.notifications.list();
      await milepost.notifications.resolve({ id: row!.id, as: "unknown", ...person });
      answerWith(accepted());
      const careless = await refusal(() => milepost.notifications.retry({ id: row!.id, ...person }));
      assert.deepEqual([careless.code, /acceptDuplicate/.test(careless.message)], ["act_refused", true]);
      assert.equal((await milepost.notifications.deadLetters({ state: "unknown" })).length, 1);
      const again = await milepost.notifications.retry({ id: row!.id, acceptDuplicate: true, ...person });
      assert.equal(again.redriveOf, row!.id);
      assert.deepEqual(await actsOn(store, row!), [
        ["give_up", person.by, person.why],
        ["redrive", person.by, person.why],
      ]);
    },
  },
  {
    about,
    name: "an ambiguous one that is resolved as sent keeps the evidence, and nothing else can be resolved",
    async run({ store }) {
      const { milepost } = await handedOver(store, 1, ambiguous("silence"));
      const [row] = await milepost.notifications.list();
      const act = { id: row!.id, by: "ann", why: "the provider's log has it" };
      const resolved = await milepost.notifications.resolve({ ...act, as: "sent" });
      assert.deepEqual([resolved.state, resolved.receipt], ["sent", act.why]);
      const again = await refusal(() => milepost.notifications.resolve({ ...act, as: "unknown" }));
      assert.equal(again.code, "act_refused");
      const other = await refusal(() => milepost.notifications.resolve({ ...act, as: "failed" as never }));
      assert.deepEqual([other.code, other.path], ["invalid_options", "as"]);
      assert.deepEqual(await actsOn(store, row!), [["confirm", "ann", act.why]]);
    },
  },
  {
    about,
    name: "what was sent, what waits and what is not there is not retried",
    async run({ store }) {
      const { milepost } = await handedOver(store, 1, accepted());
      const [sent] = await milepost.notifications.list();
      assert.equal(
        (await refusal(() => milepost.notifications.retry({ id: sent!.id, ...person }))).code,
        "act_refused",
      );
      assert.equal((await refusal(() => milepost.notifications.retry({ id: "none", ...person }))).code, "not_found");
      assert.deepEqual(await actsOn(store, sent!), []);
    },
  },
  {
    about,
    name: "after an outage all that failed in it is retried in calls of a size, each with an act of its own",
    async run({ store }) {
      const { milepost, notifier, clock, answerWith } = await handedOver(store, 5, refusedPermanent("down"));
      const outage = { since: clock.now(), until: new Date(clock.now().getTime() + 1) };
      clock.advance(60_000);
      answerWith(accepted());
      const later = await milepost.notifications.retryAll({ ...person, since: outage.until });
      assert.deepEqual(later, { acted: 0, more: false });
      assert.deepEqual(await milepost.notifications.retryAll({ ...person, ...outage, limit: 3 }), {
        acted: 3,
        more: true,
      });
      assert.deepEqual(await milepost.notifications.retryAll({ ...person, ...outage, limit: 3 }), {
        acted: 2,
        more: false,
      });
      assert.deepEqual(await milepost.notifications.deadLetters(), []);
      await milepost.runOnce();
      notifier.expectSent(5);
      const failed = await milepost.notifications.list({ states: ["failed"] });
      for (const row of failed) assert.deepEqual(await actsOn(store, row), [["redrive", person.by, person.why]]);
    },
  },
  {
    about,
    name: "retrying all leaves out what may have been sent, unless duplicates are accepted",
    async run({ store }) {
      const { milepost, answerWith } = await handedOver(store, 2, ambiguous("silence"));
      for (const { id } of await milepost.notifications.list()) {
        await milepost.notifications.resolve({ id, as: "unknown", ...person });
      }
      answerWith(accepted());
      assert.deepEqual(await milepost.notifications.retryAll({ ...person, everything: true }), {
        acted: 0,
        more: false,
      });
      const milestone = "emails-delivered";
      const all = await milepost.notifications.retryAll({ ...person, milestone, acceptDuplicate: true });
      assert.deepEqual(all, { acted: 2, more: false });
    },
  },
  {
    about,
    name: "acting on many asks for a filter, or for everything in so many words",
    async run({ store }) {
      const { milepost } = await handedOver(store, 2, refusedPermanent("down"));
      const { notifications } = milepost;
      const cases: readonly (() => Promise<unknown>)[] = [
        () => notifications.cancelAll(person),
        () =>
          notifications.cancelAll({ ...person, tenant: "default", everything: false, milestone: undefined } as never),
        () => notifications.cancelAll({ ...person, everything: true, notifier: "memory" }),
        () => notifications.retryAll(person),
        () => notifications.retryAll({ ...person, acceptDuplicate: true, limit: 5 }),
        () => notifications.retryAll({ ...person, everything: true, reason: "refused" }),
      ];
      for (const step of cases) {
        const { code, path } = await refusal(step);
        assert.deepEqual([code, path], ["invalid_options", "everything"]);
      }
      const all = { ...person, everything: true };
      assert.deepEqual(await notifications.retryAll({ ...all, limit: 1 }), { acted: 1, more: true });
      assert.deepEqual(await notifications.retryAll(all), { acted: 1, more: false });
      assert.deepEqual(await notifications.cancelAll(all), { acted: 2, more: false });
    },
  },
  {
    about,
    name: "cancelling all ends what waits, of one milestone or notifier, and touches what was sent by no act",
    async run({ store }) {
      const { milepost, notifier } = await handedOver(store, 3, accepted());
      await milepost.lanes.pause({ notifier: "memory", ...person });
      await count(milepost, 9, 2);
      await milepost.runOnce();
      assert.deepEqual(await milepost.notifications.cancelAll({ ...person, notifier: "sms" }), {
        acted: 0,
        more: false,
      });
      const milestone = "emails-delivered";
      assert.deepEqual(await milepost.notifications.cancelAll({ ...person, milestone, limit: 2 }), {
        acted: 2,
        more: true,
      });
      assert.deepEqual(await milepost.notifications.cancelAll({ ...person, milestone }), { acted: 1, more: false });
      assert.deepEqual(await milepost.notifications.cancelAll({ ...person, everything: true }), {
        acted: 0,
        more: false,
      });
      await milepost.lanes.resume({ notifier: "memory", ...person });
      await milepost.runOnce();
      notifier.expectSent(3);
      const states = (await milepost.notifications.count()).map(({ state, count }) => [state, count]);
      assert.deepEqual(states, [
        ["cancelled", 3],
        ["sent", 3],
      ]);
      for (const row of await milepost.notifications.list({ states: ["sent"] })) {
        assert.deepEqual(await actsOn(store, row), []);
      }
    },
  },
];
