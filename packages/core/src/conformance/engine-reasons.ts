import assert from "node:assert/strict";
import type { NotificationState } from "../delivery/notification.js";
import { type Reason, reasons } from "../delivery/reason.js";
import type { ReasonCounts } from "../delivery/reasons.js";
import { createMilepost, type Milepost } from "../engine.js";
import type { CrossingState } from "../milestone/crossing.js";
import { milestone } from "../milestone/milestone.js";
import type { NoticeState } from "../milestone/notice.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { type MemoryNotifier, type MemoryNotifierOptions, memoryNotifier } from "../notifier/memory-notifier.js";
import { ambiguous, type Outcome, refusedPermanent, refusedTransient } from "../notifier/notifier.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import type { SuppressionReason } from "../recipient/suppression.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, owner, refusal, type Setup, type SetupOptions, setUp } from "./engine-setup.js";
import { hour, minute } from "./samples.js";

const about = "engine: reasons";
const person = { by: "ann", why: "a test" };

/** Nothing sets these yet. */
type Reserved = "quota" | "duplicate";

/** How something comes to its end unsent: the engine afterwards, whose store holds it. */
type Way = (store: Store) => Promise<Milepost>;

/** An engine that tells one owner of the first event, with one try at each thing; and that event. */
async function begun(store: Store, options: SetupOptions = {}): Promise<Setup> {
  const delivery = { announceTries: 1, retryBase: 1_000, retryCap: 1_000 };
  const setup = setUp(store, { delivery, ...options, milestone: { recipients: owner, ...options.milestone } });
  setup.milepost.on("announce_failed", () => {});
  await count(setup.milepost, 1);
  return setup;
}

/** The same with its notification queued, not sent. */
async function queued(store: Store, notifier: MemoryNotifier, options: SetupOptions = {}): Promise<Setup> {
  const setup = await begun(store, { ...options, notifier });
  await setup.milepost.lanes.pause({ notifier: notifier.name, ...person });
  await setup.milepost.runOnce();
  await setup.milepost.lanes.resume({ notifier: notifier.name, ...person });
  return setup;
}

/** A notification whose calls end so; then time passes. */
const answered = (
  outcome: Outcome,
  { after = 0, ...notifier }: MemoryNotifierOptions & { readonly after?: number } = {},
  options: SetupOptions = {},
): Way => {
  return async (store) => {
    const { milepost, clock } = await begun(store, {
      ...options,
      notifier: memoryNotifier({ ...notifier, answer: () => outcome }),
    });
    await milepost.runOnce();
    clock.advance(after);
    if (after > 0) await milepost.runOnce();
    return milepost;
  };
};

/** A worker claims, or claims and marks, and is never heard of again; its lease ends. */
async function died(store: Store, { clock }: Setup, marked: boolean): Promise<void> {
  const claim = { notifiers: ["memory"], limit: 10, served: [], lease: minute, now: clock.now() };
  const rows = await store.notifications.claim(claim);
  assert.equal(rows.length, 1);
  const marks = rows.map(({ tenant, id, fence }) => {
    return { tenant, id, fence, messageId: "<dead@test>", idempotencyKey: "dead", payloadHash: "dead", payload: null };
  });
  if (marked) await store.notifications.mark({ marks, lease: minute, now: clock.now() });
  clock.advance(minute);
}

/** A milestone that reminds after an hour, of a crossing that was told unless said; the hour is over. */
async function reminding(store: Store, options: SetupOptions = {}): Promise<Setup> {
  const reminder = { text: "still {{value}}" };
  const setup = await begun(store, { ...options, milestone: { remindEvery: hour, reminder, ...options.milestone } });
  await setup.milepost.runOnce();
  setup.clock.advance(hour);
  return setup;
}

/** What its recipients are from the second call on: for a reminder. */
function at2nd(then: RecipientResolver["resolve"]): RecipientResolver {
  let calls = 0;
  return { resolve: (...given) => (++calls === 1 ? owner : { resolve: then }).resolve(...given) };
}

