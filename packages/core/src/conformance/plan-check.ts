import assert from "node:assert/strict";
import type { Milepost } from "../engine.js";
import type { Crossing } from "../milestone/crossing.js";
import { spanAt } from "../milestone/period.js";
import type { Plan, PlannedCrossing, PlannedNotification } from "../planning/plan.js";
import type { CounterKey } from "../store/counter-repository.js";
import type { Store } from "../store/store.js";
import { compareCounterKeys } from "../store/tally.js";
import { metric } from "./engine-setup.js";
import { type PlanWorld, planWorld } from "./plan-scenario.js";
import { contentsOf } from "./store-contents.js";

/** What a store holds, as its owner sees it; what the contract tells of it is looked at in any case. */
export type Dump = () => unknown;

/**
 * Plans a random stream over a random past, records it, and compares: the plan wrote nothing, and what it said is what
 * became of the events, to the last message.
 */
export async function checkPlan(store: Store, seed: number, dump: Dump = () => null): Promise<void> {
  const world = await planWorld(store, seed);
  const { milepost, stream } = world;
  const look = async () => ({
    told: await contentsOf(store, { ...world, metrics: [metric] }),
    seen: await dump(),
  });

  const before = await look();
  const plan = await milepost.plan(stream);
  assert.deepEqual(await look(), before, "a plan writes nothing");
  assert.deepEqual(await milepost.plan(stream), plan, "and the same is planned again");

  const earlier = new Set((await allCrossings(milepost)).map(({ id }) => id));
  const { counted, duplicates } = await milepost.recordMany(stream);
  const recorded = (await allCrossings(milepost)).filter(({ id }) => !earlier.has(id));
  assert.deepEqual(
    plan.crossings.map(facts),
    recorded.map(({ id: _, ...crossing }) => facts(crossing)),
    "the same crossings, in the same order",
  );
  await checkEvents(world, plan, { counted, duplicates });
  assert.deepEqual([...plan.due].sort(compareCounterKeys), await dueCounters(store, world));
  await checkAnnouncements(world, plan, recorded);
  await milepost.close();
}

function allCrossings(milepost: Milepost): Promise<readonly Crossing[]> {
  return milepost.crossings.list({ limit: 10_000 });
}

/** What is the same in both: not what the commit and the announcement added. */
function facts(crossing: PlannedCrossing | Omit<Crossing, "id">): object {
  const { notifications: _, detail: __, reason, ...found } = crossing;
  const {
    createdAt: ___,
    attempts: ____,
    effects: _____,
    ...common
  } = {
    ...{ createdAt: null, attempts: 0, effects: [] },
    ...found,
  };
  return { ...common, reason: common.state === "pending" ? null : reason };
}

async function checkEvents(
  { milepost, stream, subjects }: PlanWorld,
  plan: Plan,
  real: { readonly counted: number; readonly duplicates: number },
): Promise<void> {
  assert.deepEqual(
    plan.events.map(({ id, subject }) => [id, subject]),
    stream.map(({ id, subject }) => [id, subject]),
  );
  assert.equal(plan.events.filter(({ counted }) => counted).length, real.counted);
  assert.equal(plan.events.filter(({ duplicate }) => duplicate).length, real.duplicates);
  for (const subject of subjects) {
    const own = plan.events.filter((event) => event.subject === subject);
    if (own.length === 0) continue;
    const counter = await milepost.counters.get({ metric, subject });
    assert.equal(own.at(-1)!.value, counter?.value ?? 0, "the last value is the counter's");
    const retained = await milepost.events.list({ metric, subject, limit: 10_000 });
    const counted = own.filter((event) => event.counted);
    if (retained.length === 0 || counted.length === 0) continue;
    assert.deepEqual(
      counted.map(({ id, value }) => [id, value]),
      retained.slice(-counted.length).map(({ id, value }) => [id, value]),
      "each value is the one that was retained",
    );
  }
}

/** Those of the stream's counters that wait, whatever the milestones are. */
async function dueCounters(store: Store, { stream, clock, periods }: PlanWorld): Promise<readonly CounterKey[]> {
  const keys = stream.flatMap(({ subject, occurredAt = clock.now() }) =>
    periods.map((period) => ({ tenant: "default", metric, subject, period: spanAt(period, occurredAt).key })),
  );
  const due = (await store.counters.read({ keys, trailLimit: 0 })).filter((counter) => counter.due);
  return due
    .map(({ tenant, metric, subject, period }) => ({ tenant, metric, subject, period }))
    .sort(compareCounterKeys);
}

async function checkAnnouncements(world: PlanWorld, plan: Plan, recorded: readonly Crossing[]): Promise<void> {
  const { milepost, notifier } = world;
  // what waits beside it is announced too, and told apart by its crossing
  notifier.clear();
  await milepost.runOnce();
  const after = new Map((await allCrossings(milepost)).map((crossing) => [crossing.id, crossing]));
  const sent = new Map(notifier.calls.map(({ message, context }) => [context.notification, message]));
  for (const [i, planned] of plan.crossings.entries()) {
    const crossing = after.get(recorded[i]!.id)!;
    const told = await milepost.notifications.list({ source: { kind: "crossing", id: crossing.id }, limit: 1_000 });
    const expected = told.map((notification) => {
      const message = sent.get(notification.id);
      const { recipient, recipientKey, notifier, channel, state, reason, detail } = notification;
      const { subject, text, html } = message ?? { subject: "?", text: "?", html: "?" };
      const waits = message === undefined ? "lane_paused" : "now";
      const when = state === "suppressed" ? "never" : waits;
      return { recipient, recipientKey, notifier, channel, subject, text, html, when, reason, detail };
    });
    const byKey = <T extends { readonly recipientKey: string }>(list: readonly T[]) =>
      [...list].sort((a, b) => (a.recipientKey < b.recipientKey ? -1 : 1));
    assert.deepEqual(byKey(planned.notifications.map(comparable)), byKey(expected));
    for (const { locale, recipient } of planned.notifications) assert.equal(locale, recipient.locale ?? null);
    if (planned.state !== "pending") continue;
    assert.equal(planned.detail, crossing.detail, "what failed is what fails");
    const failed = crossing.state === "pending";
    const reason = crossing.reason ?? (failed ? planned.reason : null);
    assert.equal(planned.reason, reason);
    assert.equal(failed, ["resolver_failed", "missing_tag"].includes(planned.reason ?? ""));
  }
}

/** A message that waits cannot be seen: the row has its data, not its text. */
function comparable({
  locale: _,
  notBefore,
  ...planned
}: PlannedNotification): Omit<PlannedNotification, "locale" | "notBefore"> {
  assert.equal(notBefore, null);
  if (planned.when === "now") return planned;
  return { ...planned, subject: "?", text: "?", html: "?" };
}
