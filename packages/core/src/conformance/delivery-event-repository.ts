import assert from "node:assert/strict";
import { seeded } from "../seeded.js";
import { forgottenBefore, nextLookAt } from "../tracking/delivery-event.js";
import { figuresOf, timeStep } from "../tracking/engagement.js";
import { factsOf, mergeFacts, noFacts } from "../tracking/facts.js";
import { actsOf } from "./acts-of.js";
import { created, key } from "./campaign-samples.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  addressed,
  event,
  eventOf,
  events,
  facts,
  factsOfOne,
  figures,
  forbidden,
  mailed,
  record,
  softBounces,
} from "./delivery-event-samples.js";
import { noAnswer, row, settled } from "./notification-samples.js";
import { at, awkwardJson, awkwardKeys, hour, minute, start, twoStores } from "./samples.js";

const day = 24 * hour;
const ada = "ada@example.com";
const toAda = { recipientKey: ada };
const list = { tenant: "default", limit: 100 };

export const deliveryEventCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an event is stored with everything it says, and merged into the facts of its notification",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await mailed(one, 2, 2, {});
      const whole = event({
        ...{ type: "clicked", url: "https://acme.example/ü?a=1", position: 2, userAgent: "Mail/1", ip: "203.0.113.7" },
        ...{ country: "DE", city: "Köln", zone: "Europe/Berlin", device: "phone", client: "Mail", raw: awkwardJson },
      });
      const { applied, suppressed } = await record(one, [whole]);
      assert.deepEqual([applied, suppressed], [[{ source: "ses", id: "evt-1", notification: "ntf-0001" }], 0]);
      const [stored] = await two.deliveryEvents.list(list);
      const { acting: _, ...said } = whole;
      const kept = { notification: "ntf-0001", recipientKey: "ntf-0001@example.com", receivedAt: at(10) };
      assert.deepEqual(stored, { ...said, ...kept, number: stored!.number });
      assert.deepEqual(await factsOfOne(two), facts({ firstClickedAt: at(5), lastClickedAt: at(5), clicks: 1 }));
      assert.equal(await factsOfOne(two, "ntf-0002"), null);
    },
  },
  {
    about,
    name: "an event is applied once per source and id, whatever else it says, also within one call and of two at once",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await mailed(one, 1, 1);
      const opened1 = event({ type: "opened" });
      const calls = [one, two, one, two].map((store) =>
        record(store, [
          opened1,
          event({ type: "complained" }),
          event({ type: "opened", id: "evt-2", occurredAt: at(9) }),
        ]),
      );
      const results = await Promise.all(calls);
      assert.deepEqual(results.map(({ applied }) => applied.length).sort(), [0, 0, 0, 2]);
      assert.equal((await record(two, [event({ type: "bounced", bounce: "hard" })])).applied.length, 0);
      const both = facts({ events: 2, firstOpenedAt: at(5), lastOpenedAt: at(9), opens: 2 });
      assert.deepEqual(await factsOfOne(one), both);
      assert.equal(
        (await record(one, [event({ type: "opened", source: "other", occurredAt: at(6) })])).applied.length,
        1,
      );
      assert.deepEqual(await factsOfOne(one), { ...both, events: 3, opens: 3 });
      assert.deepEqual(await forbidden(one), []);
    },
  },
  {
    about,
    name: "what a store merges is what core merges, in every order",
    async run({ store }) {
      await mailed(store, 3, 3);
      const random = seeded(7);
      const types = [
        "sent",
        "delivered",
        "opened",
        "clicked",
        "bounced",
        "complained",
        "unsubscribed",
        "failed",
      ] as const;
      for (let round = 0; round < 3; round++) {
        const id = `ntf-000${round + 1}`;
        const all = Array.from({ length: 40 }, (_, i) => {
          const type = types[random(types.length)]!;
          const bounce = type === "bounced" ? (["hard", "soft"] as const)[random(2)]! : null;
          const reason = [null, "é", "z", "\u{1f389}", "\uffff"][random(5)]!;
          return eventOf(id, { id: `${round}-${i}`, type, bounce, reason, occurredAt: at(random(5)) });
        });
        for (let from = 0; from < all.length; ) {
          const next = from + 1 + random(6);
          await record(store, all.slice(from, next));
          from = next;
        }
        assert.deepEqual(await factsOfOne(store, id), all.map(factsOf).reduce(mergeFacts, noFacts));
      }
    },
  },
  {
    about,
    name: "a notification is found by its id, its Message-ID, or its receipt; a receipt of several by its address too",
    async run({ store }) {
      await mailed(store, 3, 3);
      const nothing = { notification: null, messageId: null, receipt: null };
      const found = async (id: string, fields: Parameters<typeof event>[0]) =>
        (await record(store, [event({ id, ...fields })])).applied[0]!.notification;
      assert.equal(await found("a", { about: { ...nothing, notification: "ntf-0002" } }), "ntf-0002");
      assert.equal(await found("b", { about: { ...nothing, messageId: "<ntf-0003@milepost.example>" } }), "ntf-0003");
      assert.equal(await found("c", { about: { ...nothing, receipt: "rcp-ntf-0001" } }), "ntf-0001");
      assert.equal(
        await found("d", { about: { ...nothing, notification: "none", receipt: "rcp-ntf-0001" } }),
        "ntf-0001",
      );
      assert.equal(await found("e", { about: { ...nothing, receipt: "rcp-none" }, ...toAda }), null);
      assert.equal(await found("f", { about: { ...nothing, receipt: "rcp-ntf-0001" }, ...toAda }), null);
      assert.equal(
        await found("g", { about: { ...nothing, receipt: "rcp-ntf-0001" }, recipientKey: "ntf-0001@example.com" }),
        "ntf-0001",
      );
      assert.equal(await found("h", addressed("ntf-0001@example.com")), null);
      const elsewhere = [event({ tenant: "other", id: "i" })];
      assert.equal((await record(store, elsewhere, at(10), "other")).applied[0]!.notification, null);
    },
  },
  {
    about,
    name: "an event whose notification is not known is kept with its address, and is found later",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const about1 = { notification: null, messageId: null, receipt: "rcp-1" };
      await record(store, [event({ about: about1, type: "opened" }), event({ id: "evt-2", ...addressed(ada) })], start);
      const [first, second] = await store.deliveryEvents.list({ ...list, unmatched: true });
      assert.deepEqual([first!.recipientKey, second!.recipientKey, second!.notification], [null, ada, null]);
      await settled(store, { receipt: "rcp-1" }, { id: "ntf-0001" });
      const match = (now: Date) => other.deliveryEvents.match({ limit: 10, softBounces, now });
      assert.equal(await match(at(minute - 1)), 0);
      assert.equal(await match(at(minute)), 1);
      assert.equal(await match(at(2 * day)), 0);
      assert.deepEqual(await factsOfOne(store), facts({ firstOpenedAt: at(5), lastOpenedAt: at(5), opens: 1 }));
      const [late] = await store.deliveryEvents.list({ ...list, notification: "ntf-0001" });
      assert.deepEqual([late!.number, late!.recipientKey], [first!.number, "ntf-0001@example.com"]);
      assert.deepEqual(
        (await store.deliveryEvents.list({ ...list, unmatched: true })).map(({ id }) => id),
        ["evt-2"],
      );
    },
  },
  {
    about,
    name: "a notification that is never found is looked for five times in a day, by several at once only once each",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const about1 = { notification: null, messageId: "<foreign@x>", receipt: null };
      await record(one, events({ about: about1, type: "bounced", bounce: "hard", ...toAda }), start);
      assert.equal((await forbidden(one)).length, 1);
      let looks = 0;
      for (let at1 = nextLookAt(about1, start, start); at1 !== null; at1 = nextLookAt(about1, start, at1)) {
        const now = at1;
        const counts = await Promise.all(
          [one, two].map((store) => store.deliveryEvents.match({ limit: 10, softBounces, now })),
        );
        looks += counts[0]! + counts[1]!;
      }
      assert.equal(looks, 5);
      assert.equal(await one.deliveryEvents.match({ limit: 10, softBounces, now: at(9 * day) }), 0);
      assert.equal((await one.deliveryEvents.list(list)).length, 1);
    },
  },
  {
    about,
    name: "a hard bounce and a complaint forbid the address everywhere, an unsubscribe in its scope; what waits ends, with an act",
    async run({ store }) {
      await mailed(store, 6, 3, { scope: "news" });
      for (const each of await store.notifications.list({ tenant: "default", limit: 10 })) {
        assert.equal(each.scope, "news");
      }
      const { suppressed } = await record(
        store,
        events(
          { type: "bounced", bounce: "hard", reason: "550 no such user" },
          { type: "complained", about: { notification: "ntf-0002", messageId: null, receipt: null } },
          { type: "unsubscribed", about: { notification: "ntf-0003", messageId: null, receipt: null } },
          { type: "unsubscribed", ...addressed("ntf-0004@example.com") },
          { type: "bounced", bounce: "soft", about: { notification: "ntf-0005", messageId: null, receipt: null } },
        ),
      );
      assert.equal(suppressed, 4);
      const said = (id: number, scope: string, reason: string, detail: string | null = null) => {
        return { tenant: "", recipientKey: `ntf-000${id}@example.com`, scope, reason, detail, by: "event:ses" };
      };
      assert.deepEqual(await forbidden(store), [
        said(1, "*", "hard_bounce", "550 no such user"),
        said(2, "*", "complaint"),
        said(3, "news", "unsubscribed"),
        said(4, "*", "unsubscribed"),
      ]);
      const states = await Promise.all([1, 2, 3, 4, 5, 6].map(async (i) => (await row(store, `ntf-000${i}`)).state));
      assert.deepEqual(states, ["sent", "sent", "sent", "suppressed", "leased", "leased"]);
      const acts = await actsOf(store, {
        tenant: "default",
        entity: "recipient",
        entityId: "ntf-0001@example.com",
      });
      assert.deepEqual(
        acts.map(({ act, by, why, at: when }) => [act, by, why, when]),
        [["suppress", "event:ses", "a hard bounce", at(10)]],
      );
    },
  },
  {
    about,
    name: "soft bounces of so many messages within the window forbid an address, whenever they come",
    async run({ store }) {
      await mailed(store, 5, 5, { recipientKey: ada });
      const soft = (id: number, message: number, millisecond: number) =>
        eventOf(`ntf-000${message}`, { id: `s${id}`, type: "bounced", bounce: "soft", occurredAt: at(millisecond) });
      // one message three times, then a second one, then a third one too late for both
      await record(store, [soft(1, 1, 0), soft(2, 1, 1), soft(3, 1, 2), soft(4, 2, 3), soft(5, 3, 1_004)]);
      assert.deepEqual(await forbidden(store), []);
      // in between, and heard of last
      await record(store, [soft(6, 1, 950)]);
      assert.deepEqual(await forbidden(store), []);
      await record(store, [soft(7, 5, 500)]);
      assert.deepEqual(
        (await forbidden(store)).map(({ recipientKey, scope, reason }) => [recipientKey, scope, reason]),
        [[ada, "*", "soft_bounces"]],
      );
    },
  },
  {
    about,
    name: "a person's release outweighs what occurred before it, also what comes only afterwards; what occurs later counts",
    async run({ store }) {
      await mailed(store, 3, 3, { recipientKey: ada });
      const hard = (id: string, when: Date) => event({ id, type: "bounced", bounce: "hard", occurredAt: when });
      await record(store, [hard("a", at(1))]);
      assert.equal((await forbidden(store)).length, 1);
      const released = { tenant: "default", recipientKey: ada, scope: "*", by: "eve", why: "it works again" };
      assert.equal(await store.suppressions.release({ ...released, now: at(20) }), true);
      await record(store, [hard("b", at(20)), hard("a", at(1))], at(30));
      assert.deepEqual(await forbidden(store), []);
      await record(store, [hard("c", at(21))], at(31));
      assert.equal((await forbidden(store)).length, 1);
    },
  },
  {
    about,
    name: "of what events and people say of an address the heavier stays; of equal events the words of the earliest",
    async run({ store }) {
      await mailed(store, 2, 2, { recipientKey: ada });
      const bounced = (id: string, reason: string, when: number) =>
        event({ id, type: "bounced", bounce: "hard", reason, occurredAt: at(when) });
      await record(store, [bounced("b", "second", 3)], at(10));
      await record(store, [bounced("a", "first", 2)], at(11));
      await record(store, [bounced("c", "third", 4)], at(12));
      const [only, ...others] = await store.suppressions.list({ tenant: "default", limit: 10 });
      assert.deepEqual([only?.detail, only?.at, others], ["first", at(10), []]);
      const by = { tenant: "default", recipientKey: ada, scope: "*", detail: "by phone", by: "eve", why: "she called" };
      await store.suppressions.add({ ...by, reason: "complaint", now: at(13) });
      await record(store, [event({ id: "d", type: "complained" })], at(14));
      assert.deepEqual(
        (await forbidden(store)).map(({ reason, detail }) => [reason, detail]),
        [["complaint", "by phone"]],
      );
    },
  },
  {
    about,
    name: "an event that a person says is an act on its recipient; of one nobody knows, on the event",
    async run({ store }) {
      await mailed(store, 1, 1);
      const acting = { by: "eve", why: "he wrote to us" };
      const nobody = { about: { notification: null, messageId: null, receipt: "none" } };
      await record(store, events({ type: "opened", via: "manual", acting }, { via: "manual", acting, ...nobody }));
      await record(store, events({ type: "opened", via: "manual", acting }, { via: "manual", acting, ...nobody }));
      const acts = async (entity: string, entityId: string) =>
        (await actsOf(store, { tenant: "default", entity, entityId })).map(({ act, by, why }) => [act, by, why]);
      assert.deepEqual(await acts("recipient", "ntf-0001@example.com"), [["opened", "eve", "he wrote to us"]]);
      assert.deepEqual(await acts("delivery_event", "evt-2"), [["delivered", "eve", "he wrote to us"]]);
    },
  },
  {
    about,
    name: "events are listed in the order of their numbers by notification, address and type, page by page; tenants are apart",
    async run({ store }) {
      await mailed(store, 3, 3);
      const all = [1, 2, 3, 1, 2, 1].map((message, i) =>
        eventOf(`ntf-000${message}`, { id: `e${i}`, type: i % 2 === 0 ? "opened" : "clicked" }),
      );
      for (const each of all) await record(store, [each]);
      await record(store, [event({ tenant: "other", id: "x" })], at(10), "other");
      const ids = async (query: Partial<Parameters<typeof store.deliveryEvents.list>[0]>) =>
        (await store.deliveryEvents.list({ ...list, ...query })).map(({ id }) => id);
      assert.deepEqual(await ids({}), ["e0", "e1", "e2", "e3", "e4", "e5"]);
      assert.deepEqual(await ids({ notification: "ntf-0001" }), ["e0", "e3", "e5"]);
      assert.deepEqual(await ids({ recipientKey: "ntf-0002@example.com", types: ["clicked"] }), ["e1"]);
      assert.deepEqual(await ids({ tenant: "other" }), ["x"]);
      const pages: string[] = [];
      for (let after: number | undefined; ; ) {
        const page = await store.deliveryEvents.list({ ...list, limit: 4, ...(after !== undefined && { after }) });
        if (page.length === 0) break;
        pages.push(...page.map(({ id }) => id));
        after = page.at(-1)!.number;
      }
      assert.deepEqual(pages, ["e0", "e1", "e2", "e3", "e4", "e5"]);
    },
  },
  {
    about,
    name: "sources, ids, addresses and words are kept whatever is in them",
    async run({ store }) {
      const all = awkwardKeys.map((each) =>
        event({
          source: each,
          id: each,
          reason: each,
          ...addressed(each),
          type: "bounced",
          bounce: "hard",
          raw: { [each]: each },
        }),
      );
      assert.equal((await record(store, all)).suppressed, awkwardKeys.length);
      assert.equal((await record(store, all)).applied.length, 0);
      for (const each of awkwardKeys) {
        const [found] = await store.deliveryEvents.list({ ...list, recipientKey: each });
        assert.deepEqual([found?.source, found?.id, found?.reason, found?.raw], [each, each, each, { [each]: each }]);
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock says when an event came",
    async run({ store }) {
      await mailed(store, 1, 1);
      const before = Date.now();
      await store.deliveryEvents.record({ tenant: "default", events: [event()], softBounces });
      const [stored] = await store.deliveryEvents.list(list);
      assert.ok(Math.abs(stored!.receivedAt.getTime() - before) < minute);
      assert.equal(await store.deliveryEvents.match({ limit: 10, softBounces }), 0);
      assert.equal(await store.deliveryEvents.purge({ age: 0, limit: 10 }), 0);
    },
  },
  {
    about,
    name: "room is made ahead once, by any number at once, and what was recorded before it stays where it is found",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await mailed(one, 1, 1);
      const later = (months: number) => new Date(Date.UTC(2031, 4 + months, 9));
      // nobody has made room for these months
      for (const i of [0, 1, 4]) await record(one, [event({ id: `e${i}` })], later(i));
      const made = await Promise.all(
        [one, two, one].map((store) => store.deliveryEvents.prepare({ months: 2, now: later(0) })),
      );
      assert.ok([0, 3].includes(Math.max(...made)), String(made));
      assert.equal(await two.deliveryEvents.prepare({ months: 2, now: later(0) }), 0);
      for (const i of [2, 3]) await record(two, [event({ id: `e${i}` })], later(i));
      assert.deepEqual(
        (await one.deliveryEvents.list(list)).map(({ id }) => id),
        ["e0", "e1", "e4", "e2", "e3"],
      );
      assert.equal((await record(two, [event({ id: "e1" })], later(1))).applied.length, 0);
      assert.equal((await factsOfOne(two))!.events, 5);
    },
  },
  {
    about,
    name: "events of months that are over are forgotten, with their ids; facts and suppressions stay",
    async run({ store }) {
      await mailed(store, 1, 1);
      const month = (i: number) => new Date(Date.UTC(2032, i, 20, 12));
      await store.deliveryEvents.prepare({ months: 2, now: month(0) });
      for (const i of [0, 1, 2]) {
        await record(
          store,
          [event({ id: `o${i}`, type: "opened" }), event({ id: `c${i}`, type: "complained" })],
          month(i),
        );
      }
      const now = month(3);
      const age = 40 * day;
      assert.deepEqual(forgottenBefore(now, age), new Date(Date.UTC(2032, 2)));
      let forgotten = 0;
      for (let gone = 1; gone > 0; ) {
        gone = await store.deliveryEvents.purge({ age, limit: 3, now });
        forgotten += gone;
      }
      assert.ok(forgotten >= 4, String(forgotten));
      assert.deepEqual((await store.deliveryEvents.list(list)).map(({ id }) => id).sort(), ["c2", "o2"]);
      assert.deepEqual([(await factsOfOne(store))!.opens, (await forbidden(store)).length], [3, 1]);
      const again = await record(
        store,
        [event({ id: "o2", type: "opened" }), event({ id: "o0", type: "opened" })],
        now,
      );
      assert.deepEqual(
        again.applied.map(({ id }) => id),
        ["o0"],
      );
    },
  },
  {
    about,
    name: "figures equal the rows: by campaign, template and time, also of messages that went on after they were tracked",
    async run({ store }) {
      await mailed(store, 6, 4);
      assert.deepEqual(await figures(store, "other"), undefined);
      await record(store, [
        ...[1, 2, 3].map((i) => eventOf(`ntf-000${i}`, { id: `d${i}` })),
        ...[1, 1, 2].map((i, n) => eventOf(`ntf-000${i}`, { id: `o${n}`, type: "opened" as const })),
        eventOf("ntf-0001", { id: "c", type: "clicked" }),
        eventOf("ntf-0004", { id: "b", type: "bounced", bounce: "soft" }),
        // before its answer came
        eventOf("ntf-0005", { id: "early", type: "delivered" }),
      ]);
      const found = (await figures(store))!;
      const { deliveryRate, openRate, clickRate, ...counts } = found;
      assert.deepEqual(counts, {
        ...{ recipients: 6, queued: 1, sent: 5, delivered: 4, opened: 2, clicked: 1, failed: 0, bounced: 1 },
        ...{ hardBounced: 0, softBounced: 1, complained: 0, unsubscribed: 0, suppressed: 0, expired: 0, cancelled: 0 },
        ...{ unknown: 0, opens: 3, clicks: 1, readable: 4 },
      });
      assert.deepEqual([deliveryRate, openRate, clickRate], [4 / 5, 2 / 4, 1 / 4]);
      const groups = async (query: Partial<Parameters<typeof store.deliveryEvents.engagement>[0]>) =>
        figuresOf(await store.deliveryEvents.engagement({ tenant: "default", by: "template", ...query }));
      assert.deepEqual([...(await groups({}))], [["tpl-1", found]]);
      assert.deepEqual([...(await groups({ campaigns: [key.id] }))], [["tpl-1", found]]);
      assert.deepEqual([...(await groups({ campaigns: ["none"] }))], []);
      const step = String(Math.floor(start.getTime() / timeStep));
      assert.deepEqual([...(await groups({ by: "time" }))], [[step, found]]);
      assert.deepEqual(
        [...(await groups({ by: "time", from: start, to: at(1), campaigns: [key.id] }))],
        [[step, found]],
      );
      assert.deepEqual([...(await groups({ by: "campaign", from: at(1) }))], []);
      assert.deepEqual([...(await groups({ by: "time", to: start }))], []);
    },
  },
  {
    about,
    name: "figures of a message whose outcome nobody knows follow what is heard of it",
    async run({ store }) {
      await settled(store, noAnswer, { id: "ntf-0001" });
      const of = async () =>
        figuresOf(await store.deliveryEvents.engagement({ tenant: "default", by: "template" })).get("tpl-1")!;
      const before = await of();
      assert.deepEqual([before.queued, before.sent, before.deliveryRate, before.openRate], [1, 0, null, null]);
      await record(store, events({ type: "bounced", bounce: "hard" }));
      assert.deepEqual([(await of()).queued, (await of()).sent, (await of()).bounced], [1, 0, 1]);
      await record(store, [event({ id: "o", type: "opened" })]);
      const { queued, sent, delivered, readable, openRate } = await of();
      assert.deepEqual([queued, sent, delivered, readable, openRate], [0, 1, 1, 1, 1]);
    },
  },
  {
    about,
    name: "of a subject that is forgotten no event and no fact is left; a repeat of one counts nothing",
    async run({ store }) {
      await settled(store, {}, { id: "ntf-0001" });
      await record(store, [event({ type: "opened", ip: "203.0.113.7" })]);
      const [crossing] = await store.crossings.list({ tenant: "default", limit: 1 });
      const owner = { tenant: "default", subject: crossing!.subject };
      await store.subjects.halt({ ...owner, act: { entityId: "digest", by: "ann", why: "asked for" }, now: start });
      while ((await store.subjects.erase({ ...owner, limit: 100 })).more);
      assert.deepEqual([await factsOfOne(store), await store.deliveryEvents.list(list)], [null, []]);
      assert.equal((await record(store, [event({ type: "opened" })])).applied.length, 0);
    },
  },
  {
    about,
    name: "a campaign without notifications has no figures",
    async run({ store }) {
      await created(store);
      assert.deepEqual(await store.deliveryEvents.engagement({ tenant: "default", by: "campaign" }), {
        states: [],
        facts: [],
      });
    },
  },
];
