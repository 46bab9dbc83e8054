import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createMilepost, type Milepost } from "../engine.js";
import { type Milestone, type MilestoneOptions, milestone } from "../milestone/milestone.js";
import { every } from "../milestone/policies/every.js";
import { sql } from "../milestone/sql.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, ambiguous, type Outcome, refusedPermanent, refusedTransient } from "../notifier/notifier.js";
import type { RecipientInput } from "../recipient/recipient.js";
import type { Store } from "../store/store.js";
import { anonymously, assertDiscreet, canary, indiscretion, ownError, Told } from "./canaries.js";
import type { ConformanceCase } from "./case.js";
import { StillClock } from "./engine-setup.js";
import { hostOf } from "./host-log.js";

// S14: whatever fails, and whoever says what about it, no address, name, token or password is told or kept as a reason.

const about = "engine: canaries";
const to = { resolve: async () => [canary.recipient] };
const text = "Hello {{recipient.name}}, {{recipient.address}}: {{token}}";
const data = () => ({ token: canary.token });

/** A milestone with a metric of its own, whose people are told with all canaries in the message. */
function telling(name: string, options: Partial<MilestoneOptions> = {}): Milestone {
  const notifier = memoryNotifier({ name });
  return milestone({
    ...{ name, metric: name, policy: every(1), recipients: to, message: { subject: text, text, data }, notifier },
    maxAttempts: 2,
    ...options,
  });
}

function engine(store: Store, clock: StillClock, milestones: readonly Milestone[], told?: Told): Milepost {
  const delivery = { lease: 1_000, callDeadline: 20, settleMargin: 10, announceTries: 2, retryBase: 1, retryCap: 1 };
  const milepost = createMilepost({ store, milestones, delivery, runtime: { now: clock.now } });
  told?.hear(milepost);
  return milepost;
}

/** Records one event for each, and lets everything happen that is tried again. */
async function run(milepost: Milepost, clock: StillClock, milestones: readonly Milestone[]): Promise<void> {
  await milepost.subjects.put({
    id: "acme",
    name: `Shop of ${canary.recipient.name}`,
    fields: { token: canary.token },
    members: [{ ...canary.recipient, role: "owner" }],
  });
  for (const { metric } of milestones) {
    await milepost.record({ id: "e1", metric, subject: "acme" }).catch(() => {});
  }
  for (let i = 0; i < 4; i++) {
    await milepost.runOnce();
    clock.advance(60_000);
  }
  await nextTurn();
}

/** Texts that are kept of what failed: each without canaries. */
async function assertKept(milepost: Milepost): Promise<{ readonly details: readonly string[] }> {
  const notifications = await milepost.notifications.list({ limit: 1_000 });
  const attempts = await Promise.all(notifications.map(({ id }) => milepost.notifications.attempts({ id })));
  const kept = {
    notifications: notifications.map(({ id, state, reason, detail, receipt }) => ({
      id,
      state,
      reason,
      detail,
      receipt,
    })),
    attempts: attempts.flat(),
    crossings: await milepost.crossings.list({ limit: 1_000 }),
    parked: await milepost.parked.list(),
    inbox: await milepost.inbox.list(),
    reasons: await milepost.reasons(),
  };
  for (const [where, rows] of Object.entries(kept)) assertDiscreet(`what is kept of ${where}`, rows);
  const details = [...kept.notifications, ...kept.attempts, ...kept.crossings, ...kept.parked].flatMap(
    ({ detail }) => detail ?? [],
  );
  return { details };
}

const answers: readonly (readonly [name: string, answer: () => Outcome | Promise<Outcome>])[] = [
  ["accepts", () => accepted(`250 queued for ${canary.recipient.address} as 4711`)],
  ["refuses for now", () => refusedTransient(indiscretion)],
  ["refuses for good", () => refusedPermanent(indiscretion)],
  ["does not know", () => ambiguous(indiscretion)],
  ["refuses at length", () => refusedPermanent(`${"x ".repeat(230)}${indiscretion.repeat(9)}`)],
  ["answers nonsense", () => ({ kind: indiscretion, why: indiscretion }) as never],
  ["rejects", () => Promise.reject(ownError(indiscretion))],
  ["rejects with a text", () => Promise.reject(indiscretion)],
  ["rejects with an object", () => Promise.reject({ toString: () => indiscretion })],
  ["never answers", () => new Promise<never>(() => {})],
];

const throwing = (what: string) => () => {
  throw ownError(what);
};

