import assert from "node:assert/strict";
import { openLane } from "../delivery/lane.js";
import type { Announced } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { claimed } from "./notification-samples.js";
import { at, minute, twoStores } from "./samples.js";
import { ada, consenting, suppressing } from "./suppression-samples.js";

/** Announcing to addresses that must not be written to. */
export function announceForbiddenCases(of: Announced): readonly ConformanceCase[] {
  const { about, noun } = of;
  return [
    {
      about,
      name: "what is announced to a forbidden address is born suppressed, with its reason; the others are pending",
      async run(opened) {
        const { store } = opened;
        await of.arise(store);
        await of.claim(store);
        await store.suppressions.add(suppressing({ scope: "news", reason: "hard_bounce" }));
        await store.suppressions.add(suppressing({ recipientKey: "eve@example.com", reason: "unsubscribed" }));
        await store.suppressions.consent(consenting({ recipientKey: "max@example.com", scope: "*" }));
        await store.suppressions.add(suppressing({ tenant: "other" }));
        const to = (id: string, recipientKey: string, fields = {}) => of.notification({ id, recipientKey, ...fields });
        const given = [
          to("1", ada, { scope: "news" }),
          to("2", ada, { itemKey: "another", scope: "bills" }),
          to("3", "eve@example.com", { needsConsent: true }),
          to("4", "max@example.com", { needsConsent: true }),
          to("5", "zoe@example.com", { needsConsent: true, notBefore: at(minute), expiresAt: at(2 * minute) }),
        ];
        const input = of.announcement({ notifications: given, now: at(3) });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 5 });
        const [, other] = await twoStores(opened);
        const rows = await other.notifications.list({ tenant: "default", limit: 10 });
        assert.deepEqual(
          rows.map(({ id, state, reason, detail, settledAt }) => [id, state, reason, detail, settledAt]),
          [
            ["1", "suppressed", "suppressed", "hard_bounce", at(3)],
            ["2", "pending", null, null, null],
            ["3", "suppressed", "unsubscribed", "unsubscribed", at(3)],
            ["4", "pending", null, null, null],
            ["5", "suppressed", "no_consent", null, at(3)],
          ],
        );
        assert.deepEqual(
          rows.map(({ createdAt, notBefore, expiresAt, claims, fence, leaseUntil }) => {
            return [createdAt, notBefore, expiresAt, claims, fence, leaseUntil];
          }),
          given.map(({ notBefore, expiresAt }) => [at(3), notBefore ?? at(3), expiresAt, 0, 0, null]),
        );
        assert.deepEqual((await claimed(other, at(minute))).map(({ id }) => id).sort(), ["2", "4"]);
      },
    },
    {
      about,
      name: `a ${noun} whose people are all forbidden is announced, and nothing of it is sent`,
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        await store.suppressions.add(suppressing());
        const input = of.announcement({ notifications: [of.notification({ recipientKey: ada })] });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 1 });
        assert.deepEqual(await store.lanes.list({ tenant: "default" }), [openLane("default", "smtp")]);
        assert.deepEqual(await claimed(store, at(100 * minute)), []);
        assert.deepEqual(await store.notifications.count({ tenant: "default" }), [
          { state: "suppressed", reason: "suppressed", count: 1 },
        ]);
      },
    },
    {
      about,
      name: "of announcements and a suppression at once nothing is left that could be sent",
      async run(opened) {
        const stores = await twoStores(opened);
        const ids = Array.from({ length: 8 }, (_, i) => `row-${i}`);
        await of.arise(
          opened.store,
          ids.map((id) => ({ id })),
        );
        await of.claim(opened.store);
        await Promise.all([
          ...ids.map((id, i) => {
            const notifications = [of.notification({ id: `ntf-${id}`, source: of.source(id), recipientKey: ada })];
            return of.steps(stores[i % 2]!).announce(of.announcement({ id, notifications }));
          }),
          stores[1].suppressions.add(suppressing()),
        ]);
        const rows = await claimed(opened.store, at(1));
        const marks = rows.map(({ tenant, id, fence }) => {
          return { tenant, id, fence, messageId: "<m@x>", idempotencyKey: "k", payloadHash: "h", payload: null };
        });
        const answers = await opened.store.notifications.mark({ marks, lease: minute, now: at(1) });
        assert.deepEqual(
          answers.map(({ result }) => result),
          rows.map(() => "refused"),
        );
        assert.deepEqual(await opened.store.notifications.count({ tenant: "default" }), [
          { state: "suppressed", reason: "suppressed", count: 8 },
        ]);
      },
    },
  ];
}
