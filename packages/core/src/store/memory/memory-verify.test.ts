import { describe, expect, test } from "vitest";
import { damages } from "../../conformance/damages.js";
import { soundHistory } from "../../conformance/sound-history.js";
import type { Lane } from "../../delivery/lane.js";
import type { Attempt, Notification } from "../../delivery/notification.js";
import type { Act } from "../act-repository.js";
import type { Store } from "../store.js";
import { type Finding, findings, type InvariantId } from "../verify.js";
import { storeOver } from "./memory-store.js";
import { keyOf, Tables } from "./tables.js";

/** The memory store's rows are spoiled as `damages` spoils those of a database. */
const never = new Date(0);
const before = new Date(-1);
const later = new Date("2099-01-01T00:00:00.000Z");

function each<Row>(rows: Map<string, Row>, change: (row: Row) => Partial<Row> | null): void {
  for (const [key, row] of rows) {
    const changed = change(row);
    if (changed !== null) rows.set(key, { ...row, ...changed });
  }
}
const notifications = (change: (row: Notification) => Partial<Notification> | null) => (tables: Tables) =>
  each(tables.notifications, change);
const attempts = (change: (row: Attempt) => Partial<Attempt> | null) => (tables: Tables) =>
  each(tables.attempts, change);
const acted =
  (act: Partial<Act> & { readonly act: string }, on: (tables: Tables) => Pick<Act, "entity" | "entityId">) =>
  (tables: Tables) => {
    tables.acts.push({ tenant: "default", by: "x", why: "y", at: never, ...act, ...on(tables) });
  };
const only = (state: string) => (tables: Tables) => {
  const row = [...tables.notifications.values()].find((one) => one.state === state)!;
  return { entity: "notification", entityId: row.id };
};
const without = (act: string) => (tables: Tables) => {
  tables.acts.splice(0, tables.acts.length, ...tables.acts.filter((one) => one.act !== act));
};
const lane = (notifier: string, change: Partial<Lane>) => (tables: Tables) =>
  each(tables.lanes, (row) => (row.notifier === notifier ? change : null));
const refusedForGood = ({ outcome }: Attempt) => outcome === "refused_permanent";
const isDead = ({ state }: Notification) => state === "failed";

