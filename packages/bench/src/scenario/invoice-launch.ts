import { type AudienceMember, createMilepost } from "@milepost/core";
import { openPlace } from "../place/place.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  launches: { full: 50, short: 3, what: "campaigns, one after another" },
  invoices: { full: 400, short: 40, what: "messages of each, four invoices a customer" },
  limit: { full: 2_000, short: 60_000, what: "milliseconds that a launch may take, at the 95th percentile" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const invoiceLaunch: Scenario = {
  name: "invoice-launch",
  title:
    "reminders of invoices, in English and Arabic, are made and launched: every message is rendered before it is queued",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

const person = { by: "chaos", why: "reminders of the run" };
const template = "reminder";
const perCustomer = 4;

async function run({ scale, places, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const opened = openPlace(await places.create(), { connections: 2 });
  const milepost = createMilepost({ store: opened.store, notifiers: [sinkNotifier(0, "at-most-once")] });
  try {
    await milepost.templates.create({
      ...{ name: template, category: "invoices", fallback: "en", ...person },
      variants: {
        en: {
          subject: "Invoice {{item.number}}",
          text: "Dear {{recipient.name}}, please pay {{item.total}} by {{item.due}}: {{item.link}}",
          html: '<p>Dear {{recipient.name}}, please <a href="{{item.link}}">pay {{item.total}}</a> by {{item.due}}.</p>',
        },
        ar: {
          subject: "فاتورة {{item.number}}",
          text: "عزيزي {{recipient.name}}، يرجى دفع {{item.total}} قبل {{item.due}}: {{item.link}}",
          html: '<p>عزيزي {{recipient.name}}، يرجى <a href="{{item.link}}">دفع {{item.total}}</a> قبل {{item.due}}.</p>',
        },
      },
      tags: [
        { path: "recipient.name", type: "text", required: true },
        { path: "item.number", type: "text", required: true },
        { path: "item.total", type: "money", required: true },
        { path: "item.due", type: "date", required: true },
        { path: "item.link", type: "url", required: true },
      ],
      sample: { recipient: { name: "Olga" }, item: invoice(0) },
    });
    const times: number[] = [];
    let queued = 0;
    for (let n = 0; n < scale.launches; n++) {
      const id = `reminders-${n}`;
      const recipients = customers(scale.invoices);
      const begun = performance.now();
      await milepost.campaigns.create({ id, notifier: "sink", message: { template }, ...person });
      queued += (await milepost.campaigns.launch({ id, recipients, ...person })).queued;
      times.push(performance.now() - begun);
      progress(n + 1, scale.launches);
    }
    verdict.exactly("queued", queued, scale.launches * scale.invoices);
    times.sort((a, b) => a - b);
    const at = (share: number) => Math.round(times[Math.ceil(times.length * share) - 1]!);
    verdict.note("medianMs", at(0.5));
    verdict.note("worstMs", at(1));
    verdict.atMost("p95Ms", at(0.95), scale.limit);

    // that each of them was checked: one value less, and nothing is queued
    const id = "without-a-total";
    const lacking = customers(scale.invoices).map((customer, i, { length }) =>
      i < length - 1 ? customer : { ...customer, items: [{ ...invoice(0), total: null }] },
    );
    await milepost.campaigns.create({ id, notifier: "sink", message: { template }, ...person });
    const refused = await milepost.campaigns.launch({ id, recipients: lacking, ...person }).then(
      () => "",
      (error: { readonly code?: string }) => String(error.code),
    );
    verdict.note("refusedAs", refused);
    if (refused !== "missing_tag") verdict.fail(`an invoice without its total was answered with "${refused}"`);
    verdict.exactly("queuedOfRefused", (await milepost.campaigns.get({ id }))!.counts.recipients, 0);
  } finally {
    await milepost.close();
    await opened.close();
  }
}

function customers(invoices: number): AudienceMember[] {
  return Array.from({ length: Math.ceil(invoices / perCustomer) }, (_, i) => ({
    ...{ id: `cus-${i}`, address: `p${i}@chaos.example`, name: `P ${i}`, locale: i % 2 === 0 ? "en-GB" : "ar-EG" },
    items: Array.from({ length: Math.min(perCustomer, invoices - i * perCustomer) }, (_, k) =>
      invoice(i * perCustomer + k),
    ),
  }));
}

function invoice(n: number) {
  return {
    ...{ key: `inv-${n}`, number: `INV-${n}`, total: { amount: 100_000 + n, currency: "EGP" }, due: "2026-11-30" },
    link: `https://shop.example/pay/${n}`,
  };
}
