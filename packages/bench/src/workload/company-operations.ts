import type { Milepost } from "@milepost/core";

/** What a company's operation is made of: its dice, and the names that it may know from itself or from the other. */
export interface Dice {
  readonly tenant: string;
  /** Rises by 1 with each operation of the run. */
  readonly number: number;
  readonly now: Date;
  below(count: number): number;
  oneOf<T>(these: readonly T[]): T;
  /** A name that both companies use, one of its own, or one that only the other has. */
  anyName(): string;
  /** Of those that it gives: both use it, or it alone. */
  ownName(): string;
  /** An id that the engine gave to one company or to both. */
  anyId(): string;
  address(): string;
}

type Operation = (milepost: Milepost, dice: Dice) => Promise<unknown>;

const metric = "orders";
const states = ["pending", "sent", "failed", "unknown", "cancelled", "suppressed"] as const;
const lanes = ["mail", "accounts", "accounts/shared-0", "accounts/north-0", "accounts/south-0"] as const;
const day = 86_400_000;

const person = ({ tenant }: Dice) => ({ tenant, by: `a person of ${tenant}`, why: `as ${tenant} wants it` });
/** The act of somebody on one thing of any name. */
const onAny = (dice: Dice) => ({ ...person(dice), id: dice.anyName() });
const onNotification = (dice: Dice) => ({ ...person(dice), id: dice.anyId() });
const page = ({ tenant, below }: Dice) => ({ tenant, limit: 1 + below(20) });
const said = ({ tenant, number }: Dice) => ({ subject: `No. ${number}`, text: `{{recipient.address}}: of ${tenant}` });

const newCampaign = (dice: Dice) => ({
  ...person(dice),
  ...{ id: dice.ownName(), name: `${dice.tenant} ${dice.number}`, kind: dice.oneOf(["news", "bills"]) },
  ...{
    notifier: dice.oneOf(["mail", "accounts"]),
    message: said(dice),
    rate: dice.oneOf([null, { count: 5, interval: 3_000 }]),
  },
});

const filterOf = ({ below, oneOf, anyName }: Dice) =>
  oneOf([
    { all: [] },
    { tag: `t${below(4)}` },
    { id: anyName() },
    { field: "plan", is: below(4) },
    { any: [{ id: anyName() }, { not: { tag: `t${below(4)}` } }] },
  ]);

const template = ({ tenant, number }: Dice) => ({
  variants: { en: { subject: `No. ${number}`, text: `Of ${tenant}: {{name}}` } },
  tags: [{ path: "name", type: "text" as const }],
  sample: { name: `sample of ${tenant}` },
});

const contact = (dice: Dice) => ({
  ...{ id: dice.ownName(), address: dice.address(), name: `contact of ${dice.tenant}` },
  ...{ tags: [`t${dice.below(4)}`], fields: { plan: dice.below(4) } },
});

const addressAct = (dice: Dice) => ({
  ...person(dice),
  address: dice.address(),
  scope: dice.oneOf(["news", "default"]),
});
const event = ({ tenant, below, anyName, now }: Dice) => {
  return { tenant, metric, id: `e${below(5_000)}`, subject: anyName(), amount: 1 + below(9), occurredAt: now };
};

