import {
  type Bounces,
  type Consent,
  everything,
  nextBounces,
  type Suppression,
  type SuppressionRepository,
  suppressionReasons,
} from "@milepost/core/store";
import { addressLock } from "./address-lock.js";
import type { Database, Run, Value } from "./driver.js";
import { lacksConsent, refusalReason, suppressedFor } from "./refusal.js";
import { textArray, time } from "./values.js";

const suppressionColumns = `tenant, recipient_key AS "recipientKey", scope, reason, detail, by, at`;
const consentColumns = `tenant, recipient_key AS "recipientKey", scope, granted, source, by, at`;

// A statement of its own after the address lock, so that its snapshot has everything that was added before. Rows that are
// being sent, or nobody knows of, are locked too: what comes back from them to `pending` waits for this commit. The rows end
// by the clock after their locks: one whose call has just been refused must not have ended before its attempt.
const stopText = `
WITH live AS MATERIALIZED (
  SELECT r.* FROM {notifications} r
  WHERE r.tenant = $1 AND r.recipient_key = $2 AND r.state IN ('pending', 'leased', 'sending', 'ambiguous')
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

export function suppressionRepository(database: Database): SuppressionRepository {
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
    "suppressions_standing",
    `SELECT ${suppressionColumns} FROM {suppressions} WHERE tenant = $1 AND recipient_key = $2 AND scope = $3`,
  );
  const readBounces = database.statement(
    "suppressions_bounces",
    `SELECT count, last_at AS "lastAt" FROM {bounces} WHERE tenant = $1 AND recipient_key = $2 FOR UPDATE`,
  );
  const storeBounces = database.statement(
    "suppressions_store_bounces",
    `INSERT INTO {bounces} (tenant, recipient_key, count, last_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant, recipient_key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at`,
  );
  const forgetBounces = database.statement(
    "suppressions_forget_bounces",
    "DELETE FROM {bounces} WHERE tenant = $1 AND recipient_key = $2",
  );
  const release = database.statement(
    "suppressions_release",
    "DELETE FROM {suppressions} WHERE tenant = $1 AND recipient_key = $2 AND scope = $3 RETURNING scope",
  );
  const consent = database.statement(
    "suppressions_consent",
    `INSERT INTO {consents} (tenant, recipient_key, scope, granted, source, by, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant, recipient_key, scope) DO UPDATE
     SET granted = excluded.granted, source = excluded.source, by = excluded.by, at = excluded.at
     RETURNING ${consentColumns}`,
  );

  const one = async <Row>(rows: Promise<readonly Row[]>): Promise<Row> => (await rows)[0] as Row;
  const nowIn = async (run: Run, given: Date | undefined) =>
    (await one(run<{ readonly now: Date }>(clock, [time(given)]))).now;
  const stopIn = async (run: Run, tenant: string, recipientKey: string, given: Date | undefined) =>
    (await one(run<{ readonly stopped: number }>(stop, [tenant, recipientKey, time(given)]))).stopped;

  /** Everything that changes what is allowed: alone with the tenant's addresses, and by the clock from then on. */
  const alone = <T>(tenant: string, given: Date | undefined, work: (run: Run, now: Date) => Promise<T>): Promise<T> =>
    database.transaction(async (run) => {
      await run(lock, [addressLock(database, tenant)]);
      return work(run, await nowIn(run, given));
    });

  interface Wanted {
    readonly tenant: string;
    readonly recipientKeys?: readonly string[];
    readonly scope?: string;
    readonly reason?: string;
    readonly after?: { readonly recipientKey: string; readonly scope: string };
    readonly limit: number;
  }
  async function page<Row>(table: "suppressions" | "consents", columns: string, wanted: Wanted): Promise<Row[]> {
    const { tenant, recipientKeys, scope, reason, after, limit } = wanted;
    const values: Value[] = [tenant, limit];
    const where = ["tenant = $1"];
    const value = (given: Value) => `$${values.push(given)}`;
    if (recipientKeys !== undefined) where.push(`recipient_key = ANY (${value(textArray(recipientKeys))}::text[])`);
    if (scope !== undefined) where.push(`scope = ${value(scope)}`);
    if (reason !== undefined) where.push(`reason = ${value(reason)}`);
    if (after !== undefined)
      where.push(`(recipient_key, scope) > (${value(after.recipientKey)}, ${value(after.scope)})`);
    const statement = database.statement(
      `${table}_list`,
      `SELECT ${columns} FROM {${table}} WHERE ${where.join(" AND ")} ORDER BY recipient_key, scope LIMIT $2`,
    );
    return database.run<Row>(statement, values);
  }

  return {
    add: ({ tenant, recipientKey, scope, reason, detail, by, why, now: given }) =>
      alone(tenant, given, async (run, now) => {
        const values = [tenant, recipientKey, scope, reason, detail, by, time(now)];
        const suppression = await one(run<Suppression>(suppress, values));
        await run(act, [tenant, recipientKey, "suppress", by, why, time(now)]);
        return { suppression, stopped: await stopIn(run, tenant, recipientKey, given) };
      }),

    bounced: ({ tenant, recipientKey, limit, within, detail, by, why, now: given }) =>
      alone(tenant, given, async (run, now) => {
        const [before] = await run<Bounces>(readBounces, [tenant, recipientKey]);
        const { count, lastAt } = nextBounces(before, within, now);
        if (count < limit) {
          await run(storeBounces, [tenant, recipientKey, count, time(lastAt)]);
          const [suppression = null] = await run<Suppression>(standing, [tenant, recipientKey, everything]);
          return { bounces: count, suppression, stopped: 0 };
        }
        await run(forgetBounces, [tenant, recipientKey]);
        const values = [tenant, recipientKey, everything, "soft_bounces", detail, by, time(now)];
        const suppression = await one(run<Suppression>(suppress, values));
        await run(act, [tenant, recipientKey, "suppress", by, why, time(now)]);
        return { bounces: count, suppression, stopped: await stopIn(run, tenant, recipientKey, given) };
      }),

    release: ({ tenant, recipientKey, scope, by, why, now: given }) =>
      alone(tenant, given, async (run, now) => {
        if ((await run(release, [tenant, recipientKey, scope])).length === 0) return false;
        await run(forgetBounces, [tenant, recipientKey]);
        await run(act, [tenant, recipientKey, "release", by, why, time(now)]);
        return true;
      }),

    list: (wanted) => page<Suppression>("suppressions", suppressionColumns, wanted),

    consent: ({ tenant, recipientKey, scope, granted, source, by, why, now: given }) =>
      alone(tenant, given, async (run, now) => {
        const values = [tenant, recipientKey, scope, granted, source, by, time(now)];
        const stored = await one(run<Consent>(consent, values));
        await run(act, [tenant, recipientKey, granted ? "consent" : "withdraw", by, why, time(now)]);
        return { consent: stored, stopped: await stopIn(run, tenant, recipientKey, given) };
      }),

    consents: (wanted) => page<Consent>("consents", consentColumns, wanted),
  };
}
