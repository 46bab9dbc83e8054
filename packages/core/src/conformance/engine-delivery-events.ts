import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import type { MilepostEvents } from "../events.js";
import type { Milepost } from "../milepost.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted } from "../notifier/notifier.js";
import type { DeliveryEventInput } from "../tracking/delivery-events.js";
import { standingOf } from "../tracking/standing.js";
import type { ConformanceCase } from "./case.js";
import { forbidden } from "./delivery-event-samples.js";
import { randomDeliveryEvents, shuffledAndRepeated } from "./delivery-event-stream.js";
import { count, owner, putAcme, refusal, setUp } from "./engine-setup.js";
import { hour, minute, twoStores } from "./samples.js";

const about = "engine: delivery events";
const ses = { source: "ses", via: "webhook" } as const;

/** Sends one message to Olga; answers its id. */
async function sent(milepost: Milepost, first = 1): Promise<string> {
  await count(milepost, 1, first);
  await milepost.runOnce();
  return (await milepost.notifications.list()).at(-1)!.id;
}

export const engineDeliveryEventCases: readonly ConformanceCase[] = [
  {
    about,
    name: "sendgrid-2933: events that come three times count once",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const { milepost, clock } = setUp(one, { milestone: { recipients: owner } });
      const notification = await sent(milepost);
      const other = setUp(two, { clock, milestone: { recipients: owner } }).milepost;
      const types = ["delivered", "opened", "clicked", "opened"] as const;
      const events = types.map((type, i): DeliveryEventInput => ({ ...ses, id: `sg-${i}`, type, notification }));
      const answers = await Promise.all([milepost, other, milepost].map((each) => each.deliveryEvents.record(events)));
      assert.equal(
        answers.reduce((sum, { recorded }) => sum + recorded, 0),
        4,
      );
      assert.equal(
        answers.reduce((sum, { duplicates }) => sum + duplicates, 0),
        8,
      );
      const [facts] = await milepost.deliveryEvents.facts({ notifications: [notification] });
      assert.deepEqual([facts?.events, facts?.opens, facts?.clicks], [4, 2, 1]);
      assert.equal((await milepost.deliveryEvents.list()).length, 4);
    },
  },
  {
    about,
    name: "twenty-24473: a late delivered erases no complaint, whatever comes in whatever order",
    async run({ store }) {
      const { milepost, clock } = setUp(store, { milestone: { recipients: owner } });
      const notification = await sent(milepost);
      const occurredAt = clock.now();
      const complained = { ...ses, id: "c", type: "complained", notification, occurredAt } as const;
      const delivered = { ...ses, id: "d", type: "delivered", notification } as const;
      await milepost.deliveryEvents.record(complained);
      clock.advance(hour);
      await milepost.deliveryEvents.record({ ...delivered, occurredAt: clock.now() });
      const [facts] = await milepost.deliveryEvents.facts({ notifications: [notification] });
      assert.deepEqual([facts?.complainedAt, facts?.deliveredAt], [occurredAt, clock.now()]);
      assert.equal(standingOf("sent", facts!), "complained");
      assert.deepEqual(
        (await milepost.suppressions.list()).map(({ reason, scope }) => [reason, scope]),
        [["complaint", "*"]],
      );
      await count(milepost, 9, 2);
      assert.equal((await milepost.runOnce()).notifications.sent, 0);
    },
  },
  {
    about,
    name: "events shuffled and repeated five times give the same facts, suppressions and figures as sorted and unique ones",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const notifier = memoryNotifier({ answer: ({ to }) => accepted(`rcp ${to.address}`) });
      // several messages to one address, so that their soft bounces add up
      const people = {
        resolve: async () => Array.from({ length: 6 }, (_, i) => ({ address: `p${i}@acme.example`, name: `P${i}` })),
      };
      const { milepost, clock } = setUp(one, { notifier, values: [1, 2, 3, 4], milestone: { recipients: people } });
      const other = setUp(two, { notifier, clock, values: [1, 2, 3, 4], milestone: { recipients: people } }).milepost;
      for (const tenant of ["sorted", "shuffled"]) {
        for (let i = 0; i < 4; i++) {
          const event = { id: `e${i}`, tenant, metric: "email.delivered", subject: "acme" };
          await milepost.record(event);
          await milepost.runOnce();
        }
      }
      const rowsOf = async (tenant: string) =>
        (await milepost.notifications.list({ tenant, limit: 100 })).toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
      const name = (row: { readonly createdAt: Date; readonly recipientKey: string; readonly id: string }) =>
        `${row.recipientKey} ${row.id}`;
      const seed = 2933;
      for (const tenant of ["sorted", "shuffled"]) {
        const messages = (await rowsOf(tenant)).map(({ id, messageId, recipientKey }) => {
          return { id, messageId: messageId!, address: recipientKey, receipt: null };
        });
        assert.equal(messages.length, 24);
        const shape = { seed, events: 300, messages, from: clock.now(), span: 50 * hour };
        const events = randomDeliveryEvents(shape).map((event) => ({ ...event, tenant }));
        if (tenant === "sorted") {
          const byTime = events.toSorted((a, b) => a.occurredAt!.getTime() - b.occurredAt!.getTime());
          for (const event of byTime) await milepost.deliveryEvents.record(event);
          continue;
        }
        const all = shuffledAndRepeated(events, 5, seed);
        const chunks = Array.from({ length: 30 }, (_, i) => all.slice(i * 50, (i + 1) * 50));
        const answers = await Promise.all(
          chunks.map((chunk, i) => (i % 2 === 0 ? milepost : other).deliveryEvents.record(chunk)),
        );
        assert.equal(
          answers.reduce((sum, { recorded }) => sum + recorded, 0),
          300,
        );
      }
      const outcome = async (tenant: string) => {
        const rows = await rowsOf(tenant);
        const known = await milepost.deliveryEvents.facts({ tenant, notifications: rows.map(({ id }) => id) });
        const facts = new Map(known.map(({ tenant: _, notification, ...each }) => [notification, each]));
        return {
          facts: rows.map(({ id, recipientKey }) => [recipientKey, facts.get(id)]),
          suppressions: await forbidden(one, tenant),
          figures: (await milepost.engagement({ tenant, by: "template" })).rows,
          events: (await milepost.deliveryEvents.list({ tenant, limit: 1_000 })).length,
        };
      };
      const sorted = await outcome("sorted");
      assert.deepEqual(await outcome("shuffled"), sorted);
      assert.equal(sorted.events, 300);
      assert.ok(sorted.suppressions.length > 0);
    },
  },
  {
    about,
    name: "what is heard of a message is told, once, by ids alone",
    async run({ store }) {
      const { milepost } = setUp(store, { milestone: { recipients: owner } });
      const notification = await sent(milepost);
      const told: MilepostEvents["deliveryEvent"][] = [];
      milepost.on("deliveryEvent", (event) => told.push(event));
      const occurredAt = new Date("2026-11-01T13:00:00Z");
      const bounced = { ...ses, id: "b", type: "bounced", bounce: "soft", occurredAt, notification } as const;
      const nobody = { ...ses, id: "n", type: "opened", occurredAt, address: "somebody@acme.example" } as const;
      const answer = await milepost.deliveryEvents.record([bounced, nobody, bounced]);
      assert.deepEqual(answer, { recorded: 2, duplicates: 1, unmatched: 1, late: 0 });
      await milepost.deliveryEvents.record(bounced);
      const { via: _, address: __, ...known } = nobody;
      const { via: ___, ...first } = bounced;
      assert.deepEqual(told, [
        { tenant: "default", ...first },
        { tenant: "default", ...known, bounce: null, notification: null },
      ]);
    },
  },
  {
    about,
    name: "a hard bounce ends what waits for its address before it answers, and three soft ones of three messages do",
    async run({ store }) {
      const { milepost, notifier } = setUp(store, { values: [1, 2, 3, 4] });
      await putAcme(milepost);
      await count(milepost, 1);
      await milepost.runOnce();
      await milepost.lanes.pause({ notifier: "memory", by: "ann", why: "a test" });
      await count(milepost, 1, 2);
      await milepost.runOnce();
      const [first] = await milepost.notifications.list({ states: ["sent"] });
      const hard = { ...ses, id: "h", type: "bounced", bounce: "hard", notification: first!.id } as const;
      await milepost.deliveryEvents.record(hard);
      const states = (await milepost.notifications.list()).map(({ state }) => state).sort();
      assert.deepEqual(states, ["pending", "sent", "sent", "suppressed"]);
      await milepost.lanes.resume({ notifier: "memory", by: "ann", why: "a test" });
      await count(milepost, 2, 3);
      await milepost.runOnce();
      assert.equal(notifier.sent.length, 5);
      const others = (await milepost.notifications.list({ states: ["sent"] })).filter(({ id }) => id !== first!.id);
      const mine = others.filter(({ recipientKey }) => recipientKey !== first!.recipientKey).slice(0, 3);
      await milepost.deliveryEvents.record(
        mine.map(({ id }, i) => ({ ...ses, id: `s${i}`, type: "bounced", bounce: "soft", notification: id })),
      );
      assert.deepEqual((await milepost.suppressions.list()).map(({ reason }) => reason).sort(), [
        "hard_bounce",
        "soft_bounces",
      ]);
    },
  },
  {
    about,
    name: "a contact counts the messages that came back from its address, each bounce once",
    async run({ store }) {
      const { milepost } = setUp(store);
      await putAcme(milepost);
      await milepost.contacts.put([
        { id: "olga", address: "Olga@acme.example" },
        { id: "max", address: "max@acme.example" },
      ]);
      await count(milepost, 1);
      await milepost.runOnce();
      const rows = await milepost.notifications.list();
      const olga = rows.find(({ recipientKey }) => recipientKey === "olga@acme.example")!;
      const bounced = { ...ses, id: "b", type: "bounced", bounce: "soft", notification: olga.id } as const;
      const opened = { ...ses, id: "o", type: "opened", notification: olga.id } as const;
      await milepost.deliveryEvents.record([bounced, opened]);
      await milepost.deliveryEvents.record(bounced);
      await milepost.deliveryEvents.record({ ...bounced, id: "c", bounce: "hard" });
      const contacts = await milepost.contacts.list();
      assert.deepEqual(
        contacts.map(({ id, bounces }) => [id, bounces]),
        [
          ["max", 0],
          ["olga", 2],
        ],
      );
    },
  },
  {
    about,
    name: "what cannot be an event is refused with its path, and nothing of the call is recorded",
    async run({ store }) {
      const { milepost } = setUp(store);
      const good = { ...ses, id: "a", type: "opened", notification: "n" } as const;
      const wrong: readonly (readonly [object, string])[] = [
        [{ type: "read" }, "type"],
        [{ id: "" }, "id"],
        [{ source: "x".repeat(201) }, "source"],
        [{ bounce: "hard" }, "bounce"],
        [{ type: "bounced" }, "bounce"],
        [{ notification: undefined }, "notification"],
        [{ address: "Olga <olga@acme.example>" }, "address"],
        [{ occurredAt: "yesterday" }, "occurredAt"],
        [{ position: 0 }, "position"],
        [{ via: "manual" }, "by"],
        [{ via: "manual", by: "ann" }, "why"],
        [{ by: "ann" }, "by"],
        [{ why: "because" }, "why"],
        [{ raw: { run: () => 1 } }, "raw.run"],
        [{ opend: true }, "opend"],
      ];
      for (const [fields, path] of wrong) {
        const input = { ...good, ...fields } as unknown as DeliveryEventInput;
        const { code, path: at } = await refusal(() => milepost.deliveryEvents.record([good, input]));
        assert.deepEqual([code, at], ["invalid_delivery_event", `events[1].${path}`]);
        assert.equal((await refusal(() => milepost.deliveryEvents.record(input))).path, path);
      }
      assert.deepEqual(await milepost.deliveryEvents.list(), []);
    },
  },
  {
    about,
    name: "what a stranger's client says is cut and cleaned, and an event is never lost for it",
    async run({ store }) {
      const { milepost } = setUp(store, { milestone: { recipients: owner } });
      const notification = await sent(milepost);
      const long = "x".repeat(5_000);
      const noisy = {
        userAgent: `a\u0000b\r\n${long}\ud800`,
        url: `https://a.example/\u0000${long}`,
        raw: { all: long.repeat(5) },
      };
      await milepost.deliveryEvents.record({ ...ses, id: "o", type: "opened", notification, ...noisy });
      const [stored] = await milepost.deliveryEvents.list();
      assert.equal(stored!.userAgent, `a b ${"x".repeat(496)}`);
      assert.equal(stored!.url!.length, 2_000);
      assert.deepEqual(stored!.raw, { omitted: 25_010 });
    },
  },
  {
    about,
    name: "with a retention the worker forgets whole months, and what is older than it is not applied",
    async run({ store }) {
      const { milepost, clock } = setUp(store, { milestone: { recipients: owner } });
      const notification = await sent(milepost);
      const day = 24 * hour;
      const keeping = createMilepost({
        store,
        runtime: { now: clock.now },
        deliveryEvents: { retention: 31 * day, softBounces: { limit: 2, within: day } },
      });
      keeping.on("behind", () => {});
      const opened = (id: string) => ({ ...ses, id, type: "opened", notification, occurredAt: clock.now() }) as const;
      const first = opened("a");
      await keeping.deliveryEvents.record(first);
      clock.advance(40 * day);
      const late = await keeping.deliveryEvents.record([first, opened("b")]);
      assert.deepEqual(late, { recorded: 1, duplicates: 0, unmatched: 0, late: 1 });
      assert.equal((await keeping.runOnce()).purged, 0);
      clock.advance(25 * day);
      assert.ok((await keeping.runOnce()).purged >= 1);
      assert.deepEqual(
        (await keeping.deliveryEvents.list()).map(({ id }) => id),
        ["b"],
      );
      const [facts] = await keeping.deliveryEvents.facts({ notifications: [notification] });
      assert.equal(facts?.opens, 2);
    },
  },
  {
    about,
    name: "an event that is faster than the provider's answer finds its message with the worker's next pass",
    async run({ store }) {
      const early: DeliveryEventInput = { ...ses, id: "d", type: "delivered", receipt: "rcp-1" };
      const notifier = memoryNotifier({
        async answer() {
          assert.equal((await milepost.deliveryEvents.record(early)).unmatched, 1);
          return accepted("rcp-1");
        },
      });
      const { milepost, clock } = setUp(store, { notifier, milestone: { recipients: owner } });
      const notification = await sent(milepost);
      assert.deepEqual(await milepost.deliveryEvents.facts({ notifications: [notification] }), []);
      clock.advance(minute);
      await milepost.runOnce();
      const [facts] = await milepost.deliveryEvents.facts({ notifications: [notification] });
      assert.equal(facts?.events, 1);
      assert.equal((await milepost.deliveryEvents.list({ unmatched: true })).length, 0);
    },
  },
  {
    about,
    name: "figures by time are of hours and days of a zone; a wrong question is refused with its path",
    async run({ store }) {
      const { milepost } = setUp(store, { milestone: { recipients: owner } });
      const notification = await sent(milepost);
      await milepost.deliveryEvents.record({ ...ses, id: "o", type: "opened", notification });
      const rows = async (query: object) =>
        (await milepost.engagement({ by: "time", ...query })).rows.map(({ of, sent: out, openRate }) => [
          of,
          out,
          openRate,
        ]);
      assert.deepEqual(await rows({}), [["2026-11-01T00:00:00.000Z", 1, 1]]);
      assert.deepEqual(await rows({ zone: "Pacific/Kiritimati" }), [["2026-11-01T10:00:00.000Z", 1, 1]]);
      assert.deepEqual(await rows({ zone: "Asia/Kathmandu", bucket: "hour" }), [["2026-11-01T11:15:00.000Z", 1, 1]]);
      const { total } = await milepost.engagement({ by: "campaign" });
      assert.deepEqual([total.recipients, total.openRate], [0, null]);
      for (const [query, path] of [
        [{ by: "moon" }, "by"],
        [{ by: "time", zone: "Nowhere" }, "zone"],
        [{ by: "time", bucket: "week" }, "bucket"],
        [{ by: "time", campaigns: [""] }, "campaigns[0]"],
      ] as const) {
        const { code, path: at } = await refusal(() => milepost.engagement(query as never));
        assert.deepEqual([code, at], ["invalid_options", path]);
      }
    },
  },
];
