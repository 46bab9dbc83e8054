import {
  type AddressKey,
  type Bounces,
  everything,
  nextBounces,
  releaseEvent,
  type SuppressionRepository,
} from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";
import {
  consentCodec,
  findSuppression,
  keepAddressEvent,
  ofAddress,
  recordAct,
  stop,
  suppress,
  suppressionCodec,
} from "./suppression-steps.js";

const bouncesCodec: RowCodec<AddressKey & Bounces> = rowCodec<AddressKey & Bounces>({
  tenant: "plain",
  recipientKey: "plain",
  count: "plain",
  lastAt: "time",
});

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
        const at = step.now(now);
        forgetBounces(step, address);
        keepAddressEvent(step, address, releaseEvent(scope, at));
        recordAct(step, address, { act: "release", by, why, at });
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

function forgetBounces(step: Step, { tenant, recipientKey }: AddressKey): void {
  step.run(`DELETE FROM {bounces} WHERE ${ofAddress}`, tenant, recipientKey);
}