/** Announcements that fail, each in a way of its own. */
const announcements: readonly (readonly [name: string, options: Partial<MilestoneOptions>])[] = [
  ["resolver throws", { recipients: { resolve: throwing(anonymously) } }],
  ["resolver rejects", { recipients: { resolve: () => Promise.reject(ownError(anonymously)) } }],
  [
    "stream breaks off",
    {
      recipients: {
        async *resolve() {
          yield canary.recipient;
          throw ownError(anonymously);
        },
      },
    },
  ],
  ["resolver answers a text", { recipients: { resolve: async () => indiscretion as never } }],
  [
    "recipient has a field that is none",
    { recipients: { resolve: async () => [{ ...canary.recipient, name: 5 as never }] } },
  ],
  ...(["address", "name", "firstName", "zone"] as const).map((field): [string, Partial<MilestoneOptions>] => [
    `recipient with two lines as ${field}`,
    {
      recipients: {
        resolve: async (): Promise<RecipientInput[]> => [
          { ...canary.recipient, [field]: indiscretion.replace(";", "\n") },
        ],
      },
    },
  ]),
  ["message lacks a value", { message: { text: "{{recipient.nickname}}", data } }],
  ["data throws", { message: { text, data: throwing(anonymously) } }],
  ["data is no data", { message: { text, data: () => ({ who: new Map([[indiscretion, 1]]) }) } }],
  ["data has a name as a key", { message: { text, data: () => ({ by: { [canary.recipient.address]: () => 1 } }) } }],
  [
    "data has a getter that throws",
    { message: { text, data: () => Object.defineProperty({}, "x", { enumerable: true, get: throwing(anonymously) }) } },
  ],
  ["data is too large", { message: { text, data: () => ({ who: indiscretion.repeat(1_000) }) } }],
  [
    "message is too large",
    {
      message: {
        text: "{{#a}}{{#a}}{{#a}}{{who}}{{/a}}{{/a}}{{/a}}",
        data: () => ({ who: indiscretion, a: Array(30).fill(1) }),
      },
    },
  ],
];