/** Every call of the public face that takes a tenant, by its name. */
export const companyOperations: Readonly<Record<string, Operation>> = {
  "campaigns.create": ({ campaigns }, dice) => campaigns.create(newCampaign(dice)),
  "campaigns.create contacts": ({ campaigns }, dice) =>
    campaigns.create({ ...newCampaign(dice), audience: { contacts: filterOf(dice) } }),
  "campaigns.create template": ({ campaigns }, dice) => {
    const { message: _, ...rest } = newCampaign(dice);
    return campaigns.create({ ...rest, message: { template: dice.anyName() }, data: { name: dice.tenant } });
  },
  "campaigns.launch": ({ campaigns }, dice) =>
    campaigns.launch({
      ...onAny(dice),
      recipients: Array.from({ length: 1 + dice.below(4) }, () => ({ address: dice.address(), data: { name: "n" } })),
    }),
  "campaigns.launch known": ({ campaigns }, dice) => campaigns.launch(onAny(dice)),
  "campaigns.schedule": ({ campaigns }, dice) =>
    campaigns.schedule({ ...onAny(dice), at: new Date(dice.now.getTime() + day) }),
  "campaigns.pause": ({ campaigns }, dice) => campaigns.pause(onAny(dice)),
  "campaigns.resume": ({ campaigns }, dice) => campaigns.resume(onAny(dice)),
  "campaigns.cancel": ({ campaigns }, dice) => campaigns.cancel(onAny(dice)),
  "campaigns.edit": ({ campaigns }, dice) =>
    campaigns.edit({ ...onAny(dice), revision: 1 + dice.below(2), change: { message: said(dice) } }),
  "campaigns.get": ({ campaigns }, { tenant, anyName }) => campaigns.get({ tenant, id: anyName() }),
  "campaigns.list": ({ campaigns }, dice) => campaigns.list({ ...page(dice), after: dice.anyName() }),
  "recurrences.put": ({ recurrences }, dice) =>
    recurrences.put({
      ...{ ...person(dice), id: dice.ownName(), cron: `${dice.below(60)} 9 * * *`, zone: "UTC" },
      campaign: { notifier: "mail", message: said(dice), audience: { contacts: filterOf(dice) } },
    }),
  "recurrences.pause": ({ recurrences }, dice) => recurrences.pause(onAny(dice)),
  "recurrences.resume": ({ recurrences }, dice) => recurrences.resume(onAny(dice)),
  "recurrences.remove": ({ recurrences }, dice) => recurrences.remove(onAny(dice)),
  "recurrences.get": ({ recurrences }, { tenant, anyName }) => recurrences.get({ tenant, id: anyName() }),
  "recurrences.list": ({ recurrences }, dice) => recurrences.list(page(dice)),
  "recurrences.skips": ({ recurrences }, dice) => recurrences.skips({ ...page(dice), id: dice.anyName() }),
  "templates.create": ({ templates }, dice) =>
    templates.create({ ...person(dice), name: dice.ownName(), category: "news", ...template(dice) }),
  "templates.addVersion": ({ templates }, dice) =>
    templates.addVersion({
      ...{ ...person(dice), name: dice.anyName(), parent: 1 + dice.below(2) },
      ...template(dice),
    }),
  "templates.activate": ({ templates }, dice) =>
    templates.activate({ ...person(dice), name: dice.anyName(), version: 1 + dice.below(2) }),
  "templates.makeDefault": ({ templates }, dice) => templates.makeDefault({ ...person(dice), name: dice.anyName() }),
  "templates.archive": ({ templates }, dice) =>
    dice.below(4) === 0 ? templates.archive({ ...person(dice), name: dice.anyName() }) : Promise.resolve(null),
  "templates.get": ({ templates }, { tenant, anyName }) => templates.get({ tenant, name: anyName() }),
  "templates.list": ({ templates }, dice) => templates.list({ ...page(dice), archived: dice.below(2) === 0 }),
  "templates.versions": ({ templates }, dice) => templates.versions({ ...page(dice), name: dice.anyName() }),
  "templates.preview": ({ templates }, { tenant, anyName }) => templates.preview({ tenant, name: anyName() }),
  "contacts.put": ({ contacts }, dice) => contacts.put([contact(dice), contact(dice)], person(dice)),
  "contacts.get": ({ contacts }, { tenant, anyName }) => contacts.get({ tenant, id: anyName() }),
  "contacts.list": ({ contacts }, dice) => contacts.list({ ...page(dice), filter: filterOf(dice) }),
  "contacts.count": ({ contacts }, dice) => contacts.count({ tenant: dice.tenant, filter: filterOf(dice) }),
  "contacts.stream": async ({ contacts }, dice) => {
    const all: unknown[] = [];
    for await (const each of contacts.stream({ tenant: dice.tenant, filter: filterOf(dice) })) all.push(each);
    return all;
  },
  "contacts.tag": ({ contacts }, dice) =>
    contacts.tag({ ...person(dice), filter: filterOf(dice), add: [`t${dice.below(4)}`] }),
  "contacts.remove": ({ contacts }, dice) => contacts.remove({ ...person(dice), filter: { id: dice.anyName() } }),
  "contacts.import": ({ contacts }, dice) =>
    contacts.import({
      ...{ ...person(dice), id: dice.ownName(), rows: [contact(dice), { ...contact(dice), address: "nobody" }] },
      consent: { scope: "news", source: `a form of ${dice.tenant}` },
    }),
  "contacts.imported": ({ contacts }, { tenant, anyName }) => contacts.imported({ tenant, id: anyName() }),
  "contacts.rejected": ({ contacts }, dice) => contacts.rejected({ ...page(dice), import: dice.anyName() }),
  "providers.add": ({ providers }, dice) =>
    providers.add({
      ...{
        ...person(dice),
        id: dice.ownName(),
        kind: "own",
        notifier: "accounts",
        primary: dice.below(3) === 0,
        order: dice.below(9),
      },
      sender: { address: `sender@${dice.tenant}.example` },
      credentials: { type: "password", user: dice.tenant, password: `password of ${dice.tenant}` },
    }),
  "providers.change": ({ providers }, dice) =>
    providers.change({ ...onAny(dice), name: `account of ${dice.tenant}`, order: dice.below(9) }),
  "providers.remove": ({ providers }, dice) => providers.remove(onAny(dice)),
  "providers.makePrimary": ({ providers }, dice) => providers.makePrimary(onAny(dice)),
  "providers.pause": ({ providers }, dice) => providers.pause(onAny(dice)),
  "providers.resume": ({ providers }, dice) => providers.resume(onAny(dice)),
  "providers.validate": ({ providers }, dice) => providers.validate(onAny(dice)),
  "providers.list": ({ providers }, dice) => providers.list(page(dice)),
  "suppressions.add": ({ suppressions }, dice) =>
    suppressions.add({ ...addressAct(dice), reason: "manual", detail: `said by ${dice.tenant}` }),
  "suppressions.bounced": ({ suppressions }, dice) => {
    const { scope: _, ...act } = addressAct(dice);
    return suppressions.bounced({ ...act, limit: 3 });
  },
  "suppressions.release": ({ suppressions }, dice) => suppressions.release(addressAct(dice)),
  "suppressions.list": ({ suppressions }, dice) => suppressions.list({ ...page(dice), address: dice.address() }),
  "suppressions.list all": ({ suppressions }, dice) => suppressions.list(page(dice)),
  "suppressions.consent": ({ suppressions }, dice) =>
    suppressions.consent({ ...addressAct(dice), source: `a form of ${dice.tenant}` }),
  "suppressions.withdraw": ({ suppressions }, dice) =>
    suppressions.withdraw({ ...addressAct(dice), source: `a form of ${dice.tenant}` }),
  "suppressions.consents": ({ suppressions }, dice) => suppressions.consents(page(dice)),
  "notifications.list": ({ notifications }, dice) =>
    notifications.list({ ...page(dice), after: dice.anyId(), states: [dice.oneOf(states)] }),
  "notifications.list of a campaign": ({ notifications }, dice) =>
    notifications.list({ ...page(dice), source: { kind: "campaign", id: dice.anyName() } }),
  "notifications.list of an address": ({ notifications }, dice) =>
    notifications.list({ ...page(dice), recipientKey: dice.address() }),
  "notifications.attempts": ({ notifications }, { tenant, anyId }) => notifications.attempts({ tenant, id: anyId() }),
  "notifications.count": ({ notifications }, { tenant }) => notifications.count({ tenant }),
  "notifications.deadLetters": ({ notifications }, dice) => notifications.deadLetters(page(dice)),
  "notifications.cancel": ({ notifications }, dice) => notifications.cancel(onNotification(dice)),
  "notifications.cancelAll": ({ notifications }, dice) =>
    notifications.cancelAll({ ...person(dice), source: { kind: "campaign", id: dice.anyName() }, limit: 5 }),
  "notifications.retry": ({ notifications }, dice) =>
    notifications.retry({ ...onNotification(dice), acceptDuplicate: true }),
  "notifications.retryAll": ({ notifications }, dice) =>
    notifications.retryAll({ ...person(dice), notifier: dice.oneOf(lanes), limit: 3 }),
  "notifications.resolve": ({ notifications }, dice) =>
    notifications.resolve({ ...onNotification(dice), as: dice.oneOf(["sent", "unknown"]) }),
  "lanes.pause": ({ lanes: of }, dice) => of.pause({ ...person(dice), notifier: dice.oneOf(lanes) }),
  "lanes.resume": ({ lanes: of }, dice) => of.resume({ ...person(dice), notifier: dice.oneOf(lanes) }),
  "lanes.limit": ({ lanes: of }, dice) =>
    of.limit({ ...person(dice), notifier: dice.oneOf(lanes), rate: { count: 1 + dice.below(9), interval: 1_000 } }),
  "lanes.list": ({ lanes: of }, { tenant }) => of.list({ tenant }),
  "deliveryEvents.record": ({ deliveryEvents }, dice) =>
    deliveryEvents.record({
      ...{ tenant: dice.tenant, source: "webhook", id: `d${dice.below(5_000)}`, occurredAt: dice.now },
      ...dice.oneOf([
        { type: "opened" as const },
        { type: "delivered" as const },
        { type: "bounced" as const, bounce: "soft" as const },
        { type: "complained" as const },
      ]),
      ...dice.oneOf([
        { notification: dice.anyId() },
        { messageId: `<${dice.anyId()}@milepost.invalid>` },
        { receipt: `receipt of ${dice.below(60)}` },
        { address: dice.address() },
      ]),
    }),
  "deliveryEvents.list": ({ deliveryEvents }, dice) =>
    deliveryEvents.list({
      ...page(dice),
      ...dice.oneOf([{}, { notification: dice.anyId() }, { address: dice.address() }]),
    }),
  "deliveryEvents.facts": ({ deliveryEvents }, { tenant, anyId }) =>
    deliveryEvents.facts({ tenant, notifications: [...new Set(Array.from({ length: 10 }, anyId))] }),
  engagement: ({ engagement }, { tenant, oneOf, anyName }) =>
    engagement({
      tenant,
      ...oneOf([
        { by: "campaign" as const, campaigns: [...new Set([anyName(), anyName()])] },
        { by: "template" as const },
        { by: "time" as const, bucket: "day" as const, zone: "UTC" },
      ]),
    }),
  "subjects.put": ({ subjects }, dice) =>
    subjects.put({
      ...{ tenant: dice.tenant, id: dice.ownName(), name: `subject of ${dice.tenant}` },
      members: [{ id: dice.ownName(), address: dice.address(), role: "owner" }],
    }),
  "subjects.get": ({ subjects }, { tenant, anyName }) => subjects.get({ tenant, id: anyName() }),
  "subjects.members": ({ subjects }, { tenant, anyName }) => subjects.members({ tenant, subject: anyName() }),
  "subjects.list": ({ subjects }, dice) => subjects.list(page(dice)),
  record: (milepost, dice) => milepost.record(event(dice)),
  recordMany: (milepost, dice) => milepost.recordMany([event(dice), event(dice)]),
  "counters.get": ({ counters }, { tenant, anyName }) => counters.get({ tenant, metric, subject: anyName() }),
  "counters.list": ({ counters }, dice) => counters.list(page(dice)),
  "crossings.list": ({ crossings }, dice) => crossings.list({ ...page(dice), subject: dice.anyName() }),
  "events.list": ({ events }, dice) => events.list({ ...page(dice), metric, subject: dice.anyName() }),
  "notices.list": ({ notices }, dice) => notices.list(page(dice)),
  "limits.set": ({ limits }, dice) =>
    limits.set({ ...person(dice), metric, subject: dice.anyName(), amount: dice.below(100) }),
  "limits.list": ({ limits }, { tenant, anyName }) => limits.list({ tenant, metric, subject: anyName() }),
  "parked.list": ({ parked }, dice) => parked.list(page(dice)),
  state: (milepost, { tenant, anyName }) => milepost.state({ tenant, subject: anyName() }),
  "explain a crossing": (milepost, { tenant, anyId }) => milepost.explain({ tenant, crossing: anyId() }),
  "explain a notification": (milepost, { tenant, anyId }) => milepost.explain({ tenant, notification: anyId() }),
  reasons: (milepost, { tenant }) => milepost.reasons({ tenant }),
  forget: (milepost, dice) =>
    dice.below(4) === 0 ? milepost.forget({ ...person(dice), subject: dice.anyName() }) : Promise.resolve(null),
  "inbox.list": ({ inbox }, dice) => inbox.list(page(dice)),
};
