import {
  bothOpenIn,
  type Gate,
  isMetered,
  type Mark,
  type MarkResult,
  MilepostError,
  type NotificationRepository,
  opensIn,
  parkedWithoutRoom,
  roomIn,
  withReservation,
} from "@milepost/core/store";
import { rowKey, runBatch, runBatchIn } from "./batch.js";
import type { Database } from "./driver.js";
import { type CampaignGateKey, campaignLock, laneLock } from "./gate-lock.js";
import { isShutCampaign } from "./notification-claim.js";
import { lacksConsent, refusalReason, refusals, suppressedFor } from "./refusal.js";
import { time } from "./values.js";

// Core's markMove as one statement. The locks are taken in the order lanes, campaigns, notifications, each sorted, and all
// that is decided by comes from the locked rows, which are read again as they are when their lock is granted. So does the
// clock: a mark that waited for a pause must not go by the time from before. Suppressions and consents are read by the
// snapshot, which is enough: see address-lock.ts, and a row that a suppression has locked is waited for.
//
// A gate with a rate or a quota needs what core's gate.ts decides: its marks come out as `metered`, and are made in a
// transaction that has locked the gates and says which of them get room, and in which slot.
const text = `
WITH mark AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1) AS m (n integer, tenant text, id text, fence bigint, "messageId" text,
    "idempotencyKey" text, "payloadHash" text, payload jsonb, room boolean, slot text)
), used AS (
  SELECT DISTINCT r.tenant, r.notifier, r.campaign FROM mark m JOIN {notifications} r ON r.tenant = m.tenant AND r.id = m.id
), lane AS MATERIALIZED (
  -- Reading the pause in the snapshot is not enough: such a mark goes through after the pause's commit.
  SELECT l.tenant, l.notifier, l.paused, l.not_before, l.rate IS NOT NULL OR l.quota IS NOT NULL AS metered FROM {lanes} l
  WHERE EXISTS (SELECT FROM used u WHERE u.tenant = l.tenant AND u.notifier = l.notifier)
  ORDER BY l.tenant, l.notifier
  FOR SHARE OF l
), campaign AS MATERIALIZED (
  SELECT c.tenant, c.id, ${isShutCampaign} AS shut, c.not_before, c.rate IS NOT NULL AS metered FROM {campaigns} c
  WHERE (c.tenant, c.id) IN (SELECT u.tenant, u.campaign FROM used u WHERE u.campaign <> '')
    AND (SELECT count(*) FROM lane) >= 0 -- always true; lanes come first
  ORDER BY c.tenant, c.id
  FOR SHARE OF c
), locked AS MATERIALIZED (
  SELECT r.* FROM mark m JOIN {notifications} r ON r.tenant = m.tenant AND r.id = m.id
  WHERE (SELECT count(*) FROM lane) + (SELECT count(*) FROM campaign) >= 0 -- always true; the gates come first
  ORDER BY r.tenant, r.id
  FOR UPDATE OF r
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($3::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM locked) after_the_locks
), judged AS MATERIALIZED (
  SELECT r.*, ${suppressedFor} AS suppressed, ${lacksConsent} AS unconsented FROM locked r
), decided AS MATERIALIZED (
  SELECT m.*, r.attempts, r.was_ambiguous, r.notifier, r.campaign, r.suppressed, step.now,
    CASE WHEN NOT l.paused AND c.shut IS NOT TRUE THEN greatest(l.not_before, c.not_before) END AS opens_at,
    coalesce(r.key_until, step.now + r.key_lifetime::float8 * interval '1 millisecond') AS key_until,
    CASE
      WHEN r.fence <> m.fence THEN 'lost'
      WHEN r.state = 'sending' THEN 'again'
      WHEN r.state <> 'leased' THEN 'lost'
      WHEN r.expires_at <= step.now THEN 'expired'
      WHEN r.suppressed IS NOT NULL OR r.unconsented THEN ${refusalReason("r.suppressed", "r.unconsented")}
      WHEN r.was_ambiguous AND r.key_until <= step.now THEN 'key_expired'
      WHEN r.payload_hash <> m."payloadHash" THEN 'payload_changed'
      WHEN r.not_before > step.now OR r.open_until <= step.now THEN 'deferred'
      WHEN l.paused OR l.not_before > step.now OR c.shut OR c.not_before > step.now THEN 'deferred'
      WHEN (l.metered OR c.metered) AND m.room IS NULL THEN 'metered'
      WHEN (l.metered OR c.metered) AND NOT m.room THEN 'full'
      ELSE 'marked'
    END AS move,
    r.key_until AS key_until_before
  FROM mark m CROSS JOIN step
  JOIN judged r ON r.tenant = m.tenant AND r.id = m.id
  LEFT JOIN lane l ON l.tenant = r.tenant AND l.notifier = r.notifier
  LEFT JOIN campaign c ON c.tenant = r.tenant AND c.id = r.campaign
), marked AS (
  UPDATE {notifications} r SET state = 'sending', attempts = r.attempts + 1, claims = 0,
    lease_until = d.now + $2::float8 * interval '1 millisecond', first_marked_at = coalesce(r.first_marked_at, d.now),
    key_until = d.key_until, message_id = coalesce(r.message_id, d."messageId"),
    idempotency_key = coalesce(r.idempotency_key, d."idempotencyKey"),
    payload_hash = coalesce(r.payload_hash, d."payloadHash"),
    payload = coalesce(r.payload, nullif(d.payload, 'null'))
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.move = 'marked'
), attempted AS (
  INSERT INTO {attempts} (tenant, notification, number, fence, started_at, slot)
  SELECT d.tenant, d.id, d.attempts + 1, d.fence, d.now, d.slot FROM decided d WHERE d.move = 'marked'
), deferred AS (
  UPDATE {notifications} r SET state = 'pending', lease_until = NULL, claims = r.claims - 1
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id AND d.move IN ('deferred', 'full')
), refused AS (
  UPDATE {notifications} r SET reason = d.move, lease_until = NULL, settled_at = d.now,
    detail = CASE WHEN d.move IN (${refusals}) THEN d.suppressed ELSE r.detail END,
    state = CASE
      WHEN d.was_ambiguous THEN 'unknown' WHEN d.move = 'expired' THEN 'expired'
      WHEN d.move IN (${refusals}) THEN 'suppressed' ELSE 'failed' END
  FROM decided d WHERE r.tenant = d.tenant AND r.id = d.id
    AND d.move IN ('expired', 'key_expired', 'payload_changed', ${refusals})
)
SELECT d.n, d.move, d.now, d.attempts, d.was_ambiguous, d.notifier, d.campaign, d.opens_at,
  CASE d.move WHEN 'again' THEN d.key_until_before ELSE d.key_until END AS key_until,
  CASE d.move WHEN 'again' THEN a.slot ELSE d.slot END AS slot
FROM decided d LEFT JOIN {attempts} a
  ON d.move = 'again' AND a.tenant = d.tenant AND a.notification = d.id AND a.number = d.attempts`;

