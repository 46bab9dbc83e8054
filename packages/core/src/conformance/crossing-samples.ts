import assert from "node:assert/strict";
import type { MessageTemplate } from "../message/message.js";
import { birthReason, type Crossing, type NewCrossing } from "../milestone/crossing.js";
import type { CounterEvaluation, CrossingRepository } from "../store/crossing-repository.js";
import type { Store } from "../store/store.js";
import { birth, counterKey, event, quiet, record, restless } from "./counter-samples.js";
import { at, minute, start } from "./samples.js";

// Crossings and their evaluations with sensible defaults, and the steps that bring a crossing to where a case begins.

export const about = "crossings";
export const milestones: readonly string[] = ["emails-delivered"];

export const template: MessageTemplate = { subject: "Hello {{name}}", text: "You reached {{threshold}}" };

export function crossing(fields: Partial<NewCrossing> = {}): NewCrossing {
  return {
    ...counterKey(),
    id: "cro-1",
    milestone: "emails-delivered",
    threshold: "1000",
    limitVersion: 0,
    arming: 1,
    at: 1000,
    direction: "rising",
    code: null,
    severity: null,
    limitAmount: null,
    skipped: 0,
    previous: 999,
    value: 1000,
    eventId: "evt-1",
    reachedAt: at(-7),
    state: "pending",
    ...fields,
  };
}

/** The evaluation of a counter's first batch, without crossings, unless said. */
export function evaluation(fields: Partial<CounterEvaluation> = {}): CounterEvaluation {
  return {
    ...counterKey(),
    generation: 1,
    reached: 1,
    from: 0,
    upTo: 1,
    band: quiet,
    state: {},
    crossings: [],
    ...fields,
  };
}

/** Stores crossings as the evaluation of an event of their counters does. */
export async function crossed(store: Store, crossings: readonly NewCrossing[], now: Date = start): Promise<void> {
  for (const each of crossings) {
    const { tenant, metric, subject, period } = each;
    const feeds = [birth({ period, ...restless, due: true })];
    const { counters } = await record(store, [event({ tenant, metric, subject, feeds, id: each.id })], now);
    const upTo = counters[0]!.rev;
    const span = { from: upTo - 1, upTo, band: restless };
    const evaluations = [evaluation({ tenant, metric, subject, period, ...span, crossings: [each] })];
    assert.deepEqual(await store.crossings.commitEvaluation({ evaluations, now }), ["committed"]);
  }
}

/** A crossing as it is listed after its evaluation was committed. */
export function stored(given: NewCrossing, fields: Partial<Crossing> = {}): Crossing {
  const born = {
    reason: birthReason(given.state),
    detail: null,
    notifications: 0,
    attempts: 0,
    createdAt: start,
  };
  return { ...given, ...born, ...fields };
}

export async function listed(store: Store, tenant = "default"): Promise<readonly Crossing[]> {
  return store.crossings.list({ tenant, limit: 10_000 });
}

/** Counts one event of amount 1 on a counter that is due from its birth on. */
export async function due(store: Store, subject = "acme", id = "evt-1"): Promise<void> {
  await record(store, [event({ subject, id, feeds: [birth({ due: true })] })]);
}

type Announcement = Parameters<CrossingRepository["announce"]>[0];
/** The last announcement of the first claim of `cro-1`, to nobody, unless said. */
export function announcement(fields: Partial<Announcement> = {}): Announcement {
  return {
    tenant: "default",
    id: "cro-1",
    fence: 1,
    notifications: [],
    templates: { "tpl-1": template },
    last: true,
    lease: minute,
    now: start,
    ...fields,
  };
}

type Release = Parameters<CrossingRepository["release"]>[0];
export function giveBack(fields: Partial<Release> = {}): Release {
  return {
    tenant: "default",
    id: "cro-1",
    fence: 1,
    to: "pending",
    retryIn: 0,
    refund: false,
    reason: null,
    detail: null,
    now: start,
    ...fields,
  };
}

/** Claims what can be claimed now, for a minute; answers their ids. */
export async function claim(store: Store, now: Date = start, limit = 100): Promise<readonly string[]> {
  return (await store.crossings.claim({ milestones, limit, lease: minute, now })).map((each) => each.id);
}
