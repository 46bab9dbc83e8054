import assert from "node:assert/strict";
import { type SuppressionReason, suppressionReasons } from "../recipient/suppression.js";
import type { ConformanceCase } from "./case.js";
import { assertOwnClock, at, awkwardKeys, bytewise, everyPage, start, twoStores } from "./samples.js";
import { about, act, acts, ada, releasing, suppressing, suppression, suppressions } from "./suppression-samples.js";

/** Forbidding an address, and allowing it again. */
export const suppressionAddCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an address is forbidden in a scope, with its reason, and the act says who and why",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const given = { scope: "news", reason: "hard_bounce", detail: "550 é \u{1f389}", now: at(7) } as const;
      const stored = suppression({ scope: "news", reason: "hard_bounce", detail: "550 é \u{1f389}", at: at(7) });
      assert.deepEqual(await one.suppressions.add(suppressing(given)), { suppression: stored, stopped: 0 });
      assert.deepEqual(await suppressions(two), [stored]);
      assert.deepEqual(await acts(two), [act({ at: at(7) })]);
    },
  },
  {
    about,
    name: "of two suppressions of one address and scope the heavier is kept, the first of equal ones; each is an act",
    async run({ store }) {
      let heaviest: SuppressionReason = "soft_bounces";
      const order = [
        "manual",
        "soft_bounces",
        "unsubscribed",
        "hard_bounce",
        "manual",
        "complaint",
        "unsubscribed",
      ] as const;
      const weight = (reason: SuppressionReason) => suppressionReasons.indexOf(reason);
      let kept = suppression({ reason: "soft_bounces", detail: "first", at: at(0) });
      await store.suppressions.add(suppressing({ reason: "soft_bounces", detail: "first" }));
      for (const [i, reason] of order.entries()) {
        const given = { reason, detail: `${i}`, by: `by ${i}`, now: at(1 + i) };
        if (weight(reason) > weight(heaviest)) {
          heaviest = reason;
          kept = suppression({ reason, detail: `${i}`, by: `by ${i}`, at: at(1 + i) });
        }
        assert.deepEqual((await store.suppressions.add(suppressing(given))).suppression, kept);
        assert.deepEqual(await suppressions(store), [kept]);
      }
      assert.equal(kept.reason, "complaint");
      assert.deepEqual(
        (await acts(store)).map(({ by, at }) => [by, at]),
        [["bob", start], ...order.map((_, i) => [`by ${i}`, at(1 + i)])],
      );
    },
  },
  {
    about,
    name: "scopes, addresses and tenants are apart",
    async run({ store }) {
      await store.suppressions.add(suppressing());
      await store.suppressions.add(suppressing({ scope: "news", reason: "unsubscribed" }));
      await store.suppressions.add(suppressing({ recipientKey: "max@example.com" }));
      await store.suppressions.add(suppressing({ tenant: "other", reason: "complaint" }));
      assert.deepEqual(await suppressions(store), [
        suppression(),
        suppression({ scope: "news", reason: "unsubscribed" }),
        suppression({ recipientKey: "max@example.com" }),
      ]);
      assert.deepEqual(await suppressions(store, "other"), [suppression({ tenant: "other", reason: "complaint" })]);
      assert.deepEqual(await acts(store, ada, "other"), [act({ tenant: "other" })]);
      assert.equal(await store.suppressions.release(releasing()), true);
      assert.equal((await suppressions(store)).length, 2);
      assert.equal((await suppressions(store, "other")).length, 1);
    },
  },
  {
    about,
    name: "a release allows an address in that scope again and records the act; of what is not forbidden it is false",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await one.suppressions.add(suppressing());
      await one.suppressions.add(suppressing({ scope: "news" }));
      for (const none of [{ scope: "bills" }, { recipientKey: "max@example.com" }, { tenant: "other" }]) {
        assert.equal(await one.suppressions.release(releasing(none)), false);
      }
      const done = { by: "eve", why: "the mailbox is back", now: at(5) };
      assert.equal(await one.suppressions.release(releasing(done)), true);
      assert.deepEqual(await suppressions(two), [suppression({ scope: "news" })]);
      assert.equal(await two.suppressions.release(releasing(done)), false);
      assert.deepEqual(await acts(two), [act(), act(), act({ act: "release", by: "eve", why: done.why, at: at(5) })]);
      assert.deepEqual(await acts(two, "max@example.com"), []);
      assert.deepEqual(await acts(two, ada, "other"), []);
    },
  },
  {
    about,
    name: "callers at once all leave their act, and one suppression, the heaviest",
    async run(opened) {
      const stores = await twoStores(opened);
      const answers = await Promise.all(
        Array.from({ length: 15 }, (_, i) => {
          const given = { reason: suppressionReasons[i % 5]!, why: `caller ${i}`, detail: `${i}` };
          return stores[i % 2]!.suppressions.add(suppressing(given));
        }),
      );
      const [kept, ...more] = await suppressions(opened.store);
      assert.deepEqual([kept?.reason, more], ["complaint", []]);
      assert.ok(answers.every(({ stopped }) => stopped === 0));
      assert.equal(new Set((await acts(opened.store)).map(({ why }) => why)).size, 15);
    },
  },
  {
    about,
    name: "of a release and suppressions at once the address is forbidden or not, as the last of the acts says",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 5; round++) {
        await opened.store.suppressions.add(suppressing());
        await Promise.all([
          stores[0].suppressions.release(releasing()),
          stores[1].suppressions.add(suppressing({ reason: "complaint" })),
          stores[0].suppressions.release(releasing()),
        ]);
        const last = (await acts(opened.store)).at(-1);
        assert.equal((await suppressions(opened.store)).length, last?.act === "suppress" ? 1 : 0);
      }
    },
  },
  {
    about,
    name: "suppressions are listed by address and scope, bytewise, page by page, and by every filter",
    async run({ store }) {
      for (const recipientKey of awkwardKeys) await store.suppressions.add(suppressing({ recipientKey }));
      for (const scope of awkwardKeys) {
        await store.suppressions.add(suppressing({ recipientKey: "é", scope, reason: "unsubscribed" }));
      }
      await store.suppressions.add(suppressing({ tenant: "other" }));
      const page = (last: { recipientKey: string; scope: string } | undefined, limit: number) =>
        store.suppressions.list({
          ...{ tenant: "default", limit },
          ...(last && { after: { recipientKey: last.recipientKey, scope: last.scope } }),
        });
      const all = await everyPage(7, page);
      assert.deepEqual(
        all.filter(({ scope }) => scope === "*").map(({ recipientKey }) => recipientKey),
        bytewise(awkwardKeys),
      );
      assert.deepEqual(
        all.filter(({ recipientKey }) => recipientKey === "é").map(({ scope }) => scope),
        bytewise(["*", ...awkwardKeys]),
      );
      assert.equal(all.length, 2 * awkwardKeys.length);
      const list = async (query: object) =>
        (await store.suppressions.list({ tenant: "default", limit: 10_000, ...query })).map(
          ({ recipientKey, scope }) => `${recipientKey} ${scope}`,
        );
      assert.deepEqual(await list({ recipientKeys: ["a", "nothing", "B"] }), ["B *", "a *"]);
      assert.deepEqual(await list({ recipientKeys: [] }), []);
      assert.deepEqual(await list({ scope: "__proto__" }), ["é __proto__"]);
      assert.equal((await list({ reason: "unsubscribed" })).length, awkwardKeys.length);
      assert.deepEqual(await list({ reason: "unsubscribed", scope: "*" }), []);
      assert.deepEqual(await list({ recipientKeys: ["é"], scope: "ß", reason: "unsubscribed" }), ["é ß"]);
      assert.deepEqual(
        await list({ recipientKeys: ["é"], after: { recipientKey: "é", scope: "\u{1f389}" }, limit: 1 }),
        [`é ${bytewise(awkwardKeys).find((key) => Buffer.compare(Buffer.from(key), Buffer.from("\u{1f389}")) > 0)}`],
      );
    },
  },
  {
    about,
    name: "without a given time the store's own clock dates suppressions, consents and their acts",
    async run({ store }) {
      const { now: _, ...byOwnClock } = suppressing();
      await assertOwnClock(async () => (await store.suppressions.add(byOwnClock)).suppression.at);
      await assertOwnClock(async () => (await acts(store))[0]!.at);
      const { scope: __, reason: ___, ...address } = byOwnClock;
      await assertOwnClock(async () => {
        const { suppression: bounced } = await store.suppressions.bounced({
          ...{ ...address, recipientKey: "max@example.com", limit: 1, within: 1 },
        });
        return bounced!.at;
      });
      await store.suppressions.release({ ...address, scope: "*" });
      await assertOwnClock(async () => (await acts(store))[1]!.at);
      const { detail: ____, ...rest } = address;
      await assertOwnClock(async () => {
        const given = { ...rest, scope: "news", granted: true, source: "a form" };
        return (await store.suppressions.consent(given)).consent.at;
      });
    },
  },
  {
    about,
    name: "suppressions are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await opened.store.suppressions.add(suppressing({ now: at(1) }));
      const again = await opened.reopen!();
      assert.deepEqual(
        [await suppressions(again), await acts(again)],
        [[suppression({ at: at(1) })], [act({ at: at(1) })]],
      );
      assert.equal(await again.suppressions.release(releasing()), true);
      assert.deepEqual(await suppressions(opened.store), []);
    },
  },
];
