import { gateOf, gatePatch } from "../../campaign/campaign.js";
import { wasEmailed } from "../../contact/contact.js";
import { openLane } from "../../delivery/lane.js";
import { decideMove, isOpen, isShut, markMove, reopenMove, settledLane, settleMove } from "../../delivery/moves.js";
import type { ClaimedNotification, Notification, NotificationKey } from "../../delivery/notification.js";
import { familyOf } from "../../provider/provider.js";
import { compareKeys } from "../../text-key.js";
import type { NotificationRepository } from "../notification-repository.js";
import { notificationNotFound, redrivenTwice } from "../refusals.js";
import { changeContacts } from "./memory-contacts.js";
import { reasonCounts } from "./reason-counts.js";
import { refusalIn } from "./refusal.js";
import { keyOf, later, type Tables } from "./tables.js";

export function memoryNotifications(tables: Tables): NotificationRepository {
  const find = (row: { tenant: string; id: string }) => tables.notifications.get(keyOf(row.tenant, row.id));
  const attemptKey = (row: { tenant: string; id: string }, attempt: number) => keyOf(row.tenant, row.id, attempt);
  const store = (row: Notification): Notification => {
    tables.notifications.set(keyOf(row.tenant, row.id), row);
    return row;
  };
  const laneOf = ({ tenant, notifier }: Notification) =>
    tables.lanes.get(keyOf(tenant, notifier)) ?? openLane(tenant, notifier);
  const campaignOf = ({ tenant, source }: Notification) =>
    source.kind === "campaign" ? tables.campaigns.get(keyOf(tenant, source.id)) : undefined;
  const sources = { crossing: tables.crossings, notice: tables.notices, campaign: undefined };
  /** Whether a crossing or notice of the milestone made the row; yes where none is named. */
  const madeBy =
    (milestone: string | undefined) =>
    ({ tenant, source }: Notification) =>
      milestone === undefined || sources[source.kind]?.get(keyOf(tenant, source.id))?.milestone === milestone;

  return {
    async claim({ notifiers, families = [], limit, served, lease, now = tables.clock() }) {
      const ready = (row: Notification) => {
        const campaign = campaignOf(row);
        return (
          row.state === "pending" &&
          (notifiers.includes(row.notifier) || families.includes(familyOf(row.notifier) ?? "")) &&
          isOpen(row, now) &&
          (row.expiresAt === null || row.expiresAt > now) &&
          !isShut(laneOf(row), now) &&
          !(campaign !== undefined && isShut(gateOf(campaign), now))
        );
      };
      const oldestFirst = (a: Notification, b: Notification) =>
        a.notBefore.getTime() - b.notBefore.getTime() || compareKeys(a.id, b.id);
      const turns = new Map(served.map((lane) => [keyOf(lane.tenant, lane.notifier), lane.count]));
      return [...tables.notifications.values()]
        .filter(ready)
        .sort(oldestFirst)
        .map((row) => {
          const lane = keyOf(row.tenant, row.notifier);
          const turn = (turns.get(lane) ?? 0) + 1;
          turns.set(lane, turn);
          return { row, turn };
        })
        .sort((a, b) => a.turn - b.turn || oldestFirst(a.row, b.row))
        .slice(0, limit)
        .map(({ row }): ClaimedNotification => {
          const content = tables.templates.get(keyOf(row.tenant, row.template))!;
          const leaseUntil = later(now, lease);
          return {
            ...store({ ...row, state: "leased", fence: row.fence + 1, claims: row.claims + 1, leaseUntil }),
            content,
          };
        });
    },

    async mark({ marks, lease, now = tables.clock() }) {
      return marks.map((mark) => {
        const row = find(mark);
        if (row === undefined) return { result: "lost" };
        const attempt = tables.attempts.get(attemptKey(row, row.attempts));
        const refusal = refusalIn(tables, row);
        const campaign = campaignOf(row);
        const gates = { lane: laneOf(row), campaign: campaign === undefined ? null : gateOf(campaign) };
        const { result, patch, ...after } = markMove({ row, attempt, ...gates, refusal, mark, lease, now });
        if (patch === null) return result;
        store({ ...row, ...patch });
        tables.lanes.set(keyOf(row.tenant, row.notifier), after.lane);
        if (campaign !== undefined) {
          tables.campaigns.set(keyOf(row.tenant, campaign.id), { ...campaign, ...gatePatch(after.campaign!) });
        }
        if (result.result === "marked") {
          tables.attempts.set(attemptKey(row, result.attempt), {
            tenant: row.tenant,
            notification: row.id,
            number: result.attempt,
            fence: mark.fence,
            startedAt: now,
            endedAt: null,
            outcome: null,
            detail: null,
            slot: result.slot,
          });
        }
        return result;
      });
    },

    async settle({ settlements, now = tables.clock() }) {
      return settlements.map((settlement) => {
        const row = find(settlement);
        const attempt = tables.attempts.get(attemptKey(settlement, settlement.attempt));
        const move = settleMove(row, attempt, settlement, now);
        if (row !== undefined && move.patch !== null) store({ ...row, ...move.patch });
        if (row !== undefined && move.result === "settled") {
          tables.lanes.set(keyOf(row.tenant, row.notifier), settledLane(laneOf(row), settlement, now));
        }
        if (row !== undefined && wasEmailed(row, move.patch))
          changeContacts(tables, row, () => ({ lastEmailedAt: now }));
        if (attempt !== undefined && move.attempt !== null) {
          tables.attempts.set(attemptKey(settlement, settlement.attempt), { ...attempt, ...move.attempt });
        }
        return move.result;
      });
    },

    async release({ releases, now = tables.clock() }) {
      return releases.map(({ to, retryIn, refund, reason, ...fenced }) => {
        const row = find(fenced);
        if (row?.state !== "leased" || row.fence !== fenced.fence) return false;
        const claims = refund ? row.claims - 1 : row.claims;
        const failed = to === "failed";
        const state = failed && row.wasAmbiguous ? "unknown" : to;
        store({
          ...row,
          state,
          claims,
          leaseUntil: null,
          reason,
          ...(failed ? { settledAt: now } : { notBefore: later(now, retryIn) }),
        });
        return true;
      });
    },

    async overdue({ limit, now = tables.clock() }) {
      const rows = [...tables.notifications.values()]
        .filter((row) => row.state === "leased" || row.state === "sending")
        .filter((row) => row.leaseUntil !== null && row.leaseUntil <= now)
        .sort((a, b) => a.leaseUntil!.getTime() - b.leaseUntil!.getTime())
        .slice(0, limit);
      return { now, rows };
    },

    async expire({ limit, now = tables.clock() }) {
      const past = (at: Date | null) => at !== null && at <= now;
      const ended = [...tables.notifications.values()]
        .filter((row) =>
          row.state === "pending"
            ? past(row.expiresAt)
            : row.state === "ambiguous" && (past(row.horizonAt) || past(row.expiresAt)),
        )
        .slice(0, limit);
      for (const row of ended) {
        const state = row.wasAmbiguous ? "unknown" : "expired";
        const reason = row.state === "pending" ? "expired" : "no_answer";
        store({ ...row, state, reason, leaseUntil: null, horizonAt: null, settledAt: now });
      }
      const expired = ended.filter((row) => !row.wasAmbiguous).length;
      return { expired, unknown: ended.length - expired };
    },

    async closed({ limit, now = tables.clock() }) {
      const rows = [...tables.notifications.values()]
        .filter(({ state, openUntil }) => state === "pending" && openUntil !== null && openUntil <= now)
        .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
        .sort((a, b) => a.openUntil!.getTime() - b.openUntil!.getTime() || compareKeys(a.id, b.id))
        .slice(0, limit);
      return { now, rows };
    },

    async reopen({ openings }) {
      return openings.map((opened) => {
        const row = find(opened);
        if (row?.state !== "pending" || row.openUntil?.getTime() !== opened.closed.getTime()) return false;
        store({ ...row, ...reopenMove(row, opened) });
        return true;
      });
    },

    async decide({ tenant, id, by, now = tables.clock(), ...input }) {
      const row = find({ tenant, id });
      if (row === undefined) throw notificationNotFound(id);
      const decision = decideMove(row, input, now);
      const redrive = "redrive" in decision ? decision.redrive : undefined;
      if (redrive !== undefined) {
        if (tables.notificationKeys.has(notificationKeyText(redrive))) throw redrivenTwice(row);
        tables.notificationKeys.add(notificationKeyText(redrive));
      }
      tables.acts.push({ tenant, entity: "notification", entityId: id, act: input.act, by, why: input.why, at: now });
      const decided = store("patch" in decision ? { ...row, ...decision.patch } : decision.redrive);
      if (decided.state === "pending") tables.wakeUps.wake();
      return decided;
    },

    async list({ tenant, source, states, recipientKey, ids, milestone, notifier, after, limit }) {
      return [...tables.notifications.values()]
        .filter((row) => row.tenant === tenant)
        .filter((row) => source === undefined || (row.source.kind === source.kind && row.source.id === source.id))
        .filter((row) => states === undefined || states.includes(row.state))
        .filter((row) => recipientKey === undefined || row.recipientKey === recipientKey)
        .filter((row) => ids === undefined || ids.includes(row.id))
        .filter((row) => (notifier ?? row.notifier) === row.notifier)
        .filter(madeBy(milestone))
        .filter((row) => after === undefined || compareKeys(row.id, after) > 0)
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit);
    },

    async deadLetters({ tenant, state, reason, milestone, notifier, since, until, after, limit }) {
      const redriven = (row: Notification) =>
        tables.notificationKeys.has(notificationKeyText({ ...row, redrive: row.redrive + 1 }));
      return [...tables.notifications.values()]
        .filter((row) => row.tenant === tenant && (row.state === "failed" || row.state === "unknown"))
        .filter((row) => (state ?? row.state) === row.state && (reason ?? row.reason) === row.reason)
        .filter((row) => (notifier ?? row.notifier) === row.notifier)
        .filter(madeBy(milestone))
        .filter(({ settledAt: at }) => at !== null && (since ?? at) <= at && (until === undefined || at < until))
        .filter((row) => (after === undefined || compareKeys(row.id, after) > 0) && !redriven(row))
        .sort((a, b) => compareKeys(a.id, b.id))
        .slice(0, limit);
    },

    async attempts({ tenant, notification }) {
      return [...tables.attempts.values()]
        .filter((attempt) => attempt.tenant === tenant && attempt.notification === notification)
        .sort((a, b) => a.number - b.number);
    },

    async count({ tenant }) {
      const counts = new Map<string, Awaited<ReturnType<NotificationRepository["count"]>>[number]>();
      for (const { tenant: owner, state, reason } of tables.notifications.values()) {
        if (owner !== tenant) continue;
        const key = keyOf(state, reason ?? "");
        counts.set(key, { state, reason, count: (counts.get(key)?.count ?? 0) + 1 });
      }
      return [...counts.entries()].sort(([a], [b]) => compareKeys(a, b)).map(([, count]) => count);
    },

    async reasons({ tenant, milestone, since, until }) {
      const rows = [...tables.notifications.values()]
        .filter((row) => row.tenant === tenant)
        .filter(madeBy(milestone))
        .filter(({ createdAt }) => (since ?? createdAt) <= createdAt && (until === undefined || createdAt < until));
      return reasonCounts(rows);
    },
  };
}

export function notificationKeyText(key: NotificationKey): string {
  const { tenant, source, channel, recipientKey, itemKey, redrive } = key;
  return keyOf(tenant, source.kind, source.id, channel, recipientKey, itemKey, redrive);
}
