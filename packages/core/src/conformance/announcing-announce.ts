import assert from "node:assert/strict";
import { openLane } from "../delivery/lane.js";
import type { Announced } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { template } from "./crossing-samples.js";
import { claimed } from "./notification-samples.js";
import { at, awkwardJson, max, minute, start, twoStores } from "./samples.js";

/** Announcing what was claimed. */
export function announceCases(of: Announced): readonly ConformanceCase[] {
  const { about, noun } = of;
  return [
    {
      about,
      name: "an announcement stores its notifications as pending, with every field, and ends with announced",
      async run(opened) {
        const { store } = opened;
        await of.arise(store);
        await of.claim(store);
        const given = of.notification({
          itemKey: "invoice-7",
          mode: "idempotent",
          keyLifetime: max,
          data: awkwardJson,
          maxAttempts: 9,
          notBefore: at(1),
          expiresAt: at(999 * minute + 1),
          channel: "host's own",
          recipient: {
            address: " Ada@Bücher.example ",
            name: 'A "d" a',
            firstName: "A",
            lastName: "é\u{1f389}",
            role: "owner",
            locale: "de-AT",
            zone: "Europe/Vienna",
          },
        });
        const plain = of.notification({ id: "ntf-2", data: {}, recipient: { address: "b@example.com" } });
        const input = of.announcement({ notifications: [given, plain], now: at(3) });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 2 });
        const [, other] = await twoStores(opened);
        const fresh = {
          state: "pending",
          reason: null,
          detail: null,
          createdAt: at(3),
          redrive: 0,
          redriveOf: null,
          attempts: 0,
          excused: 0,
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
          settledAt: null,
        };
        assert.deepEqual(await other.notifications.list({ tenant: "default", limit: 10 }), [
          { ...given, ...fresh },
          { ...plain, ...fresh, notBefore: at(3) },
        ]);
        assert.deepEqual(await of.listed(other), [
          of.stored({}, { state: "announced", notifications: 2, attempts: 1 }),
        ]);
        assert.deepEqual(await other.lanes.list({ tenant: "default" }), [openLane("default", "smtp")]);
        assert.deepEqual((await claimed(other, at(3)))[0]?.content, template);
      },
    },
    {
      about,
      name: `a last announcement that found nobody leaves the ${noun} unaddressed, with its reason`,
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const input = of.announcement({ templates: {} });
        assert.deepEqual(await of.steps(store).announce(input), { result: "unaddressed", notifications: 0 });
        const end = { state: "unaddressed", reason: "unaddressed", attempts: 1 } as const;
        assert.deepEqual(await of.listed(store), [of.stored({}, end)]);
        assert.deepEqual(await of.claim(store, at(1000 * minute)), []);
      },
    },
    {
      about,
      name: "a repeat of the last announcement is lost and stores nothing",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const input = of.announcement({ notifications: [of.notification()] });
        await of.steps(store).announce(input);
        const more = of.announcement({
          notifications: [of.notification(), of.notification({ id: "ntf-2", notifier: "sms", template: "tpl-2" })],
          templates: { "tpl-2": template },
        });
        for (const repeat of [input, more]) {
          assert.deepEqual(await of.steps(store).announce(repeat), { result: "lost", notifications: 0 });
        }
        assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 1);
        assert.equal((await store.lanes.list({ tenant: "default" })).length, 1);
        assert.equal((await of.listed(store))[0]?.notifications, 1);
      },
    },
    {
      about,
      name: `an announcement under another fence, of a pending or an unknown ${noun} stores nothing`,
      async run({ store }) {
        await of.arise(store);
        const lost = { result: "lost", notifications: 0 };
        const input = of.announcement({ notifications: [of.notification()] });
        assert.deepEqual(await of.steps(store).announce({ ...input, fence: 0 }), lost);
        await of.claim(store);
        for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
          for (const last of [true, false]) {
            assert.deepEqual(await of.steps(store).announce({ ...input, ...wrong, last }), lost);
          }
        }
        assert.deepEqual(await store.notifications.list({ tenant: "default", limit: 10 }), []);
        assert.deepEqual(await store.lanes.list({ tenant: "default" }), []);
        assert.deepEqual(await of.listed(store), [of.stored({}, { state: "leased", attempts: 1 })]);
      },
    },
    {
      about,
      name: "chunks that are not the last continue the lease and count what is stored so far",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const all = of.notifications(3);
        const chunk = of.announcement({ notifications: all.slice(0, 2), last: false, now: at(minute / 2) });
        assert.deepEqual(await of.steps(store).announce(chunk), { result: "continued", notifications: 2 });
        const so = { state: "leased", attempts: 1, notifications: 2 } as const;
        assert.deepEqual(await of.listed(store), [of.stored({}, so)]);
        assert.deepEqual(await of.claim(store, at(minute)), [], "the lease was prolonged");
        assert.deepEqual(await of.steps(store).announce(chunk), { result: "continued", notifications: 2 });
        assert.deepEqual(await of.listed(store), [of.stored({}, so)]);
        const last = of.announcement({ notifications: all.slice(2) });
        assert.deepEqual(await of.steps(store).announce(last), { result: "announced", notifications: 3 });
        assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 3);
      },
    },
    {
      about,
      name: "a continued lease ends one lease after the chunk",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        await of.steps(store).announce(of.announcement({ last: false, now: at(1000), lease: 5000 }));
        assert.deepEqual(await of.claim(store, at(5999)), []);
        assert.deepEqual(await of.claim(store, at(6000)), [of.id]);
      },
    },
    {
      about,
      name: `a ${noun} that was claimed anew keeps the notifications of its earlier chunks and counts them`,
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const all = of.notifications(3);
        await of.steps(store).announce(of.announcement({ notifications: all.slice(0, 2), last: false }));
        await of.claim(store, at(minute));
        const renamed = all.map((each) => ({ ...each, id: `again-${each.id}`, data: { changed: true } }));
        const input = of.announcement({ fence: 2, notifications: renamed, now: at(minute) });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 3 });
        const rows = await store.notifications.list({ tenant: "default", limit: 10 });
        assert.deepEqual(
          rows.map((each) => [each.id, each.data]),
          [
            ["again-ntf-0003", { changed: true }],
            ["ntf-0001", { name: "Ada" }],
            ["ntf-0002", { name: "Ada" }],
          ],
        );
        assert.deepEqual(rows[1]!.createdAt, start);
      },
    },
    {
      about,
      name: "a last announcement without any counts the notifications of the chunks before it",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        await of.steps(store).announce(of.announcement({ notifications: of.notifications(2), last: false }));
        assert.deepEqual(await of.steps(store).announce(of.announcement({ templates: {} })), {
          result: "announced",
          notifications: 2,
        });
      },
    },
    {
      about,
      name: "an announcement of 2,000 notifications is one step",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const input = of.announcement({ notifications: of.notifications(2000) });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 2000 });
        const rows = await store.notifications.list({ tenant: "default", limit: 10_000 });
        assert.deepEqual(
          rows.map((each) => each.id),
          input.notifications.map((each) => each.id),
        );
      },
    },
    {
      about,
      name: "of announcements at once under one fence one ends it, and no recipient is stored twice",
      async run(opened) {
        const stores = await twoStores(opened);
        for (let round = 0; round < 8; round++) {
          const id = `cro-${round}`;
          await of.arise(opened.store, [{ id }]);
          await of.claim(opened.store);
          const source = of.source(id);
          const answers = await Promise.all(
            [0, 1, 2, 3].map((n) => {
              const given = of.notifications(20, { source }).map((each) => ({ ...each, id: `${id}-${n}-${each.id}` }));
              return of.steps(stores[n % 2]!).announce(of.announcement({ id, notifications: given }));
            }),
          );
          assert.deepEqual(answers.map((answer) => answer.result).sort(), ["announced", "lost", "lost", "lost"]);
          const rows = await opened.store.notifications.list({ tenant: "default", source, limit: 100 });
          assert.equal(rows.length, 20);
        }
      },
    },
  ];
}
