import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { MessageTemplate } from "./message.js";
import type { TemplateTag } from "./template-tag.js";

export interface TemplateKey {
  readonly tenant: string;
  /** The template's name. */
  readonly name: string;
}

/** Who made it: the tenant itself, the host for all of its tenants, or an older system. */
export const templateOrigins = ["custom", "system", "imported"] as const;
export type TemplateOrigin = (typeof templateOrigins)[number];

/** A message that is kept for use again and again, as it is stored: its text is in its versions. */
export interface StoredTemplate extends TemplateKey {
  /** The host's own word for what it is for: `invoice_reminder`. */
  readonly category: string;
  readonly origin: TemplateOrigin;
  /** Where it came from; null where nobody said. */
  readonly source: string | null;
  /** The number of its newest version. */
  readonly newest: number;
  /** The number of the version that is used. */
  readonly active: number;
  /** Whether it is the one of its category that is taken where none is named. */
  readonly isDefault: boolean;
  /** Since when nothing new may use it; null while it may be used. */
  readonly archivedAt: Date | null;
  readonly createdAt: Date;
}

/** A template as it is written in one language. */
export interface TemplateVariant {
  /** A BCP 47 tag in its canonical form. */
  readonly language: string;
  /** Content hash: what was queued of it names it. */
  readonly hash: string;
  readonly content: MessageTemplate;
}

/** One state of a template's text; never changed. */
export interface TemplateVersion extends TemplateKey {
  /** 1, 2, 3 … */
  readonly number: number;
  /** The version that it was made from; null for the first. */
  readonly parent: number | null;
  /** Ordered by language. */
  readonly variants: readonly TemplateVariant[];
  /** The language of those whose own is not among the variants. */
  readonly fallback: string;
  readonly tags: readonly TemplateTag[];
  /** Data that it can be shown with. */
  readonly sample: JsonObject;
  /** How many items, such as invoices, one mail takes; null = any number. */
  readonly maxItems: number | null;
  readonly createdAt: Date;
}

export type NewTemplate = Pick<StoredTemplate, "tenant" | "name" | "category" | "origin" | "source">;
export type NewTemplateVersion = Pick<TemplateVersion, "variants" | "fallback" | "tags" | "sample" | "maxItems">;

export const templateActs = ["activate", "default", "archive"] as const;
export type TemplateAct = (typeof templateActs)[number];

/** A template as it is first: with one version, which is active. */
export function newTemplate(given: NewTemplate, now: Date): StoredTemplate {
  return { ...given, newest: 1, active: 1, isDefault: false, archivedAt: null, createdAt: now };
}

/**
 * The template once a version was made from `parent`. Throws `act_refused` where that is not the newest: what somebody else
 * has changed meanwhile would be lost.
 */
export function versionMove(template: StoredTemplate, parent: number): Pick<StoredTemplate, "newest"> {
  refuseArchived(template);
  if (parent !== template.newest) {
    const message = `Template "${template.name}" has a version ${template.newest} by now: make yours from that one`;
    throw new MilepostError("act_refused", message, { path: "parent", expected: `${template.newest}` });
  }
  return { newest: parent + 1 };
}

/** What an act changes. Throws `act_refused` for an archived template, `not_found` for a version that it does not have. */
export function templateMove(
  template: StoredTemplate,
  { act, version }: { readonly act: TemplateAct; readonly version?: number },
  now: Date,
): Partial<Pick<StoredTemplate, "active" | "isDefault" | "archivedAt">> {
  refuseArchived(template);
  if (act === "default") return { isDefault: true };
  if (act === "archive") return { isDefault: false, archivedAt: now };
  if (version === undefined || version < 1 || version > template.newest) {
    throw new MilepostError("not_found", `Template "${template.name}" has no version ${version}`, { path: "version" });
  }
  return { active: version };
}

function refuseArchived({ name, archivedAt }: StoredTemplate): void {
  if (archivedAt !== null) throw new MilepostError("act_refused", `Template "${name}" is archived`);
}