export const engineCanaryCases: readonly ConformanceCase[] = [
  {
    about,
    name: "of a notifier's word neither events, warnings, output nor rows keep an address, a name or a credential",
    async run({ store }) {
      for (const heard of [true, false]) {
        const clock = new StillClock();
        const told = new Told();
        const milestones = answers.map(([name, answer]) => {
          const options = { name: `${name} ${heard}`, mode: "at-least-once", answer } as const;
          return telling(options.name, { notifier: memoryNotifier(options) });
        });
        const milepost = engine(store, clock, milestones, heard ? told : undefined);
        await run(milepost, clock, milestones);
        const { details } = await assertKept(milepost);
        assert.ok(details.length >= 2 * (answers.length - 1), `${details.length} details are kept`);
        assert.ok(
          details.some((detail) => /^550 <\[private\]>: \[private\] is unknown; /.test(detail)),
          details.join("\n"),
        );
        assert.ok(details.some((detail) => detail.startsWith("no answer within")));
        const [sent] = await milepost.notifications.list({ states: ["sent"] });
        assert.equal(sent?.receipt, "250 queued for [private] as 4711");
        if (heard) assert.ok(told.count("failed") + told.count("ambiguous") + told.count("retry") >= 9);
        await milepost.close();
        told.end();
      }
    },
  },
  {
    about,
    name: "of an announcement that fails neither events, warnings nor rows keep what was said in it",
    async run({ store }) {
      for (const heard of [true, false]) {
        const clock = new StillClock();
        const told = new Told();
        const milestones = announcements.map(([name, options]) => telling(`${name} ${heard}`, options));
        const milepost = engine(store, clock, milestones, heard ? told : undefined);
        const planned = await milepost.plan(milestones.map(({ metric }) => ({ id: "e1", metric, subject: "acme" })));
        assertDiscreet("the plan's reasons", [
          planned.errors,
          planned.crossings.map(({ reason, detail }) => [reason, detail]),
        ]);
        await run(milepost, clock, milestones);
        const { details } = await assertKept(milepost);
        const failed = announcements.length - 1;
        assert.ok(details.length >= failed, `${details.length} details are kept`);
        assert.ok(
          details.some((detail) => detail.startsWith("no such user [address] ([address]); at smtp://[secret]@mail")),
          details.join("\n"),
        );
        assert.equal(told.count(heard ? "announce_failed" : "warning"), heard ? 2 * failed : failed);
        await milepost.close();
        told.end();
      }
    },
  },
  {
    about,
    name: "of a policy or a listener that throws nothing of it is told in our words",
    async run({ store }) {
      const clock = new StillClock();
      const told = new Told();
      const levels = { ...every(1), contextual: true, levels: throwing(anonymously) };
      const milestones = [telling("policy", { policy: levels }), telling("fine")];
      const milepost = engine(store, clock, milestones);
      milepost.on("sent", throwing(anonymously));
      milepost.on("sending", (() => Promise.reject(ownError(anonymously))) as () => void);
      await run(milepost, clock, milestones);
      const { details } = await assertKept(milepost);
      assert.ok(
        details.some((detail) => /^Policy .*threw: no such user \[address\]/.test(detail)),
        details.join("\n"),
      );
      assert.ok(told.count("warning") >= 3, `${told.count("warning")} warnings`);
      await milepost.close();
      told.end();
    },
  },
  {
    about,
    name: "of a statement of the host that fails the cause says what was refused, and quotes no value",
    requires: "effect",
    async run(opened) {
      const host = await hostOf(opened);
      await host.run("CREATE TABLE host_people (email text UNIQUE, age integer)");
      const clock = new StillClock();
      const told = new Told();
      const { address } = canary.recipient;
      const insert = sql`INSERT INTO host_people (email) VALUES (${address})`;
      const effects: readonly (readonly [string, () => ReturnType<typeof sql>])[] = [
        [
          "unique",
          () => sql`INSERT INTO host_people (email) SELECT ${address} FROM (SELECT 1 UNION ALL SELECT 2) AS two`,
        ],
        [
          "no such table",
          () => sql`INSERT INTO host_people (age) SELECT CAST(${`"${indiscretion}"`} AS integer) FROM host_absent`,
        ],
        ["throws", throwing(anonymously)],
        ["no statement", () => indiscretion as never],
      ];
      const milestones = [
        ...effects.map(([name, effect]) => telling(name, { effect })),
        telling("written", { effect: () => insert }),
      ];
      const milepost = engine(opened.store, clock, milestones, told);
      await run(milepost, clock, milestones);
      assert.equal((await host.all("SELECT email FROM host_people")).length, 1);
      const { details } = await assertKept(milepost);
      assert.ok(
        details.some((detail) => /unique|UNIQUE/.test(detail)),
        details.join("\n"),
      );
      assert.ok(told.count("error") >= effects.length);
      await milepost.close();
      told.end();
    },
  },
  {
    about,
    name: "what is refused at the face quotes nothing of what was given",
    async run({ store }) {
      const told = new Told();
      const milepost = engine(store, new StillClock(), [telling("m")], told);
      const secret = indiscretion as never;
      const refused: readonly (() => unknown)[] = [
        () => milepost.record({ id: "e", metric: "m", subject: "s", amount: secret }),
        () => milepost.record({ id: "e", metric: "m", subject: "s", [canary.recipient.address]: 1 } as never),
        () => milepost.record({ id: indiscretion.repeat(9), metric: "m", subject: "s" }),
        () => milepost.recordMany(secret),
        () =>
          milepost.subjects.put({
            id: "s",
            name: secret,
            members: [{ ...canary.recipient, name: `${indiscretion}\n` }],
          }),
        () => milepost.subjects.put({ id: "s", name: "n", fields: { [canary.recipient.address]: () => 1 } as never }),
        () => milepost.subjects.put({ id: "s", name: "n", locale: indiscretion.repeat(9) }),
        () => milepost.contacts.put({ address: indiscretion.replace(";", "\n"), name: secret }),
        () => milepost.contacts.put({ ...canary.recipient, role: secret } as never),
        () => milepost.contacts.put({ address: canary.recipient.address, fields: { [canary.token]: () => 1 } }),
        () => milepost.contacts.list({ filter: { [canary.recipient.address]: secret } as never }),
        () => milepost.contacts.list({ filter: { field: indiscretion, gt: {} as never } }),
        () => milepost.suppressions.add({ address: indiscretion.replace(";", "\n"), by: "ann", why: "w" }),
        () => milepost.suppressions.add({ address: canary.recipient.address, by: "ann", why: secret, reason: secret }),
        () =>
          milepost.suppressions.consent({ address: canary.recipient.address, by: "ann", why: "w", source: 5 as never }),
        () => milepost.notifications.list({ states: [secret] }),
        () => milepost.notifications.cancel({ id: "n", by: "ann", why: secret }),
        () => milepost.lanes.pause({ notifier: "m", by: "ann", why: 5 as never, [canary.token]: secret } as never),
        () => telling("m", { message: { text: indiscretion, html: `<p ${indiscretion}` }, mode: secret }),
        () => telling("m", { message: { html: "<p {{x}}>", [canary.recipient.address]: 1 } as never }),
      ];
      for (const [i, work] of refused.entries()) await told.thrownBy(`refusal ${i}`, work);
      await milepost.close();
      told.end();
    },
  },
];