const spoils: readonly (readonly [InvariantId, Finding, (tables: Tables) => void])[] = [
  [
    ...(["I1", findings.keyTwice] as const),
    (tables) => each(tables.crossings, ({ milestone }) => (milestone === "first" ? { threshold: "1" } : null)),
  ],
  ["I1", findings.notReached, (tables) => each(tables.crossings, ({ value }) => ({ at: value + 1 }))],
  ["I1", findings.counterBelow, (tables) => each(tables.crossings, ({ value }) => ({ value: value + 1000 }))],
  [
    ...(["I2", findings.notificationCount] as const),
    ({ notifications: rows }) => {
      for (const [key, row] of rows) if (row.state === "pending" && row.attempts === 0) rows.delete(key);
    },
  ],
  ["I2", findings.announcedToNobody, (tables) => each(tables.crossings, () => ({ state: "unaddressed" as const }))],
  ["I2", findings.keyTwice, notifications(() => ({ recipientKey: "x" }))],
  ["I2", findings.redriveUnlinked, notifications(({ redrive }) => (redrive === 1 ? { redriveOf: null } : null))],
  [
    ...(["I3", findings.otherSum] as const),
    (tables) => {
      tables.retained = tables.retained.filter(({ place }) => place !== 3);
    },
  ],
  [
    ...(["I3", findings.trailBroken] as const),
    (tables) => each(tables.counters, ({ trail }) => ({ trail: trail.map((row) => ({ ...row, from: row.from + 1 })) })),
  ],
  ["I3", findings.dueWithoutTrail, (tables) => each(tables.counters, () => ({ trail: [] }))],
  [
    ...(["I4", findings.openAttempt] as const),
    attempts((row) => (refusedForGood(row) ? { endedAt: null, outcome: null } : null)),
  ],
  [
    ...(["I4", findings.sendingUnopened] as const),
    attempts((row) => (row.endedAt === null ? { endedAt: row.startedAt, outcome: "refused_transient" } : null)),
  ],
  ["I5", findings.numbering, attempts((row) => (refusedForGood(row) ? { number: 7 } : null))],
  [
    ...(["I5", findings.fenceNotRising] as const),
    (tables) =>
      each(tables.attempts, ({ number, tenant, notification }) =>
        number === 1 && tables.attempts.has(keyOf(tenant, notification, 2)) ? { fence: 99 } : null,
      ),
  ],
  [...(["I5", findings.fenceBelow] as const), notifications((row) => (isDead(row) ? { fence: 0 } : null))],
  [
    ...(["I5", findings.otherExcused] as const),
    notifications(({ state }) => (state === "sent" ? { excused: 1 } : null)),
  ],
  [
    ...(["I5", findings.otherExcused] as const),
    notifications(({ state }) => (state === "sent" ? { excused: -1 } : null)),
  ],
  [
    ...(["I5", findings.impossibleTimes] as const),
    attempts((row) => (refusedForGood(row) ? { endedAt: never } : null)),
  ],
  [
    ...(["I5", findings.impossibleTimes] as const),
    attempts((row) => (refusedForGood(row) ? { startedAt: never } : null)),
  ],
  ["I6", findings.shape, notifications(({ state }) => (state === "pending" ? { state: "strange" as never } : null))],
  ["I6", findings.shape, notifications((row) => (isDead(row) ? { settledAt: null } : null))],
  [
    ...(["I6", findings.strayReason] as const),
    notifications(({ state }) => (state === "pending" ? { reason: "cancelled" } : null)),
  ],
  [
    ...(["I6", findings.strayReason] as const),
    notifications(({ state }) => (state === "sending" ? { reason: "lease_over" } : null)),
  ],
  ["I6", findings.negativeClaims, notifications(({ state }) => (state === "pending" ? { claims: -1 } : null))],
  ["I6", findings.tooManyAttempts, notifications((row) => (row.attempts === 2 ? { maxAttempts: 1 } : null))],
  ["I7", findings.repeated, without("resend")],
  [
    ...(["I7", findings.keyExpired] as const),
    notifications(({ mode, firstMarkedAt }) => (mode === "idempotent" ? { keyUntil: firstMarkedAt } : null)),
  ],
  [
    ...(["I7", findings.waitsToRepeat] as const),
    notifications(({ state }) =>
      state === "ambiguous" ? { state: "pending", reason: null, leaseUntil: null, horizonAt: null } : null,
    ),
  ],
  [
    ...(["I7", findings.waitsToRepeat] as const),
    notifications(({ state, mode, attempts: made, wasAmbiguous }) =>
      state === "sent" && mode === "at-most-once" && made === 1 && !wasAmbiguous
        ? { state: "pending", receipt: null, settledAt: null }
        : null,
    ),
  ],
  [
    ...(["I7", findings.keyTooLong] as const),
    notifications(({ mode }) => (mode === "idempotent" ? { keyUntil: null } : null)),
  ],
  [
    ...(["I7", findings.keyTooLong] as const),
    notifications(({ mode }) => (mode === "idempotent" ? { keyUntil: later } : null)),
  ],
  [
    ...(["I8", findings.sentWithoutEvidence] as const),
    attempts(({ outcome, number, slot }) =>
      outcome === "accepted" && number === 1 && slot === null ? { outcome: "refused_permanent" } : null,
    ),
  ],
  ["I8", findings.sentWithoutEvidence, without("confirm")],
  ["I9", findings.mayHaveBeenSent, attempts((row) => (refusedForGood(row) ? { outcome: "ambiguous" } : null))],
  [
    ...(["I9", findings.ambiguityForgotten] as const),
    notifications(({ state }) => (state === "sent" ? { wasAmbiguous: false } : null)),
  ],
  ["I10", findings.heldAfterEnd, notifications((row) => (isDead(row) ? { leaseUntil: row.createdAt } : null))],
  ["I10", findings.heldAfterEnd, (tables) => each(tables.crossings, ({ createdAt }) => ({ leaseUntil: createdAt }))],
  ["I10", findings.attemptAfterEnd, attempts((row) => (refusedForGood(row) ? { endedAt: later } : null))],
  ["I10", findings.actAfterEnd, acted({ act: "confirm", at: later }, only("failed"))],
  [
    ...(["I11", findings.afterExpiry] as const),
    notifications(({ state, createdAt }) => (state === "sent" ? { expiresAt: createdAt } : null)),
  ],
  [
    ...(["I11", findings.afterHours] as const),
    notifications(({ state, createdAt }) => (state === "sent" ? { openUntil: createdAt } : null)),
  ],
  ["I11", findings.beforeTime, notifications(({ state }) => (state === "sending" ? { notBefore: later } : null))],
  ["I11", findings.afterCancel, acted({ act: "cancel" }, only("sent"))],
  ["I11", findings.whilePaused, acted({ act: "pause" }, () => ({ entity: "lane", entityId: "mail" }))],
  [
    ...(["I11", findings.afterSuppression] as const),
    ({ notifications: rows, suppressions }) => {
      for (const { tenant, recipientKey, state } of rows.values()) {
        const manual = {
          tenant,
          recipientKey,
          scope: "*",
          reason: "manual",
          detail: null,
          by: "x",
          at: never,
        } as const;
        if (state === "sent") suppressions.set(keyOf(tenant, recipientKey, "*"), manual);
      }
    },
  ],
  [
    ...(["I11", findings.waitsForbidden] as const),
    ({ notifications: rows, suppressions }) => {
      for (const [key, row] of rows) {
        if (row.state !== "pending" || row.attempts > 0) continue;
        rows.set(key, { ...row, createdAt: before });
        const { tenant, recipientKey, scope } = row;
        const manual = { tenant, recipientKey, scope, reason: "manual", detail: null, by: "x", at: never } as const;
        suppressions.set(keyOf(tenant, recipientKey, scope), manual);
      }
    },
  ],
  [
    ...(["I11", findings.waitsForbidden] as const),
    ({ notifications: rows, consents }) => {
      for (const [key, row] of rows) {
        if (row.state !== "pending" || row.attempts > 0) continue;
        const { tenant, recipientKey } = row;
        rows.set(key, { ...row, createdAt: before, needsConsent: true });
        const withdrawn = { tenant, recipientKey, scope: "*", granted: false, source: "x", by: "x", at: never };
        consents.set(keyOf(tenant, recipientKey, "*"), withdrawn);
      }
    },
  ],
  ["I12", findings.overQuota, lane("metered", { quota: { count: 1, per: "24h" } })],
  ["I12", findings.overQuota, lane("daily", { quota: { count: 1, per: "day:UTC" } })],
  ["I12", findings.quotaUncounted, lane("metered", { usage: { rate: {}, quota: {} } })],
  ["I12", findings.quotaSurplus, attempts(() => ({ slot: null }))],
  ["I13", findings.overdue, notifications(({ state }) => (state === "sending" ? { leaseUntil: never } : null))],
  ["I13", findings.overdue, notifications(({ state }) => (state === "ambiguous" ? { horizonAt: never } : null))],
  [
    ...(["I13", findings.overdue] as const),
    notifications(({ state, attempts: made }) => (state === "pending" && made === 0 ? { expiresAt: never } : null)),
  ],
  [
    ...(["I13", findings.overdue] as const),
    notifications(({ state, attempts: made }) =>
      state === "pending" && made === 0 ? { openUntil: never, notBefore: never } : null,
    ),
  ],
  [
    "I13",
    findings.overdue,
    (tables) => each(tables.crossings, () => ({ state: "leased" as const, leaseUntil: never })),
  ],
  [
    ...(["I14", findings.eventTwice] as const),
    (tables) => {
      const spoiled = { source: "x", id: "x" };
      tables.deliveryEvents = tables.deliveryEvents.map((event) =>
        event.type === "opened" ? { ...event, ...spoiled } : event,
      );
    },
  ],
  [
    ...(["I14", findings.uncountedEvents] as const),
    (tables) => each(tables.deliveryFacts, ({ events }) => ({ events: events - 1 })),
  ],
  ["I14", findings.otherFacts, (tables) => each(tables.deliveryFacts, ({ opens }) => ({ opens: opens + 1 }))],
  ["I14", findings.otherFacts, (tables) => each(tables.deliveryFacts, () => ({ complainedAt: null }))],
  ["I14", findings.otherFacts, (tables) => each(tables.deliveryFacts, () => ({ bounceReason: "other" }))],
  [
    ...(["I15", findings.orphan] as const),
    ({ templates }) => {
      templates.clear();
    },
  ],
  [
    ...(["I15", findings.orphan] as const),
    ({ lanes }) => {
      lanes.delete(keyOf("default", "mail"));
    },
  ],
  ["I16", findings.unfrozen, notifications(({ state }) => (state === "sent" ? { payloadHash: null } : null))],
  ["I16", findings.messageIdTwice, notifications((row) => (row.attempts > 0 ? { messageId: "<x>" } : null))],
  ["I16", findings.idempotencyKeyTwice, notifications((row) => (row.attempts > 0 ? { idempotencyKey: "x" } : null))],
];

