import assert from "node:assert/strict";
import type { NewNotification } from "../delivery/notification.js";
import type { VersionInput } from "../message/template-check.js";
import { templateUse } from "../message/template-use.js";
import type { Templates } from "../message/templates.js";
import type { Recipient } from "../recipient/recipient.js";
import { actsOf } from "./acts-of.js";
import { campaign, wholeChunk } from "./campaign-samples.js";
import type { ConformanceCase } from "./case.js";
import { count, owner, refusal, setUp } from "./engine-setup.js";
import { notification } from "./notification-samples.js";
import { reminder } from "./template-samples.js";

const about = "engine: templates";
const person = { by: "ann", why: "a test" };
const input = { name: "reminder", category: "invoices", ...person, ...reminder };

const first = "\u2068";
const pop = "\u2069";

export const engineTemplateCases: readonly ConformanceCase[] = [
  {
    about,
    name: "each recipient gets its language, from the stored content alone: direction, isolated values, money and dates",
    async run({ store }) {
      const { milepost, notifier, clock } = setUp(store);
      await milepost.templates.create(input);
      const version = (await store.templates.version({ tenant: "default", name: "reminder" }))!;
      const use = templateUse(version);
      assert.deepEqual(
        [...use.variants.values()].map(({ hash }) => hash),
        version.variants.map(({ hash }) => hash),
      );
      const { sample } = (await milepost.templates.versions({ name: "reminder" }))[0]!;
      const to: readonly Recipient[] = [
        { address: "ann@acme.example", locale: "en-GB" },
        { address: "omar@acme.example", locale: "ar-EG" },
        { address: "jo@acme.example", locale: "ja" },
      ];
      assert.deepEqual(use.problems(sample), []);
      const all = to.map((recipient, i): NewNotification => {
        const template = use.pick(recipient.locale).hash;
        const source = { kind: "campaign", id: "spring" } as const;
        const recipientKey = recipient.address;
        return notification({
          id: `n-${i}`,
          source,
          notifier: "memory",
          recipientKey,
          recipient,
          template,
          data: sample,
        });
      });
      const key = { tenant: "default", id: "spring" };
      await store.campaigns.create({ campaign: campaign(), ...person, now: clock.now() });
      await store.campaigns.act({ ...key, act: "start", at: null, detail: null, ...person, now: clock.now() });
      const [held] = await store.campaigns.claim({ codes: [], limit: 1, lease: 60_000, now: clock.now() });
      const templates = Object.fromEntries([...use.variants.values()].map(({ hash, template }) => [hash, template]));
      const chunk = { ...wholeChunk, notifications: all, templates, now: clock.now() };
      await store.campaigns.load({ ...key, fence: held!.fence, ...chunk });
      await milepost.runOnce();
      const sent = (address: string) => notifier.sent.find((message) => message.to.address === address)!;
      const isolated = (text: string) => `${first}${text}${pop}`;
      const english = sent("ann@acme.example");
      assert.equal(english.subject, `Invoice ${isolated("INV-7")} for ${isolated("Acme")}`);
      assert.equal(
        english.text!.replace("\u00a0", " "),
        `Dear ${isolated("Acme")}, please pay ${isolated("EGP 1,234.50")} by ${isolated("30 November 2026")}: https://shop.example/pay/7`,
      );
      const arabic = sent("omar@acme.example");
      assert.equal(arabic.subject, `فاتورة ${isolated("INV-7")} إلى ${isolated("Acme")}`);
      assert.match(
        arabic.html!,
        /^<div lang="ar" dir="rtl"><p>عزيزي <bdi>Acme<\/bdi>، .*<bdi>٣٠ نوفمبر ٢٠٢٦<\/bdi>\.<\/p><\/div>$/,
      );
      assert.match(arabic.html!, /<bdi>\u200f?١٬٢٣٤٫٥٠\u00a0ج\.م\.\u200f?<\/bdi>/);
      assert.equal(sent("jo@acme.example").subject, english.subject, "the fallback");
      assert.match(sent("jo@acme.example").html!, /^<div lang="en" dir="ltr">/);
    },
  },
  {
    about,
    name: "raw-tag: a tag without a value is found before anything is queued, by its name, and never reaches a mail",
    async run({ store }) {
      const notifier = setUp(store).notifier;
      const message = { text: "Dear {{recipient.firstName}}" };
      const { milepost } = setUp(store, { notifier, milestone: { recipients: owner, message } });
      await count(milepost, 1);
      for (let tries = 0; tries < 10; tries++) await milepost.runOnce();
      assert.deepEqual(await milepost.notifications.list(), []);

      await milepost.templates.create(input);
      const version = (await store.templates.version({ tenant: "default", name: "reminder" }))!;
      const use = templateUse(version);
      const { invoice } = version.sample as { readonly invoice: { readonly number: string } };
      assert.deepEqual(use.problems({ customer: {}, invoice: { ...invoice, due: "soon" } }), [
        { tag: "customer.name", problem: "missing", expected: "a value for {{customer.name}}" },
        { tag: "invoice.due", problem: "wrong", expected: "an ISO date, or an ISO instant with its offset" },
      ]);
      const data = { customer: { name: null }, invoice };
      const { missing, text } = await milepost.templates.preview({ name: "reminder", data });
      assert.deepEqual(missing, ["customer.name"]);
      assert.equal(text!.includes("{{"), false);

      const undeclared = { en: { text: "Dear {{customer.nmae}}" } };
      const refused = await refusal(() => milepost.templates.create({ ...input, name: "typo", variants: undeclared }));
      assert.deepEqual(
        [refused.code, refused.path, refused.expected],
        ["invalid_template", "variants.en.text", "only declared tags, not {{customer.nmae}}"],
      );
      assert.equal(await milepost.templates.get({ name: "typo" }), null);
      assert.deepEqual(notifier.sent, []);
    },
  },
  {
    about,
    name: "a preview shows a version in a recipient's language, with sample data or others, and what it lacks",
    async run({ store }) {
      const { milepost } = setUp(store);
      await milepost.templates.create(input);
      const arabic = await milepost.templates.preview({ name: "reminder", locale: "ar-EG" });
      assert.deepEqual([arabic.version, arabic.language, arabic.dir], [1, "ar", "rtl"]);
      assert.deepEqual([arabic.missing, arabic.wrong], [[], []]);
      assert.match(arabic.subject!, /^فاتورة/);
      const instant = { number: "1", total: { amount: 5, currency: "JPY" }, due: "2026-11-30T22:30:00Z" };
      const data = { customer: { name: "<b>" }, invoice: { ...instant, link: "https://a.example" } };
      const cairo = await milepost.templates.preview({ name: "reminder", locale: "en-GB", zone: "Africa/Cairo", data });
      assert.match(cairo.text!, /JP¥5\u2069 by \u20681 December 2026 at 00:30/);
      assert.match(cairo.html!, /<bdi>&lt;b&gt;<\/bdi>/);
      const none = await milepost.templates.preview({ name: "reminder", data: {} });
      assert.equal(none.missing.length, 5);
      const ill = await milepost.templates.preview({
        name: "reminder",
        data: { ...data, invoice: { ...data.invoice, total: 12.5 } },
      });
      assert.deepEqual([ill.subject, ill.text, ill.html], [null, null, null]);
      assert.deepEqual(
        ill.wrong.map(({ tag }) => tag),
        ["invoice.total"],
      );
      await milepost.templates.addVersion({ ...kept, name: "reminder", parent: 1, ...person });
      assert.equal((await milepost.templates.preview({ name: "reminder" })).version, 1);
      assert.equal((await milepost.templates.preview({ name: "reminder", version: 2 })).text, "New");
      const unknown = await refusal(() => milepost.templates.preview({ name: "reminder", version: 3 }));
      assert.deepEqual([unknown.code, unknown.path], ["not_found", "version"]);
    },
  },
  {
    about,
    name: "a template is made, edited, chosen and archived by named people, and refused where it is no template",
    async run({ store }) {
      const { milepost } = setUp(store);
      const { templates } = milepost;
      const made = await templates.create({ ...input, origin: "imported", source: "the old shop" });
      assert.deepEqual([made.origin, made.source, made.active], ["imported", "the old shop", 1]);
      assert.equal((await refusal(() => templates.create(input))).code, "act_refused");
      const second = await templates.addVersion({ ...kept, name: "reminder", parent: 1, ...person });
      assert.deepEqual([second.number, second.parent, second.maxItems], [2, 1, null]);
      const lost = await refusal(() => templates.addVersion({ ...kept, name: "reminder", parent: 1, ...person }));
      assert.deepEqual([lost.code, lost.path, lost.expected], ["act_refused", "parent", "2"]);
      assert.equal((await templates.activate({ name: "reminder", version: 2, ...person })).active, 2);
      assert.equal((await templates.makeDefault({ name: "reminder", ...person })).isDefault, true);
      assert.equal((await templates.list({ category: "invoices", isDefault: true })).length, 1);
      const { archivedAt } = await templates.archive({ name: "reminder", ...person });
      assert.ok(archivedAt);
      assert.deepEqual(await templates.list(), []);
      assert.equal((await templates.list({ archived: true })).length, 1);
      assert.equal((await templates.versions({ name: "reminder", after: 1 })).length, 1);
      const acts = await actsOf(store, { tenant: "default", entity: "template", entityId: "reminder" });
      assert.deepEqual(
        acts.map(({ act, by }) => [act, by]),
        ["create", "version", "activate", "default", "archive"].map((act) => [act, "ann"]),
      );
      await refuseWhatIsNone(templates);
      assert.deepEqual(await templates.list(), []);
    },
  },
];

