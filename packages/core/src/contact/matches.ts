import type { Json, JsonObject } from "../json.js";
import { everything } from "../recipient/suppression.js";
import { compareKeys } from "../text-key.js";
import type { Contact } from "./contact.js";
import type { ContactFilter, FieldCondition, FieldValue, NumberRange, TimeRange } from "./contact-filter.js";

/** What of a contact a filter looks at. */
export type Filtered = Omit<Contact, "tenant" | "number" | "import" | "createdAt" | "updatedAt">;

/** Whether a contact is meant: what a filter says, which every store's own language must come to. */
export function matches(filter: ContactFilter, contact: Filtered): boolean {
  if ("all" in filter) return filter.all.every((each) => matches(each, contact));
  if ("any" in filter) return filter.any.some((each) => matches(each, contact));
  if ("not" in filter) return !matches(filter.not, contact);
  if ("id" in filter) return contact.id === filter.id;
  if ("ids" in filter) return filter.ids.includes(contact.id);
  if ("tag" in filter) return contact.tags.includes(filter.tag);
  if ("channel" in filter) return contact.channel === filter.channel;
  if ("source" in filter) return isOneOf(contact.source, filter.source);
  if ("locale" in filter) return isOneOf(contact.locale, filter.locale);
  if ("zone" in filter) return isOneOf(contact.zone, filter.zone);
  if ("field" in filter) return fieldTests(filter).every((test) => passes(memberAt(contact.fields, test.path), test));
  if ("lastEmailed" in filter) return isEmailed(contact.lastEmailedAt, filter.lastEmailed);
  if ("bounces" in filter) return isInRange(contact.bounces, filter.bounces);
  if ("suppressed" in filter) {
    const scopes = [filter.scope ?? everything, everything];
    return contact.suppressions.some(({ scope }) => scopes.includes(scope)) === filter.suppressed;
  }
  const of = (wanted: string) => contact.consents.find(({ scope }) => scope === wanted);
  return (of(filter.consent) ?? of(everything))?.granted === true;
}

/** One comparison of one field. */
export type FieldTest = { readonly path: readonly string[] } & (
  | { readonly op: "in"; readonly values: readonly FieldValue[] }
  | { readonly op: Comparison; readonly value: number | string }
  | { readonly op: "startsWith"; readonly value: string }
  | { readonly op: "exists"; readonly exists: boolean }
);

export type Comparison = "gt" | "gte" | "lt" | "lte";
const comparisons = ["gt", "gte", "lt", "lte"] as const;

/** A condition on a field as its comparisons. */
export function fieldTests(condition: FieldCondition): readonly FieldTest[] {
  const path = condition.field.split(".");
  const tests: FieldTest[] = [];
  if (condition.is !== undefined) tests.push({ path, op: "in", values: [condition.is] });
  if (condition.in !== undefined) tests.push({ path, op: "in", values: condition.in });
  for (const op of comparisons) {
    const value = condition[op];
    if (value !== undefined) tests.push({ path, op, value });
  }
  if (condition.startsWith !== undefined) tests.push({ path, op: "startsWith", value: condition.startsWith });
  if (condition.exists !== undefined) tests.push({ path, op: "exists", exists: condition.exists });
  return tests;
}

/** Undefined where nothing is there. */
function memberAt(fields: JsonObject, path: readonly string[]): Json | undefined {
  let found: Json | undefined = fields;
  for (const name of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found) || !Object.hasOwn(found, name))
      return undefined;
    found = (found as JsonObject)[name];
  }
  return found;
}

function passes(found: Json | undefined, test: FieldTest): boolean {
  if (test.op === "exists") return (found !== undefined) === test.exists;
  if (test.op === "in") return test.values.some((value) => value === found);
  if (test.op === "startsWith") return typeof found === "string" && found.startsWith(test.value);
  const order = orderOf(found, test.value);
  return order !== undefined && holds(order, test.op);
}

/** Undefined where the two have no order. */
function orderOf(found: Json | undefined, value: number | string): number | undefined {
  if (typeof found === "number" && typeof value === "number") return found < value ? -1 : found > value ? 1 : 0;
  return typeof found === "string" && typeof value === "string" ? compareKeys(found, value) : undefined;
}

function holds(order: number, op: Comparison): boolean {
  if (op === "gt") return order > 0;
  if (op === "gte") return order >= 0;
  return op === "lt" ? order < 0 : order <= 0;
}

function isOneOf(found: string | null, wanted: string | readonly string[] | null): boolean {
  if (wanted === null || found === null) return wanted === found;
  return typeof wanted === "string" ? found === wanted : wanted.includes(found);
}

function isEmailed(at: Date | null, wanted: TimeRange | "never"): boolean {
  if (wanted === "never" || at === null) return wanted === "never" && at === null;
  const time = at.getTime();
  const { before, after } = wanted;
  return (
    (before === undefined || time < new Date(before).getTime()) &&
    (after === undefined || time >= new Date(after).getTime())
  );
}

function isInRange(found: number, { is, ...range }: NumberRange): boolean {
  if (is !== undefined && found !== is) return false;
  return comparisons.every((op) => {
    const value = range[op];
    return value === undefined || holds(found - value, op);
  });
}
