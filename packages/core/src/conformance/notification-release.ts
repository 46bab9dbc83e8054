import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, assertRow, claim, leased, mark, notification, notifications, row } from "./notification-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

export const notificationReleaseCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a released row is pending after its wait, with the reason given; a refund takes back the claim",
    async run({ store }) {
      await leased(store, notifications(2));
      const rows = await Promise.all(["ntf-0001", "ntf-0002"].map((id) => row(store, id)));
      const releases = rows.map(({ tenant, id, fence }, i) => ({
        tenant,
        id,
        fence,
        to: "pending" as const,
        retryIn: 300,
        refund: i === 0,
        reason: i === 0 ? null : ("lease_over" as const),
      }));
      assert.deepEqual(await store.notifications.release({ releases, now: at(10) }), [true, true]);
      const changes = { state: "pending", leaseUntil: null, notBefore: at(310) } as const;
      await assertRow(store, rows[0]!, { ...changes, reason: null, claims: 0 });
      await assertRow(store, rows[1]!, { ...changes, reason: "lease_over", claims: 1 });
      assert.deepEqual(await store.notifications.release({ releases, now: at(10) }), [false, false]);
    },
  },
  {
    about,
    name: "a row that is released as failed ends with its reason",
    async run({ store }) {
      const [lease] = await leased(store, [notification()]);
      const before = await row(store);
      const { tenant, id, fence } = lease!;
      const releases = [
        { tenant, id, fence, to: "failed", retryIn: 0, refund: false, reason: "poison_claim" },
      ] as const;
      assert.deepEqual(await store.notifications.release({ releases, now: at(10) }), [true]);
      const end = { state: "failed", reason: "poison_claim", leaseUntil: null, settledAt: at(10) } as const;
      await assertRow(store, before, end, []);
      assert.deepEqual(await claim(store, { now: at(hour) }), []);
    },
  },
  {
    about,
    name: "only a row leased under its fence is released, answered in their order",
    async run({ store }) {
      const rows = await leased(store, notifications(4));
      await store.notifications.mark({ marks: [mark(rows[1]!)], lease: minute, now: start });
      const back = (id: string, fields: { fence?: number; tenant?: string } = {}) => ({
        tenant: "default",
        id,
        fence: 1,
        to: "pending" as const,
        retryIn: 0,
        refund: true,
        reason: null,
        ...fields,
      });
      const releases = [
        back("ntf-0004"),
        back("ntf-0003", { fence: 2 }),
        back("nothing"),
        back("ntf-0002"),
        back("ntf-0003", { tenant: "other" }),
        back("ntf-0001"),
      ];
      assert.deepEqual(await store.notifications.release({ releases, now: start }), [
        ...[true, false, false, false, false, true],
      ]);
      const states = await store.notifications.list({ tenant: "default", limit: 10 });
      assert.deepEqual(
        states.map((each) => each.state),
        ["pending", "sending", "leased", "pending"],
      );
      assert.deepEqual(await store.notifications.release({ releases: [] }), []);
    },
  },
  {
    about,
    name: "of releases at once under one fence one does it",
    async run(opened) {
      const stores = await twoStores(opened);
      for (const { tenant, id, fence } of await leased(opened.store, notifications(10))) {
        const releases = [{ tenant, id, fence, to: "pending", retryIn: 0, refund: true, reason: null }] as const;
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) => stores[n % 2]!.notifications.release({ releases, now: start })),
        );
        assert.deepEqual(answers.flat().sort(), [false, false, false, true]);
        assert.equal((await row(opened.store, id)).claims, 0);
      }
    },
  },
];
