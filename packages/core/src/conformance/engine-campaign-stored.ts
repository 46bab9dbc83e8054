import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { people, person, setUpCampaigns } from "./engine-campaign-setup.js";
import { refusal } from "./engine-setup.js";
import { hour, minute } from "./samples.js";
import { reminder } from "./template-samples.js";

const about = "engine: campaigns of templates and contacts";
const one = { id: "r-1", ...person };
const made = { ...one, notifier: "memory" };

const invoice = (number: string, amount: number) => ({
  number,
  total: { amount, currency: "EGP" },
  due: "2026-11-30",
  link: `https://pay.example/${number}`,
});
const customer = { name: "Acme" };

/** Without the characters that isolate a merged value. */
const plain = (text: string | null) => text?.replaceAll(/[\u2068\u2069]/g, "");

export const engineCampaignStoredCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a template of the store is sent in each one's language, and a later version changes nothing of what was made",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      await milepost.templates.create({ ...person, ...reminder, name: "reminder", category: "invoices" });
      const created = await milepost.campaigns.create({ ...made, message: { template: "reminder" } });
      assert.deepEqual(created.content.messages, { "": { template: "reminder", version: 1 } });
      const variants = { ...reminder.variants, en: { subject: "New", text: "{{customer.name}}" } };
      await milepost.templates.addVersion({ ...person, ...reminder, name: "reminder", parent: 1, variants });
      await milepost.templates.activate({ ...person, name: "reminder", version: 2 });
      const locales = ["en-GB", "ar-EG", "ja"];
      const recipients = people(3, (i) => ({
        locale: locales[i]!,
        data: { customer, invoice: invoice(`INV-${i}`, 123_450) },
      }));
      const { queued } = await milepost.campaigns.launch({ ...one, recipients });
      assert.equal(queued, 3);
      await milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ subject }) => plain(subject)),
        ["Invoice INV-0 for Acme", "فاتورة INV-1 إلى Acme", "Invoice INV-2 for Acme"],
      );
      const edited = await milepost.campaigns.create({ ...made, id: "r-2", message: { template: "reminder" } });
      assert.deepEqual(edited.content.messages, { "": { template: "reminder", version: 2 } });
    },
  },
  {
    about,
    name: "raw-tag: a value that a template needs and one of another type are told with whom, before anything is queued",
    async run({ store }) {
      const { milepost } = setUpCampaigns(store);
      await milepost.templates.create({ ...person, ...reminder, name: "reminder", category: "invoices" });
      await milepost.campaigns.create({ ...made, message: { template: "reminder" } });
      const data = { customer, invoice: invoice("INV-1", 100) };
      const launch = (wrong: object) => {
        const recipients = people(2, (i) => ({ id: `cus-${i}`, data: i === 0 ? data : wrong }) as object);
        return refusal(() => milepost.campaigns.launch({ ...one, recipients }));
      };
      const { link: _, ...unlinked } = data.invoice;
      const missing = await launch({ ...data, invoice: unlinked });
      assert.deepEqual([missing.code, missing.path], ["missing_tag", 'recipients["cus-1"].invoice.link']);
      const wrong = await launch({ ...data, invoice: { ...data.invoice, total: "a lot" } });
      assert.deepEqual([wrong.code, wrong.path], ["invalid_data", 'recipients["cus-1"].invoice.total']);
      assert.deepEqual(await milepost.notifications.list(), []);
    },
  },
  {
    about,
    name: "a template that is unknown or archived is refused",
    async run({ store }) {
      const { milepost } = setUpCampaigns(store);
      await milepost.templates.create({ ...person, ...reminder, name: "reminder", category: "invoices" });
      const create = (message: object) =>
        refusal(() => milepost.campaigns.create({ ...made, message: message as never }));
      assert.equal((await create({ template: "other" })).code, "not_found");
      assert.equal((await create({ template: "reminder", version: 2 })).code, "not_found");
      const unread = await create({ template: "reminder", version: 0 });
      assert.deepEqual([unread.code, unread.path], ["invalid_campaign", "message.version"]);
      const mixed = await create({ template: "reminder", text: "Hello" });
      assert.deepEqual([mixed.code, mixed.path], ["invalid_campaign", "message.text"]);
      await milepost.templates.archive({ ...person, name: "reminder" });
      assert.equal((await create({ template: "reminder" })).code, "act_refused");
      assert.deepEqual(await milepost.campaigns.list(), []);
    },
  },
  {
    about,
    name: "a grouped message takes as many items as its template says, and the rest have another one",
    async run({ store }) {
      const { milepost, notifier } = setUpCampaigns(store);
      const tags = [
        { path: "item.number", type: "text", required: true },
        { path: "items.total", type: "money", required: true },
      ] as const;
      const variants = { en: { text: "{{item.number}}:{{#items}} {{total}}{{/items}}" } };
      const items = [1, 2, 3, 4, 5].map((n) => ({
        key: `i-${n}`,
        number: `N${n}`,
        total: { amount: n * 100, currency: "USD" },
      }));
      const sample = { item: items[0], items };
      await milepost.templates.create({
        ...{ ...person, name: "grouped", category: "invoices", variants, fallback: "en", tags, maxItems: 2 },
        sample,
      });
      await milepost.campaigns.create({ ...made, items: "grouped", message: { template: "grouped" } });
      const { queued } = await milepost.campaigns.launch({ ...one, recipients: people(1, () => ({ items })) });
      assert.equal(queued, 3);
      await milepost.runOnce();
      const texts = notifier.sent.map(({ text }) => plain(text)).sort();
      assert.deepEqual(texts, ["N1: $1.00 $2.00", "N3: $3.00 $4.00", "N5: $5.00"]);
    },
  },
  {
    about,
    name: "an audience of contacts is those that a filter means when it is made",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      const contact = (i: number, more: object = {}) => ({
        ...{
          id: `c-${i}`,
          address: `c${i}@acme.example`,
          name: `C${i}`,
          tags: ["vip"],
          fields: { plan: "gold" },
          ...more,
        },
      });
      await milepost.contacts.put([
        ...[contact(1), contact(2, { tags: [] }), contact(3, { fields: { plan: "silver" } })],
        contact(4, { address: "+4930123456", channel: "sms" }),
      ]);
      const audience = { contacts: { tag: "vip" } };
      const message = { text: "{{recipient.name}} {{contact.fields.plan}} {{contact.id}}" };
      await milepost.campaigns.create({ ...made, audience, message });
      clock.advance(minute);
      await milepost.contacts.put([contact(5)]);
      await milepost.campaigns.schedule(one);
      await milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ text }) => text),
        ["C1 gold c-1", "C3 silver c-3"],
      );
      assert.equal((await milepost.campaigns.get({ id: "r-1" }))!.state, "completed");
    },
  },
  {
    about,
    name: "who joins late is told, too, where the campaign says so, until its window is over",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      const contact = (i: number) => ({ id: `c-${i}`, address: `c${i}@acme.example`, zone: "Asia/Tokyo" });
      await milepost.contacts.put([contact(1)]);
      const audience = { contacts: { all: [] }, lateJoiners: true };
      // it is 21:00 in Tokyo
      const window = { start: "2026-11-01T21:30", end: "2026-11-01T23:00", zone: "recipient" };
      await milepost.campaigns.create({ ...made, audience, window, message: { text: "{{contact.id}}" } });
      await milepost.campaigns.schedule(one);
      const told: string[] = [];
      for (let passes = 0; passes < 24 * 4; passes++) {
        if (passes === 3 || passes === 10) await milepost.contacts.put([contact(passes)]);
        const before = notifier.sent.length;
        await milepost.runOnce();
        for (const { text } of notifier.sent.slice(before))
          told.push(`${text} ${clock.now().toISOString().slice(11, 16)}`);
        clock.advance(15 * minute);
      }
      assert.deepEqual(told, ["c-1 12:30", "c-3 12:45"]);
      const { state, counts } = (await milepost.campaigns.get({ id: "r-1" }))!;
      assert.deepEqual([state, counts.sent, counts.expired], ["completed", 2, 1]);
      const endless = { ...made, id: "endless", audience, message: { text: "Hello" } };
      const error = await refusal(() => milepost.campaigns.create(endless));
      assert.deepEqual([error.code, error.path], ["invalid_campaign", "audience.lateJoiners"]);
      const unread = { ...made, id: "unread", audience: { contacts: { tagged: "x" } }, message: { text: "Hello" } };
      const filter = await refusal(() => milepost.campaigns.create(unread as never));
      assert.deepEqual([filter.code, filter.path?.startsWith("audience.contacts")], ["invalid_filter", true]);
    },
  },
  {
    about,
    name: "a recurrence of contacts needs no code",
    async run({ store }) {
      const { milepost, notifier, clock } = setUpCampaigns(store);
      await milepost.contacts.put([{ id: "c-1", address: "c1@acme.example" }]);
      const campaign = {
        notifier: "memory",
        audience: { contacts: { all: [] } },
        message: { text: "{{campaign.id}}" },
      };
      await milepost.recurrences.put({ ...person, id: "daily", cron: "0 13 * * *", zone: "UTC", campaign });
      clock.advance(hour);
      await milepost.runOnce();
      await milepost.contacts.put([{ id: "c-2", address: "c2@acme.example" }]);
      clock.advance(24 * hour);
      await milepost.runOnce();
      assert.deepEqual(
        notifier.sent.map(({ to, text }) => [to.address, text]),
        [
          ["c1@acme.example", "daily:2026-11-01T13:00"],
          ["c1@acme.example", "daily:2026-11-02T13:00"],
          ["c2@acme.example", "daily:2026-11-02T13:00"],
        ],
      );
    },
  },
];
