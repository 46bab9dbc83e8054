import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type AccountCheck, type Notifier, type Outcome, type SendContext, unavailable } from "../notifier/notifier.js";
import { type KeyRing, keyRing } from "../secret/key-ring.js";
import type { Store } from "../store/store.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { metric, refusal, StillClock } from "./engine-setup.js";
import { hour, twoStores } from "./samples.js";

const about = "engine: provider accounts";
const person = { by: "ann", why: "a test" };
const keyText = (fill: number) =>
  Buffer.from(Array.from({ length: 32 }, (_, i) => (i * fill) % 251)).toString("base64");
const k1 = keyText(7);
const k2 = keyText(11);
const secretOf = (id: string) => `very-secret-of-${id}`;

interface Sent {
  readonly lane: string;
  readonly to: string;
  readonly secret: string;
}

interface Setup {
  readonly milepost: Milepost;
  readonly sent: Sent[];
}

interface SetupOptions {
  readonly clock?: StillClock;
  readonly ring?: KeyRing | null;
  readonly answer?: (context: SendContext, secret: string) => Promise<Outcome | undefined> | Outcome | undefined;
  readonly check?: AccountCheck;
}

/** An engine that tells a crowd through accounts of its tenants, over a notifier that notes what it was given. */
function setUp(store: Store, options: SetupOptions = {}): Setup {
  const { clock = new StillClock(), ring = keyRing({ current: "k1", keys: { k1 } }), answer, check } = options;
  const sent: Sent[] = [];
  const notifier: Notifier = {
    name: "mail",
    channel: "email",
    mode: "at-most-once",
    async send({ to }, context) {
      const provider = await context.account?.open();
      const { credentials } = provider ?? {};
      const secret = credentials?.type === "password" ? credentials.password : "";
      const outcome = await answer?.(context, secret);
      if (outcome !== undefined) return outcome;
      sent.push({ lane: context.notifier, to: to.address, secret });
      return undefined;
    },
    accounts: { problem: () => null, validate: async () => check ?? { ok: true, revision: 1 } },
  };
  const milepost = createMilepost({
    store,
    ...(ring && { keyRing: ring }),
    milestones: [
      milestone({
        name: "crowd",
        metric,
        policy: thresholds(1),
        recipients: {
          resolve: async ({ value }) => Array.from({ length: value }, (_, i) => ({ address: `r${i}@acme.example` })),
        },
        message: { text: "It has come together." },
        notifier,
      }),
    ],
    runtime: { now: clock.now },
  });
  return { milepost, sent };
}

const account = (id: string, fields: object = {}) => ({
  ...{ id, kind: "smtp", sender: { address: `${id}@shop.example` }, ...person },
  credentials: { type: "password" as const, user: id, password: secretOf(id) },
  ...fields,
});

const tell = (milepost: Milepost, size: number, id = "crowd", tenant = "default") =>
  milepost.record({ tenant, id, metric, subject: id, amount: size });

const lanesOf = (sent: readonly Sent[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { lane } of sent) counts[lane] = (counts[lane] ?? 0) + 1;
  return counts;
};

