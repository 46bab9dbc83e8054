import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, announcement, claim, crossed, crossing, listed, stored, template } from "./crossing-samples.js";
import { claimed, notification, notifications } from "./notification-samples.js";
import { at, awkwardJson, max, minute, start, twoStores } from "./samples.js";

export const crossingAnnounceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an announcement stores its notifications as pending, with every field, and ends with announced",
    async run(opened) {
      const { store } = opened;
      await crossed(store, [crossing()]);
      await claim(store);
      const given = notification({
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
      const plain = notification({ id: "ntf-2", data: {}, recipient: { address: "b@example.com" } });
      const input = announcement({ notifications: [given, plain], now: at(3) });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 2 });
      const [, other] = await twoStores(opened);
      const fresh = {
        state: "pending",
        reason: null,
        detail: null,
        createdAt: at(3),
        redrive: 0,
        redriveOf: null,
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
        settledAt: null,
      };
      assert.deepEqual(await other.notifications.list({ tenant: "default", limit: 10 }), [
        { ...given, ...fresh },
        { ...plain, ...fresh, notBefore: at(3) },
      ]);
      assert.deepEqual(await listed(other), [
        stored(crossing(), { state: "announced", notifications: 2, attempts: 1 }),
      ]);
      assert.deepEqual(await other.lanes.list({ tenant: "default" }), [
        { tenant: "default", notifier: "smtp", paused: false, notBefore: null },
      ]);
      assert.deepEqual((await claimed(other, at(3)))[0]?.content, template);
    },
  },
  {
    about,
    name: "a last announcement that found nobody leaves the crossing unaddressed, with its reason",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = announcement({ templates: {} });
      assert.deepEqual(await store.crossings.announce(input), { result: "unaddressed", notifications: 0 });
      const end = { state: "unaddressed", reason: "unaddressed", attempts: 1 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), end)]);
      assert.deepEqual(await claim(store, at(1000 * minute)), []);
    },
  },
  {
    about,
    name: "a repeat of the last announcement is lost and stores nothing",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = announcement({ notifications: [notification()] });
      await store.crossings.announce(input);
      const more = announcement({
        notifications: [notification(), notification({ id: "ntf-2", notifier: "sms", template: "tpl-2" })],
        templates: { "tpl-2": template },
      });
      for (const repeat of [input, more]) {
        assert.deepEqual(await store.crossings.announce(repeat), { result: "lost", notifications: 0 });
      }
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 1);
      assert.equal((await store.lanes.list({ tenant: "default" })).length, 1);
      assert.equal((await listed(store))[0]?.notifications, 1);
    },
  },
  {
    about,
    name: "an announcement under another fence, of a pending or an unknown crossing stores nothing",
    async run({ store }) {
      await crossed(store, [crossing()]);
      const lost = { result: "lost", notifications: 0 };
      const input = announcement({ notifications: [notification()] });
      assert.deepEqual(await store.crossings.announce({ ...input, fence: 0 }), lost);
      await claim(store);
      for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
        for (const last of [true, false]) {
          assert.deepEqual(await store.crossings.announce({ ...input, ...wrong, last }), lost);
        }
      }
      assert.deepEqual(await store.notifications.list({ tenant: "default", limit: 10 }), []);
      assert.deepEqual(await store.lanes.list({ tenant: "default" }), []);
      assert.deepEqual(await listed(store), [stored(crossing(), { state: "leased", attempts: 1 })]);
    },
  },
  {
    about,
    name: "chunks that are not the last continue the lease and count what is stored so far",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const all = notifications(3);
      const chunk = announcement({ notifications: all.slice(0, 2), last: false, now: at(minute / 2) });
      assert.deepEqual(await store.crossings.announce(chunk), { result: "continued", notifications: 2 });
      const so = { state: "leased", attempts: 1, notifications: 2 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), so)]);
      assert.deepEqual(await claim(store, at(minute)), [], "the lease was prolonged");
      assert.deepEqual(await store.crossings.announce(chunk), { result: "continued", notifications: 2 });
      assert.deepEqual(await listed(store), [stored(crossing(), so)]);
      const last = announcement({ notifications: all.slice(2) });
      assert.deepEqual(await store.crossings.announce(last), { result: "announced", notifications: 3 });
      assert.equal((await store.notifications.list({ tenant: "default", limit: 10 })).length, 3);
    },
  },
  {
    about,
    name: "a continued lease ends one lease after the chunk",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.announce(announcement({ last: false, now: at(1000), lease: 5000 }));
      assert.deepEqual(await claim(store, at(5999)), []);
      assert.deepEqual(await claim(store, at(6000)), ["cro-1"]);
    },
  },
  {
    about,
    name: "a crossing that was claimed anew keeps the notifications of its earlier chunks and counts them",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const all = notifications(3);
      await store.crossings.announce(announcement({ notifications: all.slice(0, 2), last: false }));
      await claim(store, at(minute));
      const renamed = all.map((each) => ({ ...each, id: `again-${each.id}`, data: { changed: true } }));
      const input = announcement({ fence: 2, notifications: renamed, now: at(minute) });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 3 });
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
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.announce(announcement({ notifications: notifications(2), last: false }));
      assert.deepEqual(await store.crossings.announce(announcement({ templates: {} })), {
        result: "announced",
        notifications: 2,
      });
    },
  },
  {
    about,
    name: "an announcement of 2,000 notifications is one step",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = announcement({ notifications: notifications(2000) });
      assert.deepEqual(await store.crossings.announce(input), { result: "announced", notifications: 2000 });
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
        await crossed(opened.store, [crossing({ id, threshold: id })]);
        await claim(opened.store);
        const source = { kind: "crossing", id } as const;
        const answers = await Promise.all(
          [0, 1, 2, 3].map((n) => {
            const given = notifications(20, { source }).map((each) => ({ ...each, id: `${id}-${n}-${each.id}` }));
            return stores[n % 2]!.crossings.announce(announcement({ id, notifications: given }));
          }),
        );
        assert.deepEqual(answers.map((answer) => answer.result).sort(), ["announced", "lost", "lost", "lost"]);
        const rows = await opened.store.notifications.list({ tenant: "default", source, limit: 100 });
        assert.equal(rows.length, 20);
      }
    },
  },
];