/** The owner's address is forbidden before its message is announced, or after. */
function forbidden(reason: SuppressionReason, when: "before" | "after"): Way {
  return async (store) => {
    const act = { address: "olga@acme.example", reason, ...person };
    if (when === "before") await setUp(store, {}).milepost.suppressions.add(act);
    const { milepost } = await queued(store, memoryNotifier());
    if (when === "after") assert.equal((await milepost.suppressions.add(act)).stopped, 1);
    return milepost;
  };
}

const ways: Readonly<Record<Exclude<Reason, Reserved>, readonly Way[]>> = {
  adopted: [
    async (store) => {
      const { milepost, clock } = await begun(store);
      const late = milestone({ name: "late", metric, policy: thresholds(1) });
      const after = createMilepost({
        store,
        milestones: [late],
        removed: ["emails-delivered"],
        runtime: { now: clock.now },
      });
      await milepost.close();
      await after.runOnce();
      return after;
    },
  ],
  superseded: [
    async (store) => {
      const { milepost } = await begun(store);
      await milepost.record({ id: "jump", metric, subject: "acme", amount: 1_000 });
      return milepost;
    },
  ],
  too_soon: [
    async (store) => {
      const { milepost } = await begun(store, { milestone: { minInterval: hour } });
      await count(milepost, 10, 2);
      return milepost;
    },
  ],
  expired: [
    async (store) => {
      const { milepost } = await begun(store, { milestone: { period: "day:UTC" } });
      await milepost.record({ id: "late", metric, subject: "acme", occurredAt: new Date("2026-10-01T12:00:00Z") });
      return milepost;
    },
    async (store) => {
      // no host can say yet when a notification expires
      const expiring: Store = {
        ...store,
        crossings: {
          ...store.crossings,
          announce: ({ notifications, ...input }) => {
            const expiresAt = new Date("2026-11-01T12:00:01Z");
            return store.crossings.announce({
              ...input,
              notifications: notifications.map((each) => ({ ...each, expiresAt })),
            });
          },
        },
      };
      const { milepost, clock } = await queued(expiring, memoryNotifier());
      clock.advance(minute);
      await milepost.runOnce();
      return milepost;
    },
  ],
  silent: [
    async (store) => {
      const quiet = milestone({ name: "quiet", metric, policy: thresholds(1) });
      return (await begun(store, { more: [quiet] })).milepost;
    },
    async (store) => {
      // a reminder of a crossing that nobody was told of
      const { milepost } = await reminding(store, { milestone: { recipients: { resolve: async () => [] } } });
      await milepost.runOnce();
      return milepost;
    },
  ],
  unaddressed: [
    async (store) => {
      const { milepost } = await begun(store, { milestone: { recipients: { resolve: async () => [] } } });
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      const { milepost } = await reminding(store, { milestone: { recipients: at2nd(async () => []) } });
      await milepost.runOnce();
      return milepost;
    },
  ],
  resolver_failed: [
    async (store) => {
      const recipients = { resolve: () => Promise.reject(new Error("no such table")) };
      const { milepost } = await begun(store, { milestone: { recipients } });
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      const failing = at2nd(() => Promise.reject(new Error("no such table")));
      const { milepost } = await reminding(store, { milestone: { recipients: failing } });
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      // recipients that cannot be kept
      const recipients = { resolve: async () => [{ address: "" }] };
      const { milepost } = await begun(store, { milestone: { recipients } });
      await milepost.runOnce();
      return milepost;
    },
  ],
  missing_tag: [
    async (store) => {
      const { milepost } = await reminding(store, {
        milestone: { reminder: { text: "Dear {{recipient.firstName}}" } },
      });
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      const { milepost } = await begun(store, { milestone: { message: { text: "Dear {{recipient.firstName}}" } } });
      await milepost.runOnce();
      return milepost;
    },
  ],
  poison_claim: [
    async (store) => {
      const { milepost, clock } = await reminding(store);
      await store.counters.wake({ metrics: [metric], limit: 9, now: clock.now() });
      // evaluates, and announces nothing
      await milepost.record({ id: "next", metric, subject: "acme" });
      const claim = { milestones: ["emails-delivered"], limit: 1, lease: minute, now: clock.now() };
      assert.equal((await store.notices.claim(claim)).length, 1);
      clock.advance(minute);
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      const { milepost, clock } = await begun(store);
      const claim = { milestones: ["emails-delivered"], limit: 1, lease: minute, now: clock.now() };
      assert.equal((await store.crossings.claim(claim)).length, 1);
      clock.advance(minute);
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      const setup = await queued(store, memoryNotifier(), { delivery: { maxClaims: 1 } });
      await died(store, setup, false);
      await setup.milepost.runOnce();
      return setup.milepost;
    },
  ],
  cancelled: [
    async (store) => {
      const { milepost, clock } = await begun(store);
      await milepost.close();
      const after = createMilepost({ store, removed: ["emails-delivered"], runtime: { now: clock.now } });
      await after.runOnce();
      return after;
    },
    async (store) => {
      const { milepost, clock } = await reminding(store);
      await store.counters.wake({ metrics: [metric], limit: 9, now: clock.now() });
      await milepost.record({ id: "next", metric, subject: "acme" });
      await milepost.close();
      const after = createMilepost({ store, removed: ["emails-delivered"], runtime: { now: clock.now } });
      await after.runOnce();
      return after;
    },
    async (store) => {
      const { milepost } = await queued(store, memoryNotifier());
      const [row] = await milepost.notifications.list();
      await milepost.notifications.cancel({ id: row!.id, ...person });
      return milepost;
    },
    async (store) => {
      // asked for while its call is under way, which is then refused for now
      const cancelling: MemoryNotifierOptions["answer"] = () => refusedTransient("busy");
      let milepost: Milepost;
      const notifier = memoryNotifier({ answer: cancelling });
      const send = notifier.send.bind(notifier);
      const asked = Object.assign(notifier, {
        async send(...args: Parameters<typeof send>) {
          const [row] = await milepost.notifications.list();
          await milepost.notifications.cancel({ id: row!.id, ...person });
          return send(...args);
        },
      });
      ({ milepost } = await begun(store, { notifier: asked }));
      await milepost.runOnce();
      return milepost;
    },
  ],
  suppressed: [forbidden("hard_bounce", "before"), forbidden("manual", "after")],
  unsubscribed: [forbidden("unsubscribed", "before"), forbidden("unsubscribed", "after")],
  no_consent: [
    async (store) => {
      const { milepost } = await begun(store, { milestone: { needsConsent: true } });
      await milepost.runOnce();
      return milepost;
    },
    async (store) => {
      const consent = { address: "olga@acme.example", source: "a form", ...person };
      const given = setUp(store, {});
      await given.milepost.suppressions.consent(consent);
      const { milepost } = await queued(store, memoryNotifier(), { milestone: { needsConsent: true } });
      assert.equal((await milepost.suppressions.withdraw(consent)).stopped, 1);
      return milepost;
    },
  ],
  refused: [answered(refusedPermanent("no such address"))],
  attempts_used_up: [answered(refusedTransient("busy"), {}, { milestone: { maxAttempts: 1 } })],
  render_failed: [
    async (store) => {
      const spoilt: Store = {
        ...store,
        notifications: {
          ...store.notifications,
          claim: async (input) =>
            (await store.notifications.claim(input)).map((row) => ({ ...row, content: { text: "{{#open}}" } })),
        },
      };
      const { milepost } = await begun(spoilt);
      await milepost.runOnce();
      return milepost;
    },
  ],
  payload_changed: [
    async (store) => {
      const setup = await queued(store, memoryNotifier({ mode: "at-least-once" }));
      await died(store, setup, true);
      await setup.milepost.runOnce();
      setup.clock.advance(minute);
      await setup.milepost.runOnce();
      return setup.milepost;
    },
  ],
  no_answer: [answered(ambiguous("time-out")), answered(ambiguous("time-out"), { after: 25 * hour })],
  lease_over: [
    async (store) => {
      const setup = await queued(store, memoryNotifier());
      await died(store, setup, true);
      await setup.milepost.runOnce();
      return setup.milepost;
    },
  ],
  key_expired: [
    answered(
      ambiguous("time-out"),
      { mode: "idempotent", keyLifetime: 2_000, after: hour },
      { milestone: { maxAttempts: 9 } },
    ),
  ],
  given_up: [
    async (store) => {
      const milepost = await answered(ambiguous("time-out"))(store);
      const [row] = await milepost.notifications.list();
      await milepost.notifications.resolve({ id: row!.id, as: "unknown", ...person });
      return milepost;
    },
  ],
};