interface Row {
  readonly n: number;
  readonly move:
    | "lost"
    | "again"
    | "expired"
    | "suppressed"
    | "unsubscribed"
    | "no_consent"
    | "key_expired"
    | "payload_changed"
    | "deferred"
    | "full"
    | "metered"
    | "marked";
  readonly now: Date;
  /** Before the mark. */
  readonly attempts: number;
  readonly was_ambiguous: boolean;
  readonly notifier: string;
  readonly campaign: string;
  readonly opens_at: Date | null;
  readonly key_until: Date | null;
  readonly slot: string | null;
}

type Metered = Mark & CampaignGateKey & { readonly n: number; readonly notifier: string };

export function markStep(database: Database): NotificationRepository["mark"] {
  const statement = database.statement("notifications_mark", text);
  const lockLanes = laneLock(database);
  const lockCampaigns = campaignLock(database);

  /** Marks of gates with a rate or a quota: room goes to them in their order. */
  function markMetered(
    marks: readonly Metered[],
    lease: number,
    given: Date | undefined,
  ): Promise<readonly (readonly [n: number, result: MarkResult])[]> {
    return database.transaction(async (run) => {
      const lanes = await lockLanes(run, marks, given);
      const campaigns = await lockCampaigns(run, marks, given);
      const { now } = campaigns;
      const left = new Map<Gate, number>();
      const roomOf = new Map<string, boolean>();
      const asked = marks.map((mark) => {
        const lane = lanes.of(mark);
        const gates = [lane, campaigns.of(mark)].filter((gate) => gate !== null);
        const free = gates.map((gate) => left.get(gate) ?? roomIn(gate, now).free);
        // a row that is named twice takes one place
        const room = roomOf.get(rowKey(mark)) ?? Math.min(...free) >= 1;
        if (!roomOf.has(rowKey(mark)) && room) for (const [i, gate] of gates.entries()) left.set(gate, free[i]! - 1);
        roomOf.set(rowKey(mark), room);
        return { ...mark, room, slot: room ? withReservation(lane, 1, now).slot : null };
      });
      const rows = await runBatchIn<(typeof asked)[number], Row>(run, statement, asked, rowKey, [lease, time(given)]);
      const results = asked.map((mark) => {
        const row = rows.get(mark.n);
        const lane = lanes.of(mark);
        const campaign = campaigns.of(mark);
        if (row?.move === "marked") {
          // By the mark's own clock: it may have waited for its row, and what is taken too early is free again too early.
          // There is no less room then, as nobody else has taken any meanwhile.
          const taken = isMetered(lane) ? withReservation(lane, 1, row.now) : { gate: lane, slot: null };
          if (taken.slot !== row.slot) throw dayHasChanged();
          lanes.set(mark, taken.gate);
          if (campaign && isMetered(campaign)) campaigns.set(mark, withReservation(campaign, 1, row.now).gate);
        }
        if (row?.move === "full") {
          lanes.set(mark, parkedWithoutRoom(lane, now));
          campaigns.set(mark, campaign && parkedWithoutRoom(campaign, now));
        }
        const result = resultOf(row);
        const tells = row?.move === "marked" || result.result === "deferred";
        const gates = { lane: lanes.of(mark), campaign: campaigns.of(mark) };
        return [mark.n, tells ? { ...result, opensIn: bothOpenIn(gates, now) } : result] as const;
      });
      await lanes.store();
      await campaigns.store();
      return results;
    });
  }

  return async ({ marks, lease, now }) => {
    const rows = await runBatch<Mark, Row>(database, statement, marks, rowKey, [lease, time(now)]);
    const results = marks.map((_, n) => resultOf(rows.get(n)));
    const metered = marks.flatMap((mark, n): Metered[] => {
      const row = rows.get(n);
      return row?.move === "metered" ? [{ ...mark, n, notifier: row.notifier, campaign: row.campaign }] : [];
    });
    if (metered.length > 0) {
      for (const [n, result] of await markMetered(metered, lease, now)) results[n] = result;
    }
    return results;
  };
}

/** The mark is undone and asked for again. */
function dayHasChanged(): MilepostError {
  return new MilepostError("store_busy", "A mark waited until its quota's next day; it is to be made anew.");
}

function resultOf(row: Row | undefined): MarkResult {
  switch (row?.move) {
    case "marked":
    case "again": {
      const { attempts, now: markedAt, key_until: keyUntil, slot } = row;
      const attempt = row.move === "again" ? attempts : attempts + 1;
      return { result: "marked", attempt, markedAt, keyUntil, slot, opensIn: null };
    }
    case "deferred":
    case "full":
      return { result: "deferred", opensIn: opensIn({ paused: false, notBefore: row.opens_at }, row.now) };
    case "expired":
      return { result: "refused", state: row.was_ambiguous ? "unknown" : "expired", reason: row.move };
    case "suppressed":
    case "unsubscribed":
    case "no_consent":
      return { result: "refused", state: row.was_ambiguous ? "unknown" : "suppressed", reason: row.move };
    case "key_expired":
    case "payload_changed":
      return { result: "refused", state: row.was_ambiguous ? "unknown" : "failed", reason: row.move };
    default:
      return { result: "lost" };
  }
}
