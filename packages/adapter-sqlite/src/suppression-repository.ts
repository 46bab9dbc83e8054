import {
  type AddressKey,
  type Bounces,
  type Consent,
  everything,
  heavierOf,
  type Notification,
  nextBounces,
  type Refusal,
  refusalOf,
  type Suppression,
  type SuppressionRepository,
  suppressMove,
} from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import type { Driver, Step } from "./driver.js";
import { insertAct } from "./lane-repository.js";
import { notificationOf, patchNotification } from "./notification-row.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const suppressionCodec: RowCodec<Suppression> = rowCodec<Suppression>({
  tenant: "plain",
  recipientKey: "plain",
  scope: "plain",
  reason: "plain",
  detail: "plain",
  by: "plain",
  at: "time",
});

const consentCodec: RowCodec<Consent> = rowCodec<Consent>({
  tenant: "plain",
  recipientKey: "plain",
  scope: "plain",
  granted: "flag",
  source: "plain",
  by: "plain",
  at: "time",
});

const bouncesCodec: RowCodec<AddressKey & Bounces> = rowCodec<AddressKey & Bounces>({
  tenant: "plain",
  recipientKey: "plain",
  count: "plain",
  lastAt: "time",
});

const ofAddress = "tenant = ? AND recipient_key = ?";

/** Why a message is forbidden to its address, by what is stored of that. */
export function findRefusal(
  step: Step,
  row: AddressKey & Pick<Notification, "scope" | "needsConsent">,
): Refusal | null {
  const of = (table: string) =>
    step.all(
      `SELECT * FROM {${table}} WHERE ${ofAddress} AND scope IN (?, ?)`,
      ...[row.tenant, row.recipientKey, row.scope, everything],
    );
  const consents = row.needsConsent ? of("consents").map(consentCodec.decode) : [];
  return refusalOf(row, of("suppressions").map(suppressionCodec.decode), consents);
}

export function suppressionRepository(driver: Driver): SuppressionRepository {
  // No locks, as Postgres needs them: BEGIN IMMEDIATE keeps marks and announcements out until the commit.
  return {
    add({ tenant, recipientKey, scope, reason, detail, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const suppression = suppress(step, { tenant, recipientKey, scope, reason, detail, by, at });
        recordAct(step, suppression, { act: "suppress", by, why, at });
        return { suppression, stopped: stop(step, suppression, at) };
      });
    },

    bounced({ tenant, recipientKey, limit, within, detail, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const address = { tenant, recipientKey };
        const row = step.get(`SELECT * FROM {bounces} WHERE ${ofAddress}`, tenant, recipientKey);
        const bounces = nextBounces(row && bouncesCodec.decode(row), within, at);
        if (bounces.count < limit) {
          step.run(
            `INSERT INTO {bounces} (${bouncesCodec.columns}) VALUES (${bouncesCodec.marks})
              ON CONFLICT (tenant, recipient_key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at`,
            ...bouncesCodec.values({ ...address, ...bounces }),
          );
          const standing = findSuppression(step, address, everything) ?? null;
          return { bounces: bounces.count, suppression: standing, stopped: 0 };
        }
        forgetBounces(step, address);
        const given = { ...address, scope: everything, reason: "soft_bounces", detail, by, at } as const;
        const suppression = suppress(step, given);
        recordAct(step, address, { act: "suppress", by, why, at });
        return { bounces: bounces.count, suppression, stopped: stop(step, address, at) };
      });
    },

    release({ tenant, recipientKey, scope, by, why, now }) {
      return driver.write((step) => {
        const sql = `DELETE FROM {suppressions} WHERE ${ofAddress} AND scope = ?`;
        if (step.run(sql, tenant, recipientKey, scope) === 0) return false;
        const address = { tenant, recipientKey };
        forgetBounces(step, address);
        recordAct(step, address, { act: "release", by, why, at: step.now(now) });
        return true;
      });
    },

    list({ tenant, recipientKeys, scope, reason, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["recipient_key IN (SELECT value FROM json_each(?))", list(recipientKeys)],
        ["scope = ?", scope],
        ["reason = ?", reason],
        ["(recipient_key, scope) > (?, ?)", after?.recipientKey, after?.scope],
      ]);
      const sql = `SELECT * FROM {suppressions} WHERE ${where} ORDER BY recipient_key, scope LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(suppressionCodec.decode));
    },

    consent({ tenant, recipientKey, scope, granted, source, by, why, now }) {
      return driver.write((step) => {
        const at = step.now(now);
        const consent = { tenant, recipientKey, scope, granted, source, by, at };
        step.run(
          `INSERT INTO {consents} (${consentCodec.columns}) VALUES (${consentCodec.marks})
            ON CONFLICT (tenant, recipient_key, scope) DO UPDATE
            SET granted = excluded.granted, source = excluded.source, by = excluded.by, at = excluded.at`,
          ...consentCodec.values(consent),
        );
        recordAct(step, consent, { act: granted ? "consent" : "withdraw", by, why, at });
        return { consent, stopped: stop(step, consent, at) };
      });
    },

    consents({ tenant, recipientKeys, scope, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["recipient_key IN (SELECT value FROM json_each(?))", list(recipientKeys)],
        ["scope = ?", scope],
        ["(recipient_key, scope) > (?, ?)", after?.recipientKey, after?.scope],
      ]);
      const sql = `SELECT * FROM {consents} WHERE ${where} ORDER BY recipient_key, scope LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(consentCodec.decode));
    },
  };
}

interface Acting {
  readonly act: string;
  readonly by: string;
  readonly why: string;
  readonly at: Date;
}

function recordAct(step: Step, { tenant, recipientKey }: AddressKey, acting: Acting): void {
  insertAct(step, { tenant, entity: "recipient", entityId: recipientKey, ...acting });
}

function findSuppression(step: Step, { tenant, recipientKey }: AddressKey, scope: string): Suppression | undefined {
  const row = step.get(`SELECT * FROM {suppressions} WHERE ${ofAddress} AND scope = ?`, tenant, recipientKey, scope);
  return row && suppressionCodec.decode(row);
}

/** What is stored afterwards. */
function suppress(step: Step, given: Suppression): Suppression {
  const suppression = heavierOf(findSuppression(step, given, given.scope), given);
  step.run(
    `INSERT OR REPLACE INTO {suppressions} (${suppressionCodec.columns}) VALUES (${suppressionCodec.marks})`,
    ...suppressionCodec.values(suppression),
  );
  return suppression;
}

function forgetBounces(step: Step, { tenant, recipientKey }: AddressKey): void {
  step.run(`DELETE FROM {bounces} WHERE ${ofAddress}`, tenant, recipientKey);
}

/** Ends what is now forbidden to an address; answers how many. */
function stop(step: Step, { tenant, recipientKey }: AddressKey, now: Date): number {
  const sql = `SELECT * FROM {notifications} WHERE ${ofAddress} AND state IN ('pending', 'leased')`;
  let stopped = 0;
  for (const row of step.all(sql, tenant, recipientKey).map(notificationOf)) {
    const refusal = findRefusal(step, row);
    if (refusal === null) continue;
    patchNotification(step, row, suppressMove(row, refusal, now));
    stopped++;
  }
  return stopped;
}