const open: ReadonlySet<CrossingState | NoticeState | NotificationState> = new Set(["pending", "leased", "sending"]);
const told: ReadonlySet<CrossingState | NoticeState | NotificationState> = new Set(["announced", "sent"]);

/** Everything that has come to rest without being told of; fails where one has no reason of the list. */
async function reasonsIn(store: Store, milepost: Milepost): Promise<Record<keyof ReasonCounts, readonly Reason[]>> {
  const of = (rows: readonly { state: CrossingState | NoticeState | NotificationState; reason: Reason | null }[]) =>
    rows.flatMap(({ state, reason }) => {
      if (told.has(state) || open.has(state)) {
        assert.equal(reason, null, `one that is ${state} has no reason`);
        return [];
      }
      assert.ok(reason !== null && reasons.includes(reason), `one that is ${state} has the reason ${reason}`);
      return reason;
    });
  return {
    crossings: of(await milepost.crossings.list()),
    notices: of(await store.notices.list({ tenant: "default", limit: 1_000 })),
    notifications: of(await milepost.notifications.list()),
  };
}

export const engineReasonCases: readonly ConformanceCase[] = [
  ...Object.entries(ways).flatMap(([reason, each]) =>
    each.map((way, i): ConformanceCase => {
      return {
        about,
        name: `what ends as ${reason} says so, and is counted${each.length > 1 ? ` (${i + 1})` : ""}`,
        async run({ store }) {
          const milepost = await way(store);
          const found = await reasonsIn(store, milepost);
          const all = [...found.crossings, ...found.notices, ...found.notifications];
          assert.ok(all.includes(reason as Reason), `${reason} is not among ${all.join(", ") || "none"}`);
          const counted = await milepost.reasons();
          for (const kind of ["crossings", "notices", "notifications"] as const) {
            const expanded = counted[kind].flatMap((one) => Array<Reason>(one.count).fill(one.reason));
            assert.deepEqual(expanded, [...found[kind]].sort(), kind);
          }
        },
      };
    }),
  ),
  {
    about,
    name: "reasons keep to the tenant, the milestone and the time that are asked for",
    async run({ store }) {
      const quiet = milestone({ name: "quiet", metric, policy: thresholds(1) });
      const { milepost, clock } = await begun(store, { more: [quiet] });
      const begin = clock.now();
      clock.advance(hour);
      await milepost.record({ id: "other", metric, subject: "globex" });
      await milepost.record({ id: "other", metric, subject: "acme", tenant: "other" });
      const silent = async (query: Parameters<Milepost["reasons"]>[0]) =>
        (await milepost.reasons(query)).crossings.map((each) => `${each.reason} ${each.count}`).join();
      assert.equal(await silent({}), "silent 2");
      assert.equal(await silent({ tenant: "other" }), "silent 1");
      assert.equal(await silent({ milestone: "quiet", until: clock.now() }), "silent 1");
      assert.equal(await silent({ milestone: "emails-delivered" }), "");
      assert.equal(await silent({ since: begin }), "silent 2");
      assert.equal(await silent({ since: clock.now(), until: clock.now() }), "");
      assert.equal((await refusal(() => milepost.reasons({ since: "now" as never }))).path, "since");
    },
  },
];