async function withHistory(): Promise<{ tables: Tables; store: Store; now: Date }> {
  const tables = new Tables(() => new Date());
  const store = storeOver(tables);
  return { tables, store, now: await soundHistory(store) };
}

test("a history that nobody damaged is sound", async () => {
  const { store, now } = await withHistory();
  const { sound, checks } = await store.verify({ now });
  expect(checks.filter(({ violations }) => violations.length > 0)).toEqual([]);
  expect(sound).toBe(true);
});

test("every damage that a database can have is one here", () => {
  expect(spoils.map(([id, found]) => [id, found])).toEqual(damages.map(({ invariant, found }) => [invariant, found]));
});

test("it is not sound to one who wants no examples", async () => {
  const { tables, store } = await withHistory();
  tables.templates.clear();
  for (const limit of [0, -1]) {
    const { sound, checks } = await store.verify({ only: ["I15"], limit });
    expect([sound, checks[0]!.violations, checks[0]!.more]).toEqual([false, [], true]);
  }
  expect((await store.verify({ only: [] })).sound).toBe(false);
});

describe.each(spoils)("%s, %s", (id, found, spoil) => {
  test("is reported, by this invariant alone", async () => {
    const { tables, store, now } = await withHistory();
    spoil(tables);
    const { sound, checks } = await store.verify({ now });
    const violated = checks.filter(({ violations }) => violations.length > 0);
    expect(violated.map((check) => check.id)).toEqual([id]);
    expect(violated[0]!.violations.map((violation) => violation.found)).toContain(found);
    expect(sound).toBe(false);
  });
});
