import assert from "node:assert/strict";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { template } from "./crossing-samples.js";
import {
  about,
  assertRow,
  attempts,
  claimed,
  decision,
  expired,
  marked,
  refused,
  repeating,
  row,
  settled,
  settlement,
} from "./notification-samples.js";
import { assertRefused, at, hour, start, twoStores } from "./samples.js";

export const notificationRedriveCases: readonly ConformanceCase[] = [
  {
    about,
    name: "redrive adds a fresh row without expiry, linked to the old one, which stays as it is",
    async run(opened) {
      const { store } = opened;
      await settled(store, { ...refused, detail: "550" }, { ...repeating, expiresAt: at(hour), data: { a: [{}] } });
      const before = await row(store);
      const after = await store.notifications.decide(decision("redrive", { newId: "ntf-2", now: at(2 * hour) }));
      const fresh = {
        id: "ntf-2",
        state: "pending",
        redrive: 1,
        redriveOf: "ntf-1",
        reason: null,
        detail: null,
        createdAt: at(2 * hour),
        notBefore: at(2 * hour),
        expiresAt: null,
        settledAt: null,
        attempts: 0,
        claims: 0,
        fence: 0,
        leaseUntil: null,
        horizonAt: null,
        firstMarkedAt: null,
        keyUntil: null,
        messageId: null,
        idempotencyKey: null,
        payloadHash: null,
        payload: null,
        receipt: null,
        wasAmbiguous: false,
        cancelRequested: false,
      } as const;
      assert.deepEqual(after, { ...before, ...fresh });
      const [, other] = await twoStores(opened);
      await assertRow(other, before, {});
      assert.deepEqual(await row(other, "ntf-2"), after);
      assert.deepEqual(await attempts(other, "ntf-2"), []);
      const [lease] = await claimed(other, at(2 * hour));
      assert.deepEqual([lease?.id, lease?.fence, lease?.content], ["ntf-2", 1, template]);
    },
  },
  {
    about,
    name: "a row is redriven once; the row that came of it may be redriven in turn",
    async run({ store }) {
      await settled(store, refused);
      await store.notifications.decide(decision("redrive", { newId: "ntf-2" }));
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      const again = decision("redrive", { newId: "ntf-3" });
      await assertRefused(store.notifications.decide(again), "act_refused");
      assert.equal((await actsOf(store, entity)).length, 1);
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 2);
      const second = await marked(store);
      await store.notifications.settle({ settlements: [settlement(second, refused)], now: start });
      const third = await store.notifications.decide({ ...again, id: "ntf-2" });
      assert.deepEqual([third.id, third.redrive, third.redriveOf], ["ntf-3", 2, "ntf-2"]);
      await assertRefused(store.notifications.decide({ ...again, newId: "ntf-4" }), "act_refused");
    },
  },
  {
    about,
    name: "an expired one is redriven, an unknown one only by accepting a possible duplicate",
    async run({ store }) {
      await expired(store);
      assert.equal((await store.notifications.decide(decision("redrive"))).state, "pending");
      const fields = { id: "unk", source: { kind: "crossing", id: "cro-2" } } as const;
      await store.notifications.decide(decision("cancel", { id: "ntf-new" }));
      await settled(store, { to: "unknown", outcome: "ambiguous", reason: "attempts_used_up" }, fields);
      const redrive = decision("redrive", { id: "unk", newId: "unk-2" });
      await assertRefused(store.notifications.decide(redrive), "act_refused");
      const after = await store.notifications.decide({ ...redrive, acceptDuplicate: true });
      assert.deepEqual([after.id, after.wasAmbiguous, after.redrive], ["unk-2", false, 1]);
    },
  },
  {
    about,
    name: "of two redrives at once one makes the new row and the other is refused",
    async run(opened) {
      const stores = await twoStores(opened);
      await settled(opened.store, refused);
      const answers = await Promise.allSettled(
        [0, 1, 2, 3].map((n) => stores[n % 2]!.notifications.decide(decision("redrive", { newId: `new-${n}` }))),
      );
      const won = answers.filter((each) => each.status === "fulfilled");
      assert.equal(won.length, 1);
      for (const each of answers) if (each.status === "rejected") assert.equal(each.reason.code, "act_refused");
      assert.equal((await opened.store.notifications.list({ tenant: "default", limit: 10 })).length, 2);
      const entity = { tenant: "default", entity: "notification", entityId: "ntf-1" };
      assert.equal((await actsOf(opened.store, entity)).length, 1);
    },
  },
];
