import {
  type ClaimedNotification,
  compareKeys,
  decideMove,
  familyOf,
  isShut,
  type MessageTemplate,
  markMove,
  type Notification,
  type NotificationRepository,
  notificationNotFound,
  type ReasonCount,
  redrivenTwice,
  reopenMove,
  type Served,
  settledLane,
  settleMove,
  wasEmailed,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import { findGate, storeGate } from "./campaign-gate.js";
import { allOf, later } from "./conditions.js";
import { emailed } from "./contact-row.js";
import type { Driver, Step } from "./driver.js";
import { findLane, storeLane } from "./lane-repository.js";
import { listSteps, madeBy } from "./notification-list.js";
import {
  attemptsOf,
  campaignOf,
  findAttempt,
  findNotification,
  insertAttempt,
  insertNotification,
  notificationOf,
  patchAttempt,
  patchNotification,
} from "./notification-row.js";
import { findRefusal } from "./suppression-steps.js";

type Counts = Awaited<ReturnType<NotificationRepository["count"]>>;

export function notificationRepository(driver: Driver): NotificationRepository {
  return {
    claim({ notifiers, families = [], limit, served, lease, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const content = once((tenant, hash) => templateOf(step, tenant, hash));
        return readyHeads(step, { notifiers, families, limit, served, now: at })
          .sort((a, b) => a.turn - b.turn || oldestFirst(a, b))
          .slice(0, limit)
          .map(({ tenant, id }): ClaimedNotification => {
            const row = step.one(
              "UPDATE {notifications} SET state = 'leased', fence = fence + 1, claims = claims + 1, lease_until = ? " +
                "WHERE tenant = ? AND id = ? RETURNING *",
              ...[later(at, lease).toISOString(), tenant, id],
            );
            const notification = notificationOf(row);
            return { ...notification, content: content(tenant, notification.template) };
          });
      });
    },

    mark({ marks, lease, now }) {
      // No lock on the gates, as Postgres needs one: BEGIN IMMEDIATE keeps every pause out until the commit.
      return driver.write((step) => {
        const at = step.now(now);
        return marks.map((mark) => {
          const row = findNotification(step, mark);
          if (row === undefined) return { result: "lost" };
          const attempt = findAttempt(step, row, row.attempts);
          const gates = {
            lane: findLane(step, row.tenant, row.notifier),
            campaign: findGate(step, row.tenant, campaignOf(row)),
          };
          const refusal = findRefusal(step, row);
          const { result, patch, ...after } = markMove({ row, attempt, ...gates, refusal, mark, lease, now: at });
          if (patch !== null) patchNotification(step, mark, patch);
          if (after.lane !== gates.lane) storeLane(step, after.lane);
          if (after.campaign !== gates.campaign) storeGate(step, row.tenant, campaignOf(row), after.campaign!);
          if (patch !== null && result.result === "marked") {
            insertAttempt(step, {
              tenant: mark.tenant,
              notification: mark.id,
              number: result.attempt,
              fence: mark.fence,
              startedAt: at,
              endedAt: null,
              outcome: null,
              detail: null,
              slot: result.slot,
            });
          }
          return result;
        });
      });
    },

    settle({ settlements, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        return settlements.map((settlement) => {
          const row = findNotification(step, settlement);
          const stored = findAttempt(step, settlement, settlement.attempt);
          const { result, patch, attempt } = settleMove(row, stored, settlement, at);
          if (patch !== null) patchNotification(step, settlement, patch);
          if (row !== undefined && wasEmailed(row, patch)) emailed(step, row, at);
          if (attempt !== null) patchAttempt(step, settlement, settlement.attempt, attempt);
          if (result === "settled" && (settlement.slot !== null || settlement.parkIn !== null)) {
            const before = findLane(step, settlement.tenant, settlement.notifier);
            const lane = settledLane(before, settlement, at);
            if (lane !== before) storeLane(step, lane);
          }
          return result;
        });
      });
    },

    release({ releases, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        return releases.map(({ to, retryIn, refund, reason, ...fenced }) => {
          const row = findNotification(step, fenced);
          if (row?.state !== "leased" || row.fence !== fenced.fence) return false;
          const claims = refund ? row.claims - 1 : row.claims;
          const end =
            to === "pending"
              ? ({ state: to, notBefore: later(at, retryIn) } as const)
              : ({ state: row.wasAmbiguous ? "unknown" : to, settledAt: at } as const);
          patchNotification(step, fenced, { ...end, reason, leaseUntil: null, claims });
          return true;
        });
      });
    },

    overdue({ limit, now }) {
      return driver.snapshot((step) => {
        const at = step.now(now);
        const rows = step.all(
          "SELECT * FROM {notifications} WHERE state IN ('leased', 'sending') AND lease_until <= ? " +
            "ORDER BY lease_until, id LIMIT ?",
          ...[at.toISOString(), limit],
        );
        return { now: at, rows: rows.map(notificationOf) };
      });
    },

    expire({ limit, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const iso = at.toISOString();
        const late =
          "SELECT tenant, id, was_ambiguous FROM {notifications} WHERE state = 'pending' AND expires_at <= ? LIMIT ?";
        const silent =
          "SELECT tenant, id, was_ambiguous FROM {notifications} " +
          "WHERE state = 'ambiguous' AND (horizon_at <= ? OR expires_at <= ?) LIMIT ?";
        const ends = step.all(late, iso, limit).map((row) => ({ row, reason: "expired" as "expired" | "no_answer" }));
        for (const row of step.all(silent, iso, iso, limit - ends.length)) ends.push({ row, reason: "no_answer" });
        let expired = 0;
        for (const { row, reason } of ends) {
          const state = row.was_ambiguous === 1 ? "unknown" : "expired";
          if (state === "expired") expired++;
          const ended = { state, reason, leaseUntil: null, horizonAt: null, settledAt: at } as const;
          patchNotification(step, { tenant: row.tenant as string, id: row.id as string }, ended);
        }
        return { expired, unknown: ends.length - expired };
      });
    },

    closed({ limit, now }) {
      return driver.snapshot((step) => {
        const at = step.now(now);
        const rows = step.all(
          "SELECT * FROM {notifications} WHERE state = 'pending' AND open_until <= ? " +
            "AND (expires_at IS NULL OR expires_at > ?) ORDER BY open_until, id LIMIT ?",
          ...[at.toISOString(), at.toISOString(), limit],
        );
        return { now: at, rows: rows.map(notificationOf) };
      });
    },

    reopen({ openings }) {
      return driver.write((step) =>
        openings.map((opened) => {
          const row = findNotification(step, opened);
          if (row?.state !== "pending" || row.openUntil?.getTime() !== opened.closed.getTime()) return false;
          patchNotification(step, opened, reopenMove(row, opened));
          return true;
        }),
      );
    },

    decide({ tenant, id, by, now, ...input }) {
      return driver.write((step) => {
        const row = findNotification(step, { tenant, id });
        if (row === undefined) throw notificationNotFound(id);
        const at = step.now(now);
        const decision = decideMove(row, input, at);
        insertAct(step, {
          tenant,
          entity: "notification",
          entityId: id,
          act: input.act,
          by,
          why: input.why,
          at,
        });
        if ("patch" in decision) {
          patchNotification(step, row, decision.patch);
          return { ...row, ...decision.patch };
        }
        if (!insertNotification(step, decision.redrive)) throw redrivenTwice(row);
        return decision.redrive;
      });
    },

    ...listSteps(driver),

    attempts({ tenant, notification }) {
      return driver.read((step) => attemptsOf(step, { tenant, id: notification }));
    },

    count({ tenant }) {
      const sql =
        "SELECT state, reason, count(*) AS count FROM {notifications} WHERE tenant = ? GROUP BY state, reason " +
        "ORDER BY state, reason NULLS FIRST";
      return driver.read((step) => step.all(sql, tenant) as unknown as Counts);
    },

    reasons({ tenant, milestone, since, until }) {
      const { where, values } = allOf([
        ["n.tenant = ?", tenant],
        ["n.created_at >= ?", since?.toISOString()],
        ["n.created_at < ?", until?.toISOString()],
        [madeBy, milestone],
      ]);
      const sql = `SELECT n.reason, count(*) AS count FROM {notifications} n WHERE ${where} AND n.reason IS NOT NULL
        GROUP BY n.reason ORDER BY n.reason`;
      return driver.read((step) => step.all(sql, ...values) as unknown as ReasonCount[]);
    },
  };
}

