import assert from "node:assert/strict";
import type { NewTemplate, NewTemplateVersion, StoredTemplate, TemplateAct } from "../message/stored-template.js";
import { checkedVersion, type VersionInput } from "../message/template-check.js";
import type { Store } from "../store/store.js";
import type { TemplateRepository } from "../store/template-repository.js";
import { actsOf } from "./acts-of.js";
import { start } from "./samples.js";

// Stored templates with sensible defaults, and the steps that bring one to where a case begins.

export const key = { tenant: "default", name: "reminder" } as const;
export const person = { by: "ada", why: "a clearer text" } as const;

/** An invoice reminder in English and Arabic. */
export const reminder: VersionInput = {
  variants: {
    en: {
      subject: "Invoice {{invoice.number}} for {{customer.name}}",
      text: "Dear {{customer.name}}, please pay {{invoice.total}} by {{invoice.due}}: {{invoice.link}}",
      html: '<p>Dear {{customer.name}}, please <a href="{{invoice.link}}">pay {{invoice.total}}</a> by {{invoice.due}}.</p>',
    },
    ar: {
      subject: "فاتورة {{invoice.number}} إلى {{customer.name}}",
      text: "عزيزي {{customer.name}}، يرجى دفع {{invoice.total}} قبل {{invoice.due}}: {{invoice.link}}",
      html: '<p>عزيزي {{customer.name}}، يرجى <a href="{{invoice.link}}">دفع {{invoice.total}}</a> قبل {{invoice.due}}.</p>',
    },
  },
  fallback: "en",
  tags: [
    { path: "customer.name", type: "text", required: true },
    { path: "invoice.number", type: "text", required: true },
    { path: "invoice.total", type: "money", required: true },
    { path: "invoice.due", type: "date", required: true },
    { path: "invoice.link", type: "url", required: true },
  ],
  sample: {
    customer: { name: "Acme" },
    invoice: {
      number: "INV-7",
      total: { amount: 123_450, currency: "EGP" },
      due: "2026-11-30",
      link: "https://shop.example/pay/7",
    },
  },
  maxItems: 3,
};

export function template(fields: Partial<NewTemplate> = {}): NewTemplate {
  return { ...key, category: "invoices", origin: "custom", source: null, ...fields };
}

/** A version in two languages that says `text`. */
export function version(text = "Hello"): NewTemplateVersion {
  return checkedVersion({ variants: { en: { text }, ar: { text: `${text} ‏` } }, fallback: "en" });
}

export async function created(
  store: Store,
  fields: Partial<NewTemplate> = {},
  given: NewTemplateVersion = version(),
): Promise<StoredTemplate> {
  const input = { template: template(fields), version: given, ...person, now: start };
  const { created: isNew, template: stored } = await store.templates.create(input);
  assert.equal(isNew, true);
  return stored;
}

type Act = Parameters<TemplateRepository["act"]>[0];
export function act(store: Store, name: TemplateAct, fields: Partial<Act> = {}): Promise<StoredTemplate> {
  return store.templates.act({ ...key, ...person, act: name, now: start, ...fields });
}

type Add = Parameters<TemplateRepository["addVersion"]>[0];
export function added(
  store: Store,
  parent: number,
  fields: Partial<Add> = {},
): ReturnType<TemplateRepository["addVersion"]> {
  return store.templates.addVersion({ ...key, ...person, parent, version: version("More"), now: start, ...fields });
}

export async function actsOnTemplate(store: Store, tenant: string = key.tenant): Promise<readonly string[]> {
  const acts = await actsOf(store, { tenant, entity: "template", entityId: key.name });
  return acts.map((each) => each.act);
}
