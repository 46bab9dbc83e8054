import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { accepted, ambiguous, type Outcome, refusedPermanent } from "../notifier/notifier.js";
import type { RecipientResolver } from "../recipient/resolver.js";
import type { Store } from "../store/store.js";
import { StillClock } from "./engine-setup.js";

const person = { by: "ann", why: "looked into it" };
const metric = "email.delivered";

const people = (...names: readonly string[]): RecipientResolver => ({
  resolve: async () => names.map((name) => ({ address: `${name}@acme.example`, name })),
});

/** Answers by the address' left side: the given outcomes one after the other, the last one for ever. */
function answering(
  name: string,
  answers: Readonly<Record<string, readonly Outcome[]>>,
  mode = "at-most-once" as const,
) {
  const asked = new Map<string, number>();
  return memoryNotifier({
    name,
    mode,
    answer({ to }) {
      const who = to.address.split("@")[0]!;
      const outcomes = answers[who] ?? [accepted()];
      const call = asked.get(who) ?? 0;
      asked.set(who, call + 1);
      return outcomes[Math.min(call, outcomes.length - 1)]!;
    },
  });
}

/**
 * Fills an empty store with rows in every state that invariants speak of, as an engine leaves them: for those who test what
 * `verify()` finds once a row of them is damaged. Answers the time at its end.
 *
 * Sent at once and after a person's retry; resolved as sent; failed, and failed again when retried; unknown; cancelled;
 * waiting in a paused lane; being sent, by a worker that does not come back; waiting for another call in mode
 * at-least-once after such a worker, and claimed for it; sent in mode idempotent after an ambiguous call. Lanes with a quota, one per 24 hours and one per day. A counter that is due, and one whose every event is retained.
 */
export async function soundHistory(store: Store): Promise<Date> {
  const clock = new StillClock();
  const lost = ambiguous("silence");
  const mail = answering("mail", {
    failed: [refusedPermanent("full")],
    unknown: [lost],
    confirmed: [lost],
    twice: [lost, accepted()],
  });
  const keyed = memoryNotifier({
    name: "keyed",
    mode: "idempotent",
    keyLifetime: 86_400_000,
    answer: ({ to: _ }, { attempt }) => (attempt === 1 ? lost : accepted()),
  });
  const resting = memoryNotifier({ name: "resting" });
  const dying = memoryNotifier({ name: "dying" });
  const lasting = memoryNotifier({ name: "lasting", mode: "at-least-once" });
  const say = { message: { text: "{{threshold}}" }, metric };
  const milepost = createMilepost({
    store,
    milestones: [
      milestone({
        ...{ ...say, name: "first", policy: thresholds(1, 10), notifier: mail },
        recipients: people("sent", "failed", "unknown", "confirmed", "twice"),
        onJump: "each",
      }),
      milestone({ ...say, name: "keyed", policy: thresholds(1), notifier: keyed, recipients: people("kay") }),
      ...["metered", "daily"].map((name) =>
        milestone({
          ...{ ...say, name, policy: thresholds(1), notifier: memoryNotifier({ name }) },
          recipients: people("mia", "moe"),
        }),
      ),
      milestone({ ...say, name: "rest", policy: thresholds(1), notifier: resting, recipients: people("rita", "rob") }),
      milestone({ ...say, name: "dying", policy: thresholds(1), notifier: dying, recipients: people("dora") }),
      milestone({
        ...say,
        name: "lasting",
        policy: thresholds(1),
        notifier: lasting,
        recipients: people("lea", "leo"),
      }),
    ],
    metrics: { [metric]: { retain: "events" } },
    runtime: { now: clock.now },
  });
  const rowsOf = (notifier: string) => milepost.notifications.list({ notifier });
  const to = async (name: string) =>
    (await rowsOf("mail")).find(({ recipient }) => recipient.address.startsWith(`${name}@`))!.id;

  for (const notifier of ["resting", "dying", "lasting"]) await milepost.lanes.pause({ notifier, ...person });
  await milepost.lanes.limit({ notifier: "metered", quota: { count: 100, per: "24h" }, ...person });
  await milepost.lanes.limit({ notifier: "daily", quota: { count: 100, per: "day:UTC" }, ...person });
  clock.advance(1_000);
  await milepost.recordMany(Array.from({ length: 12 }, (_, i) => ({ id: `e${i}`, metric, subject: "acme" })));
  await milepost.runOnce();
  await milepost.lanes.resume({ notifier: "lasting", ...person });
  clock.advance(1);
  await dies(store, "lasting", clock.now());
  clock.advance(1);
  await milepost.lanes.pause({ notifier: "lasting", ...person });
  clock.advance(80_000);
  await milepost.notifications.resolve({ id: await to("unknown"), as: "unknown", ...person });
  await milepost.notifications.resolve({ id: await to("confirmed"), as: "sent", ...person });
  await milepost.notifications.retry({ id: await to("twice"), ...person });
  await milepost.notifications.retry({ id: await to("failed"), ...person });
  const [first] = await rowsOf("resting");
  await milepost.notifications.cancel({ id: first!.id, ...person });
  await milepost.runOnce();
  clock.advance(20_000);
  for (const notifier of ["dying", "lasting"]) await milepost.lanes.resume({ notifier, ...person });
  await dies(store, "dying", clock.now());
  await claims(store, "lasting", 1, clock.now());

  const recorder = createMilepost({ store, onUnknownMetric: "count", runtime: { now: clock.now } });
  recorder.on("behind", () => {});
  await recorder.record({ id: "due", metric, subject: "due-corp" });
  await hears(milepost, await to("confirmed"));
  await milepost.close();
  await assertStates(store);
  return clock.now();
}

/** What a message may have been heard of after it was sent, and more of it than there can be of one. */
async function hears({ deliveryEvents }: Milepost, notification: string): Promise<void> {
  const types = ["complained", "opened", "opened", "clicked", "delivered"] as const;
  const soft = { type: "bounced", bounce: "soft", reason: "452 full" } as const;
  await deliveryEvents.record(
    [...types.map((type) => ({ type })), soft].map((said, i) => ({
      notification,
      source: "ses",
      id: `d${i}`,
      ...said,
    })),
  );
}

/** Claims and marks what waits for a notifier, and settles nothing of it. */
async function dies(store: Store, notifier: string, now: Date): Promise<void> {
  const rows = await claims(store, notifier, 10, now);
  const marks = rows.map(({ tenant, id, fence }) => {
    return { tenant, id, fence, messageId: `<${id}@test>`, idempotencyKey: id, payloadHash: "h", payload: null };
  });
  await store.notifications.mark({ marks, lease: 60_000, now });
}

function claims(store: Store, notifier: string, limit: number, now: Date) {
  return store.notifications.claim({ notifiers: [notifier], limit, served: [], lease: 60_000, now });
}

async function assertStates(store: Store): Promise<void> {
  const counts = await store.notifications.count({ tenant: "default" });
  const states = new Set(counts.map(({ state }) => state));
  for (const state of [
    "pending",
    "leased",
    "sending",
    "ambiguous",
    "sent",
    "failed",
    "unknown",
    "cancelled",
  ] as const) {
    assert.ok(states.has(state), `no notification is ${state}`);
  }
  const lost = counts.filter(({ reason }) => reason === "lease_over").map(({ state }) => state);
  assert.deepEqual(lost.sort(), ["leased", "pending"], "what lost its worker waits for another call");
}