/**
 * The first `limit` rows of each usable line, the rows of one lane and one campaign or of none, each with its turn in its
 * lane. Walks the lines that have pending rows, not the lanes: with 100,000 tenants most have none.
 */
function readyHeads(
  step: Step,
  {
    notifiers,
    families,
    limit,
    served,
    now,
  }: {
    notifiers: readonly string[];
    families: readonly string[];
    limit: number;
    served: readonly Served[];
    now: Date;
  },
): (Head & { turn: number })[] {
  const byLane = new Map<string, Head[]>();
  const iso = now.toISOString();
  let last = { tenant: "", notifier: "", campaign: "" };
  for (;;) {
    const next = step.get(
      "SELECT tenant, notifier, campaign FROM {notifications} WHERE state = 'pending' " +
        "AND (tenant, notifier, campaign) > (?, ?, ?) ORDER BY tenant, notifier, campaign LIMIT 1",
      ...[last.tenant, last.notifier, last.campaign],
    );
    if (next === undefined) break;
    last = next as typeof last;
    const { tenant, notifier, campaign } = last;
    const ours = notifiers.includes(notifier) || families.includes(familyOf(notifier) ?? "");
    if (!ours || isShut(findLane(step, tenant, notifier), now)) continue;
    const gate = findGate(step, tenant, campaign);
    if (gate !== null && isShut(gate, now)) continue;
    const rows = step.all(
      `SELECT tenant, id, not_before AS notBefore FROM {notifications}
        WHERE state = 'pending' AND tenant = ? AND notifier = ? AND campaign = ? AND not_before <= ?
          AND (expires_at IS NULL OR expires_at > ?) AND (open_until IS NULL OR open_until > ?)
        ORDER BY not_before, id LIMIT ?`,
      ...[tenant, notifier, campaign, iso, iso, iso, limit],
    ) as unknown as Head[];
    const lane = `${tenant}\0${notifier}`;
    byLane.set(lane, [...(byLane.get(lane) ?? []), ...rows]);
  }
  const turns = new Map(served.map(({ tenant, notifier, count }) => [`${tenant}\0${notifier}`, count]));
  return [...byLane].flatMap(([lane, rows]) =>
    rows.sort(oldestFirst).map((row, i) => ({ ...row, turn: (turns.get(lane) ?? 0) + i })),
  );
}

type Head = { tenant: string; id: string; notBefore: string };

function oldestFirst(a: Head, b: Head): number {
  return a.notBefore.localeCompare(b.notBefore) || compareKeys(a.id, b.id);
}

function templateOf(step: Step, tenant: string, hash: Notification["template"]): MessageTemplate {
  const row = step.one("SELECT content FROM {templates} WHERE tenant = ? AND hash = ?", tenant, hash);
  return JSON.parse(row.content as string) as MessageTemplate;
}

/** Looks a pair of keys up once within a step. */
function once<T>(find: (tenant: string, name: string) => T): (tenant: string, name: string) => T {
  const found = new Map<string, { readonly value: T }>();
  return (tenant, name) => {
    const key = `${tenant}\0${name}`;
    const known = found.get(key) ?? { value: find(tenant, name) };
    found.set(key, known);
    return known.value;
  };
}
