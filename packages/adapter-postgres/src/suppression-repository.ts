import {
  type Bounces,
  type Consent,
  everything,
  nextBounces,
  releaseEvent,
  type Suppression,
  type SuppressionRepository,
} from "@milepost/core/store";
import type { Database, Run, Value } from "./driver.js";
import { suppressionColumns, suppressionSteps } from "./suppression-steps.js";
import { textArray, time } from "./values.js";

const consentColumns = `tenant, recipient_key AS "recipientKey", scope, granted, source, by, at`;

export function suppressionRepository(database: Database): SuppressionRepository {
  const steps = suppressionSteps(database);
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

  /** Everything that changes what is allowed: alone with the tenant's addresses, and by the clock from then on. */
  const alone = <T>(tenant: string, given: Date | undefined, work: (run: Run, now: Date) => Promise<T>): Promise<T> =>
    database.transaction(async (run) => {
      await steps.lock(run, tenant);
      return work(run, await steps.now(run, given));
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
    add: ({ tenant, recipientKey, scope, reason, detail, by, why, now: at }) =>
      alone(tenant, at, async (run, now) => {
        const suppression = await steps.suppress(run, { tenant, recipientKey, scope, reason, detail, by, at: now });
        await steps.act(run, tenant, recipientKey, "suppress", by, why, now);
        return { suppression, stopped: await steps.stop(run, tenant, [recipientKey], at) };
      }),

    bounced: ({ tenant, recipientKey, limit, within, detail, by, why, now: at }) =>
      alone(tenant, at, async (run, now) => {
        const [before] = await run<Bounces>(readBounces, [tenant, recipientKey]);
        const { count, lastAt } = nextBounces(before, within, now);
        if (count < limit) {
          await run(storeBounces, [tenant, recipientKey, count, time(lastAt)]);
          const [suppression = null] = await run<Suppression>(standing, [tenant, recipientKey, everything]);
          return { bounces: count, suppression, stopped: 0 };
        }
        await run(forgetBounces, [tenant, recipientKey]);
        const given = { tenant, recipientKey, scope: everything, reason: "soft_bounces", detail, by, at: now } as const;
        const suppression = await steps.suppress(run, given);
        await steps.act(run, tenant, recipientKey, "suppress", by, why, now);
        return { bounces: count, suppression, stopped: await steps.stop(run, tenant, [recipientKey], at) };
      }),

    release: ({ tenant, recipientKey, scope, by, why, now: at }) =>
      alone(tenant, at, async (run, now) => {
        if ((await run(release, [tenant, recipientKey, scope])).length === 0) return false;
        await run(forgetBounces, [tenant, recipientKey]);
        await steps.keepEvents(run, tenant, [{ recipientKey, event: releaseEvent(scope, now) }]);
        await steps.act(run, tenant, recipientKey, "release", by, why, now);
        return true;
      }),

    list: (wanted) => page<Suppression>("suppressions", suppressionColumns, wanted),

    consent: ({ tenant, recipientKey, scope, granted, source, by, why, now: at }) =>
      alone(tenant, at, async (run, now) => {
        const values = [tenant, recipientKey, scope, granted, source, by, time(now)];
        const stored = await one(run<Consent>(consent, values));
        await steps.act(run, tenant, recipientKey, granted ? "consent" : "withdraw", by, why, now);
        return { consent: stored, stopped: await steps.stop(run, tenant, [recipientKey], at) };
      }),

    consents: (wanted) => page<Consent>("consents", consentColumns, wanted),
  };
}
