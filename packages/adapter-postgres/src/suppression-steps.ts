import {
  type AddressEvent,
  forbiddenBy,
  type SoftBounceLimit,
  type Suppression,
  suppressionByEvents,
  suppressionReasons,
  whyForbidden,
} from "@milepost/core/store";
import { addressLock } from "./address-lock.js";
import type { Database, Run } from "./driver.js";
import { lacksConsent, refusalReason, suppressedFor } from "./refusal.js";
import { textArray, time } from "./values.js";

// What forbids an address, whoever says so: a person, or what was heard of messages to it.

export const suppressionColumns = `tenant, recipient_key AS "recipientKey", scope, reason, detail, by, at`;
// A statement of its own after the address lock, so that its snapshot has everything that was added before. Rows that are
// being sent, or nobody knows of, are locked too: what comes back from them to `pending` waits for this commit. The rows end
// by the clock after their locks: one whose call has just been refused must not have ended before its attempt.
const stopText = `
WITH live AS MATERIALIZED (
  SELECT r.* FROM {notifications} r
  WHERE r.tenant = $1 AND r.recipient_key = ANY ($2::text[]) AND r.state IN ('pending', 'leased', 'sending', 'ambiguous')
  ORDER BY r.id
  FOR UPDATE
), step AS MATERIALIZED (
  SELECT date_trunc('milliseconds', coalesce($3::timestamptz, clock_timestamp())) AS now
  FROM (SELECT count(*) FROM live) after_the_locks
), judged AS (
  SELECT r.id, ${suppressedFor} AS suppressed, ${lacksConsent} AS unconsented FROM live r
  WHERE r.state IN ('pending', 'leased')
), stopped AS (
  UPDATE {notifications} n SET state = CASE WHEN n.was_ambiguous THEN 'unknown' ELSE 'suppressed' END,
    reason = ${refusalReason("j.suppressed", "j.unconsented")}, detail = j.suppressed, lease_until = NULL, settled_at = step.now
  FROM judged j, step
  WHERE n.tenant = $1 AND n.id = j.id AND (j.suppressed IS NOT NULL OR j.unconsented)
  RETURNING 1
)
SELECT count(*) AS stopped FROM stopped`;

export interface AddressStep {
  readonly recipientKey: string;
  readonly event: AddressEvent;
}

export interface SuppressionSteps {
  /** Everything that changes what is allowed: alone with the tenant's addresses, until the transaction ends. */
  lock(run: Run, tenant: string): Promise<void>;
  /** The step's clock, `given` or the database's, from now on. */
  now(run: Run, given: Date | undefined): Promise<Date>;
  /** What is stored afterwards; core's heavierOf. */
  suppress(run: Run, given: Suppression): Promise<Suppression>;
  act(run: Run, tenant: string, recipientKey: string, act: string, by: string, why: string, at: Date): Promise<void>;
  /** Ends what is now forbidden to these addresses; answers how many. */
  stop(run: Run, tenant: string, recipientKeys: readonly string[], given: Date | undefined): Promise<number>;
  /** Keeps what was said of addresses; what is there already stays. */
  keepEvents(run: Run, tenant: string, said: readonly AddressStep[]): Promise<void>;
  /** Forbids addresses what all that is known of them says; answers how many were forbidden anything by that. */
  forbidByEvents(
    run: Run,
    tenant: string,
    recipientKeys: readonly string[],
    limit: SoftBounceLimit,
    now: Date,
    given: Date | undefined,
  ): Promise<number>;
}