/** A version without tags. */
const kept: VersionInput = { variants: { en: { text: "New" } } };

async function refuseWhatIsNone(templates: Templates): Promise<void> {
  const wrong: readonly [object, string][] = [
    [{ name: "" }, "name"],
    [{ category: undefined }, "category"],
    [{ why: "" }, "why"],
    [{ origin: "stolen" }, "origin"],
    [{ variants: {} }, "variants"],
    [{ variants: { e_: { text: "x" } } }, "variants.e_"],
    [{ variants: { en: { text: "x" }, EN: { text: "x" } } }, "variants.en"],
    [{ variants: { en: {} } }, "variants.en"],
    [{ variants: { en: { subject: 1 } } }, "variants.en.subject"],
    [{ variants: { en: { text: "{{#a}}" } } }, "variants.en.text"],
    [{ variants: { en: { html: "<p style='{{customer.name}}'>" } } }, "variants.en.html"],
    [{ variants: { en: { html: "{{{customer.name}}}" } } }, "variants.en.html"],
    [{ variants: { en: { text: "{{other}}" } } }, "variants.en.text"],
    [{ fallback: "fr" }, "fallback"],
    [{ fallback: undefined }, "fallback"],
    [{ tags: [{ path: "a b", type: "text" }] }, "tags[0].path"],
    [{ tags: [{ path: "a", type: "lambda" }] }, "tags[0].type"],
    [{ tags: [...reminder.tags!, reminder.tags![0]] }, "tags[5].path"],
    [{ tags: [...reminder.tags!, { path: "more", type: "text", required: true }] }, "sample.more"],
    [{ sample: { ...reminder.sample, customer: {} } }, "sample.customer.name"],
    [{ sample: { ...reminder.sample, customer: { name: () => "Eve" } } }, "sample.customer.name"],
    [{ sample: { ...reminder.sample, customer: { name: { first: "Eve" } } } }, "sample.customer.name"],
    [{ maxItems: 0 }, "maxItems"],
    [{ color: "red" }, "color"],
  ];
  for (const [fields, path] of wrong) {
    const { code, path: found } = await refusal(() =>
      templates.create({ ...input, name: "wrong", ...fields } as never),
    );
    assert.deepEqual([code, found], ["invalid_template", path]);
  }
  const refused: readonly [() => Promise<unknown>, string][] = [
    [() => templates.activate({ name: "reminder", version: 0, ...person }), "version"],
    [() => templates.archive({ name: "reminder", by: "ann" } as never), "why"],
    [() => templates.list({ origin: "x" as never }), "origin"],
    [() => templates.versions({ name: "reminder", limit: 0 }), "limit"],
    [() => templates.preview({ name: "reminder", locale: "x".repeat(65) }), "locale"],
  ];
  for (const [step, path] of refused) {
    const { code, path: found } = await refusal(step);
    assert.deepEqual([code, found], ["invalid_options", path]);
  }
}
