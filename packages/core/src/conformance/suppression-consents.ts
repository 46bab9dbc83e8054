import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { queued, row } from "./notification-samples.js";
import { at, awkwardKeys, bytewise, everyPage, twoStores } from "./samples.js";
import {
  about,
  act,
  acts,
  ada,
  assertStates,
  consent,
  consenting,
  consents,
  suppressing,
  toAda,
} from "./suppression-samples.js";

/** Consent, given and withdrawn. */
export const suppressionConsentCases: readonly ConformanceCase[] = [
  {
    about,
    name: "consent is kept with where it was given, and the act says who and why; the last word counts",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const given = consenting({ scope: "news", source: "form é \u{1f389}", now: at(1) });
      const first = consent({ scope: "news", source: "form é \u{1f389}", at: at(1) });
      assert.deepEqual(await one.suppressions.consent(given), { consent: first, stopped: 0 });
      assert.deepEqual(await consents(two), [first]);
      const taken = consenting({ scope: "news", granted: false, source: "a call", by: "eve", now: at(2) });
      const second = consent({ scope: "news", granted: false, source: "a call", by: "eve", at: at(2) });
      assert.deepEqual(await two.suppressions.consent(taken), { consent: second, stopped: 0 });
      assert.deepEqual(await consents(one), [second]);
      assert.deepEqual(await acts(one), [
        act({ act: "consent", at: at(1) }),
        act({ act: "withdraw", by: "eve", at: at(2) }),
      ]);
      assert.equal((await one.suppressions.consent({ ...given, now: at(3) })).consent.granted, true);
    },
  },
  {
    about,
    name: "a message that needs consent is born suppressed without it, and pending with it; one that needs none is pending",
    async run({ store }) {
      const of = (id: string, scope: string) => toAda(id, { scope, needsConsent: true });
      await store.suppressions.consent(consenting({ scope: "news" }));
      await queued(store, [of("news", "news"), of("bills", "bills"), toAda("plain", { scope: "bills" })]);
      await assertStates(store, { news: "pending", bills: "suppressed", plain: "pending" });
      const { reason, detail } = await row(store, "bills");
      assert.deepEqual([reason, detail], ["no_consent", null]);
    },
  },
  {
    about,
    name: "consent in general counts where a scope has none of its own",
    async run({ store }) {
      const of = (id: string, scope: string) => toAda(id, { scope, needsConsent: true });
      await store.suppressions.consent(consenting({ scope: "*" }));
      await store.suppressions.consent(consenting({ scope: "bills", granted: false }));
      await queued(store, [of("news", "news"), of("bills", "bills")]);
      await assertStates(store, { news: "pending", bills: "suppressed" });
      await store.suppressions.consent(consenting({ scope: "*", granted: false }));
      await store.suppressions.consent(consenting({ scope: "bills" }));
      await queued(store, [of("news-2", "news"), of("bills-2", "bills")]);
      await assertStates(store, { news: "suppressed", "news-2": "suppressed", "bills-2": "pending" });
    },
  },
  {
    about,
    name: "withdrawn consent ends what needs it and waits, and nothing else",
    async run({ store }) {
      for (const scope of ["news", "bills"]) await store.suppressions.consent(consenting({ scope }));
      await store.suppressions.consent(consenting({ recipientKey: "max@example.com", scope: "news" }));
      await store.suppressions.consent(consenting({ tenant: "other", scope: "news" }));
      const needing = { needsConsent: true, scope: "news" };
      await queued(store, [
        toAda("needs", needing),
        toAda("bills", { ...needing, scope: "bills" }),
        toAda("plain", { scope: "news" }),
        toAda("of-max", { ...needing, recipientKey: "max@example.com" }),
        toAda("elsewhere", { ...needing, tenant: "other" }),
      ]);
      const before = await row(store, "needs");
      const { stopped } = await store.suppressions.consent(consenting({ scope: "news", granted: false, now: at(9) }));
      assert.equal(stopped, 1);
      const end = { state: "suppressed", reason: "no_consent", detail: null, settledAt: at(9) } as const;
      assert.deepEqual(await row(store, "needs"), { ...before, ...end });
      await assertStates(store, { bills: "pending", plain: "pending", "of-max": "pending" });
      await assertStates(store, { elsewhere: "pending" }, "other");
    },
  },
  {
    about,
    name: "a suppression weighs more than consent",
    async run({ store }) {
      await store.suppressions.consent(consenting());
      await store.suppressions.add(suppressing({ reason: "hard_bounce" }));
      await queued(store, [toAda("needs", { needsConsent: true })]);
      const { state, reason, detail } = await row(store, "needs");
      assert.deepEqual([state, reason, detail], ["suppressed", "suppressed", "hard_bounce"]);
    },
  },
  {
    about,
    name: "consents are listed by address and scope, bytewise, page by page, and by every filter",
    async run({ store }) {
      for (const recipientKey of awkwardKeys) await store.suppressions.consent(consenting({ recipientKey }));
      for (const scope of awkwardKeys) await store.suppressions.consent(consenting({ recipientKey: "é", scope }));
      await store.suppressions.consent(consenting({ tenant: "other" }));
      const all = await everyPage(7, (last: { recipientKey: string; scope: string } | undefined, limit) =>
        store.suppressions.consents({
          ...{ tenant: "default", limit },
          ...(last && { after: { recipientKey: last.recipientKey, scope: last.scope } }),
        }),
      );
      assert.deepEqual(
        all.filter(({ scope }) => scope === "default").map(({ recipientKey }) => recipientKey),
        bytewise(awkwardKeys),
      );
      assert.equal(all.length, 2 * awkwardKeys.length);
      const list = async (query: object) =>
        (await store.suppressions.consents({ tenant: "default", limit: 10_000, ...query })).map(
          ({ recipientKey, scope }) => `${recipientKey} ${scope}`,
        );
      assert.deepEqual(await list({ recipientKeys: ["a", "nothing", "B"] }), ["B default", "a default"]);
      assert.deepEqual(await list({ scope: "__proto__" }), ["é __proto__"]);
      assert.deepEqual(await list({ recipientKeys: [ada] }), []);
    },
  },
  {
    about,
    name: "callers at once all leave their act, and the consent is what the last of them said",
    async run(opened) {
      const stores = await twoStores(opened);
      await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          stores[i % 2]!.suppressions.consent(consenting({ granted: i % 3 === 0, why: `${i}` })),
        ),
      );
      const all = await acts(opened.store);
      const [kept, ...more] = await consents(opened.store);
      assert.deepEqual([all.length, more], [12, []]);
      assert.equal(kept?.granted, all.at(-1)?.act === "consent");
    },
  },
  {
    about,
    name: "consents are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await opened.store.suppressions.consent(consenting());
      assert.deepEqual(await consents(await opened.reopen!()), [consent()]);
    },
  },
];