export function suppressionSteps(database: Database): SuppressionSteps {
  const clock = database.statement(
    "suppressions_clock",
    `SELECT date_trunc('milliseconds', coalesce($1::timestamptz, clock_timestamp())) AS now`,
  );
  const lock = database.statement("suppressions_lock", "SELECT pg_advisory_xact_lock($1::bigint)");
  const stop = database.statement("suppressions_stop", stopText);
  const act = database.statement(
    "suppressions_act",
    "INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at) VALUES ($1, 'recipient', $2, $3, $4, $5, $6)",
  );
  // Core's heavierOf; RETURNING needs a row either way.
  const weight = (reason: string) => `array_position(ARRAY[${suppressionReasons.map((r) => `'${r}'`)}], ${reason})`;
  const suppress = database.statement(
    "suppressions_add",
    `INSERT INTO {suppressions} AS s (tenant, recipient_key, scope, reason, detail, by, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant, recipient_key, scope) DO UPDATE SET
       (reason, detail, by, at) = (SELECT k.reason, k.detail, k.by, k.at FROM (VALUES
         (excluded.reason, excluded.detail, excluded.by, excluded.at, true), (s.reason, s.detail, s.by, s.at, false)
       ) AS k (reason, detail, by, at, given) WHERE k.given = (${weight("excluded.reason")} > ${weight("s.reason")}))
     RETURNING ${suppressionColumns}`,
  );
  const standing = database.statement(
    "suppressions_of",
    `SELECT ${suppressionColumns} FROM {suppressions} WHERE tenant = $1 AND recipient_key = ANY ($2::text[])`,
  );
  // decided by core: under the lock nobody else writes one
  const put = database.statement(
    "suppressions_put",
    `INSERT INTO {suppressions} (tenant, recipient_key, scope, reason, detail, by, at)
     SELECT $1, p."recipientKey", p.scope, p.reason, p.detail, p.by, p.at
     FROM jsonb_to_recordset($2) AS p ("recipientKey" text, scope text, reason text, detail text, by text, at timestamptz)
     ON CONFLICT (tenant, recipient_key, scope) DO UPDATE
     SET reason = excluded.reason, detail = excluded.detail, by = excluded.by, at = excluded.at`,
  );
  const keep = database.statement(
    "suppressions_keep_events",
    `INSERT INTO {address_events} (tenant, recipient_key, source, id, type, bounce, scope, notification, reason, occurred_at)
     SELECT $1, p."recipientKey", p.source, p.id, p.type, p.bounce, p.scope, p.notification, p.reason, p."occurredAt"
     FROM jsonb_to_recordset($2) AS p ("recipientKey" text, source text, id text, type text, bounce text, scope text,
       notification text, reason text, "occurredAt" timestamptz)
     ORDER BY p."recipientKey" COLLATE "C", p.source COLLATE "C", p.id COLLATE "C"
     ON CONFLICT DO NOTHING`,
  );
  const events = database.statement(
    "suppressions_events",
    `SELECT recipient_key AS "recipientKey", source, id, type, bounce, scope, notification, reason, occurred_at AS "occurredAt"
     FROM {address_events} WHERE tenant = $1 AND recipient_key = ANY ($2::text[])`,
  );
  const one = async <Row>(rows: Promise<readonly Row[]>): Promise<Row> => (await rows)[0] as Row;

  const steps: SuppressionSteps = {
    async lock(run, tenant) {
      await run(lock, [addressLock(database, tenant)]);
    },
    now: async (run, given) => (await one(run<{ readonly now: Date }>(clock, [time(given)]))).now,
    suppress: (run, { tenant, recipientKey, scope, reason, detail, by, at }) =>
      one(run<Suppression>(suppress, [tenant, recipientKey, scope, reason, detail, by, time(at)])),
    async act(run, tenant, recipientKey, name, by, why, at) {
      await run(act, [tenant, recipientKey, name, by, why, time(at)]);
    },
    stop: async (run, tenant, recipientKeys, given) =>
      (await one(run<{ readonly stopped: number }>(stop, [tenant, textArray(recipientKeys), time(given)]))).stopped,
    async keepEvents(run, tenant, said) {
      const rows = said.map(({ recipientKey, event }) => ({ recipientKey, ...event }));
      await run(keep, [tenant, JSON.stringify(rows)]);
    },
    async forbidByEvents(run, tenant, recipientKeys, limit, now, given) {
      const keys = textArray(recipientKeys);
      const known = groupedBy(await run<AddressEvent & Keyed>(events, [tenant, keys]));
      const stored = groupedBy(await run<Suppression>(standing, [tenant, keys]));
      const changed = recipientKeys.flatMap((recipientKey) =>
        forbiddenBy(known.get(recipientKey) ?? [], limit).flatMap((forbidding) => {
          const before = stored.get(recipientKey)?.find(({ scope }) => scope === forbidding.scope);
          return suppressionByEvents(before, forbidding, { tenant, recipientKey }, now) ?? [];
        }),
      );
      if (changed.length === 0) return 0;
      await run(put, [tenant, JSON.stringify(changed.map(({ suppression }) => suppression))]);
      const forbidden = new Set<string>();
      for (const { suppression, forbids } of changed) {
        if (!forbids) continue;
        const { recipientKey, by, reason } = suppression;
        await steps.act(run, tenant, recipientKey, "suppress", by, whyForbidden[reason], now);
        forbidden.add(recipientKey);
      }
      if (forbidden.size > 0) await steps.stop(run, tenant, [...forbidden], given);
      return forbidden.size;
    },
  };
  return steps;
}

interface Keyed {
  readonly recipientKey: string;
}

function groupedBy<Row extends Keyed>(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.recipientKey);
    if (group === undefined) groups.set(row.recipientKey, [row]);
    else group.push(row);
  }
  return groups;
}
