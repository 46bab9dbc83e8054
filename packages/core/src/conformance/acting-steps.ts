import { checkedVersion } from "../message/template-check.js";
import type { Store } from "../store/store.js";

const person = { tenant: "default", by: "ann", why: "she asked" };
const ada = { ...person, recipientKey: "ada" };
const max = { ...person, recipientKey: "max" };
const bounce = { ...ada, scope: "*", within: 1_000, detail: null };

const version = checkedVersion({ variants: { en: { text: "Hello" } } });
const template = (name: string) =>
  ({ tenant: "default", name, category: "c", origin: "custom", source: null }) as const;

/** A step that writes an act beside what it changes. */
export interface ActingStep {
  readonly name: string;
  take(store: Store): Promise<unknown>;
}

/** For a store over SQL that refuses acts: each must fail and leave every table of {@link actingTables} as it was. */
export const actingSteps: readonly ActingStep[] = [
  { name: "add", take: (store) => store.suppressions.add({ ...ada, scope: "*", reason: "hard_bounce", detail: null }) },
  { name: "bounced", take: (store) => store.suppressions.bounced({ ...bounce, limit: 2 }) },
  { name: "release", take: (store) => store.suppressions.release({ ...max, scope: "*" }) },
  {
    name: "consent",
    take: (store) => store.suppressions.consent({ ...ada, scope: "news", granted: true, source: "a form" }),
  },
  {
    name: "limit",
    take: (store) => store.lanes.limit({ ...person, notifier: "smtp", rate: { count: 1, interval: 1 } }),
  },
  { name: "template", take: (store) => store.templates.create({ ...person, template: template("new"), version }) },
  { name: "version", take: (store) => store.templates.addVersion({ ...person, name: "old", parent: 1, version }) },
  { name: "default", take: (store) => store.templates.act({ ...person, name: "old", act: "default" }) },
  { name: "archive", take: (store) => store.templates.act({ ...person, name: "old", act: "archive" }) },
  { name: "pause", take: (store) => store.lanes.setPaused({ ...person, notifier: "smtp", paused: true }) },
];

export const actingTables = [
  ...["suppressions", "bounces", "consents", "lanes", "acts"],
  ...["templates", "message_templates", "template_defaults", "template_versions", "template_variants"],
] as readonly string[];

/** Puts rows into the store that each of {@link actingSteps} would change. */
export async function beforeActing({ suppressions, templates }: Store): Promise<void> {
  await templates.create({ ...person, template: template("old"), version });
  await suppressions.add({ ...max, scope: "*", reason: "manual", detail: null });
  await suppressions.bounced({ ...bounce, limit: 9 });
}
