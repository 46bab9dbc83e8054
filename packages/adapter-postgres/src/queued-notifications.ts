import { lacksConsent, refusalReason, suppressedFor } from "./refusal.js";

/** Parameters of a step that queues notifications: two of jsonb, and the number of its tenant's lock of addresses. */
export interface QueueParameters {
  readonly notifications: string;
  readonly templates: string;
  readonly addressLock: string;
}

/**
 * The part of a statement that stores notifications with their templates and lanes; those whose key exists are left out, and
 * those whose address is forbidden are `suppressed`. It stands in a list of CTEs after `locked`, one row with the `tenant` or
 * none, and `step`, with `now`; its last, open one is `added`.
 */
export const queuedNotifications = ({
  notifications,
  templates,
  addressLock,
}: QueueParameters): string => `notification AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(${notifications}) AS n (id text, source jsonb, channel text, "recipientKey" text, "itemKey" text,
    notifier text, mode text, "keyLifetime" bigint, recipient jsonb, template text, data jsonb, "maxAttempts" integer,
    scope text, "needsConsent" boolean, "notBefore" timestamptz, "expiresAt" timestamptz,
    hours jsonb, "openUntil" timestamptz, sender jsonb)
), address AS (
  SELECT pg_advisory_xact_lock_shared(${addressLock}::bigint) FROM locked
), refused AS MATERIALIZED (
  SELECT r.id, ${suppressedFor} AS suppressed, ${lacksConsent} AS unconsented
  FROM (SELECT l.tenant, n.id, n."recipientKey" COLLATE "C" AS recipient_key, n.scope COLLATE "C" AS scope,
    n."needsConsent" AS needs_consent FROM locked l, notification n) r
), template AS (
  INSERT INTO {templates} (tenant, hash, content, created_at)
  SELECT l.tenant, t.key, t.value, step.now FROM locked l, step, jsonb_each(${templates}::jsonb) t ORDER BY t.key COLLATE "C"
  ON CONFLICT DO NOTHING
), lane AS (
  INSERT INTO {lanes} (tenant, notifier)
  SELECT l.tenant, n.notifier FROM locked l, (SELECT DISTINCT notifier COLLATE "C" AS notifier FROM notification) n
  ORDER BY n.notifier
  ON CONFLICT DO NOTHING
), added AS (
  INSERT INTO {notifications} (tenant, id, source_kind, source_id, campaign, channel, recipient_key, item_key, notifier, mode,
    key_lifetime, recipient, template, data, max_attempts, scope, needs_consent, not_before, expires_at, hours, open_until,
    sender,    created_at, state, reason, detail, settled_at)
  SELECT l.tenant, n.id, n.source ->> 'kind'::text, n.source ->> 'id'::text,
    CASE n.source ->> 'kind'::text WHEN 'campaign' THEN n.source ->> 'id'::text ELSE '' END,
    n.channel, n."recipientKey", n."itemKey", n.notifier, n.mode, n."keyLifetime", n.recipient, n.template, n.data,
    n."maxAttempts", n.scope, n."needsConsent", coalesce(n."notBefore", step.now), n."expiresAt",
    nullif(n.hours, 'null'), n."openUntil", nullif(n.sender, 'null'), step.now,
    CASE WHEN r.suppressed IS NOT NULL OR r.unconsented THEN 'suppressed' ELSE 'pending' END,
    ${refusalReason("r.suppressed", "r.unconsented")}, r.suppressed,
    CASE WHEN r.suppressed IS NOT NULL OR r.unconsented THEN step.now END
  FROM locked l, step, notification n JOIN refused r ON r.id = n.id
  WHERE (SELECT count(*) FROM address) >= 0 -- always true; the lock is to be held until the commit
  ORDER BY n.source ->> 'kind'::text COLLATE "C", n.source ->> 'id'::text COLLATE "C", n.channel COLLATE "C",
    n."recipientKey" COLLATE "C", n."itemKey" COLLATE "C"
  ON CONFLICT ON CONSTRAINT {#notifications_once} DO NOTHING
  RETURNING source_kind, source_id, state`;