export const engineProviderCases: readonly ConformanceCase[] = [
  {
    about,
    name: "messages go out through the tenant's primary account, each tenant's through its own; without one they wait",
    async run({ store }) {
      const { milepost, sent } = setUp(store);
      await tell(milepost, 2, "early");
      await milepost.runOnce();
      assert.deepEqual(sent, []);
      await milepost.providers.add(account("spare", { order: 1 }));
      await milepost.providers.add(account("main", { primary: true }));
      await milepost.providers.add(account("main", { tenant: "other" }));
      await tell(milepost, 3);
      await tell(milepost, 1, "crowd", "other");
      const [planned] = (await milepost.plan([{ id: "p", metric, subject: "p" }])).crossings;
      assert.equal(planned!.notifications[0]!.notifier, "mail/main");
      await milepost.runOnce();
      assert.deepEqual(lanesOf(sent), { "mail/main": 6 });
      assert.ok(sent.every(({ secret }) => secret === secretOf("main")));
      const rows = await milepost.notifications.list({ tenant: "other" });
      assert.deepEqual(
        rows.map(({ notifier, state }) => [notifier, state]),
        [["mail/main", "sent"]],
      );
    },
  },
  {
    about,
    name: "what is stored and answered of an account has no secret, and opens in its own row only",
    async run({ store }) {
      const { milepost, sent } = setUp(store);
      for (const tenant of ["default", "other"]) await milepost.providers.add(account(`of-${tenant}`, { tenant }));
      await milepost.providers.change({ id: "of-default", ...person, name: "Main", order: 3 });
      const [mine] = await store.providers.list({ tenant: "default", limit: 10 });
      const [theirs] = await store.providers.list({ tenant: "other", limit: 10 });
      const acts = await actsOf(store, { tenant: "default", entity: "provider", entityId: "of-default" });
      const told = JSON.stringify([mine, theirs, await milepost.providers.list(), acts]);
      assert.equal(told.includes("very-secret"), false);
      assert.deepEqual(
        acts.map(({ act, by, why }) => [act, by, why]),
        [
          ["add", "ann", "a test"],
          ["change", "ann", "a test"],
        ],
      );
      const { credentials: from } = theirs!.provider;
      const to = mine!.provider.credentials!;
      await store.providers.reseal({ tenant: "other", id: "of-other", from: from!, to });
      await tell(milepost, 1, "crowd", "other");
      await milepost.runOnce();
      assert.deepEqual(sent, []);
      const [row] = await milepost.notifications.list({ tenant: "other" });
      // this notifier throws what it was thrown, and a call that throws may have been accepted
      assert.equal(row!.state, "ambiguous");
    },
  },
  {
    about,
    name: "credentials get another key while two engines send with them, and no message fails or is tried twice",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const clock = new StillClock();
      const keys = { k1, k2 };
      const before = setUp(one, { clock, ring: keyRing({ current: "k1", keys }) });
      const after = setUp(two, { clock, ring: keyRing({ current: "k2", keys }) });
      for (const id of ["a", "b", "c", "d"]) await before.milepost.providers.add(account(id, { quota: null }));
      for (const id of ["a", "b", "c", "d"]) {
        await before.milepost.providers.makePrimary({ id, ...person });
        await tell(before.milepost, 40, id);
        await before.milepost.runOnce({ concurrency: 1 });
        await tell(before.milepost, 40, `${id}-more`);
        const passes = [before.milepost.runOnce({ concurrency: 4 }), after.milepost.runOnce({ concurrency: 4 })];
        await after.milepost.providers.reseal();
        await before.milepost.providers.reseal();
        await Promise.all(passes);
      }
      const last = await after.milepost.providers.reseal();
      assert.equal(last.unreadable, 0);
      const only = setUp(two, { clock, ring: keyRing({ current: "k2", keys: { k2 } }) });
      await tell(only.milepost, 5, "last");
      await only.milepost.runOnce();
      const rows = await only.milepost.notifications.list({ limit: 1_000 });
      assert.equal(rows.length, 325);
      assert.ok(rows.every(({ state, attempts }) => state === "sent" && attempts === 1));
    },
  },
  {
    about,
    name: "an account that its notifier finds failing keeps nobody's message: others send it, and no attempt counts",
    async run({ store }) {
      const clock = new StillClock();
      const setup = setUp(store, {
        clock,
        async answer({ account: used }) {
          if (used!.id !== "main") return undefined;
          await used!.fail((await used!.open())!.revision, "the login was refused");
          return unavailable("the login was refused");
        },
      });
      const { milepost, sent } = setup;
      await milepost.providers.add(account("main"));
      await milepost.providers.add(account("next", { order: 1 }));
      await tell(milepost, 12);
      for (let passes = 0; passes < 5 && sent.length < 12; passes++) {
        await milepost.runOnce();
        clock.advance(60_000);
      }
      assert.deepEqual(lanesOf(sent), { "mail/next": 12 });
      assert.equal(new Set(sent.map(({ to }) => to)).size, 12);
      const [main] = await milepost.providers.list();
      assert.deepEqual([main!.state, main!.detail], ["failing", "the login was refused"]);
      const rows = await milepost.notifications.list({ limit: 20 });
      assert.ok(rows.every(({ attempts, excused }) => attempts - excused === 1));
      const moved = rows.find(({ excused }) => excused > 0)!;
      const story = await milepost.explain({ notification: moved.id });
      const why = 'moved from mail/main to mail/next: account "main" is failing';
      assert.equal(story!.notifications[0]!.acts[0]!.why, why);
      assert.ok(
        story!.lines.some((line) => line.includes(why)),
        story!.lines.join("\n"),
      );
      await tell(milepost, 1, "later");
      await milepost.runOnce();
      assert.deepEqual(lanesOf(sent), { "mail/next": 13 });
      await milepost.providers.resume({ id: "main", ...person });
      const [back] = await milepost.providers.list();
      assert.equal(back!.state, "active");
    },
  },
  {
    about,
    name: "a quota that is used up until midnight sends nobody away: others stand in, and when all are full they wait",
    async run({ store }) {
      const clock = new StillClock();
      const { milepost, sent } = setUp(store, { clock });
      const quota = { count: 5, per: "day:UTC" } as const;
      await milepost.providers.add(account("main", { quota }));
      await milepost.providers.add(account("next", { quota, order: 1 }));
      await tell(milepost, 17);
      await milepost.runOnce();
      assert.deepEqual(lanesOf(sent), { "mail/main": 5, "mail/next": 5 });
      const [main] = await milepost.providers.list();
      assert.deepEqual(
        [main!.used, main!.free, main!.resetsAt, main!.state],
        [5, 0, new Date("2026-11-02T00:00:00Z"), "active"],
      );
      clock.advance(12 * hour);
      await milepost.runOnce();
      assert.equal(sent.length, 17);
      assert.equal(new Set(sent.map(({ to }) => to)).size, 17);
    },
  },
  {
    about,
    name: "accounts need a key ring for credentials, and a notifier that sends through accounts",
    async run({ store }) {
      const { milepost } = setUp(store, { ring: null });
      const error = await refusal(() => milepost.providers.add(account("main")));
      assert.deepEqual([error.code, error.path], ["invalid_options", "keyRing"]);
      const plain = await milepost.providers.add(account("open", { credentials: null }));
      assert.equal(plain.hasCredentials, false);
      const unknown = await refusal(() => milepost.providers.add(account("main", { notifier: "smtp" })));
      assert.equal(unknown.path, "notifier");
      for (const act of ["pause", "resume", "remove", "makePrimary", "validate"] as const) {
        const missing = await refusal(() => milepost.providers[act]({ id: "nobody", ...person }));
        assert.equal(missing.code, "not_found");
      }
    },
  },
];
