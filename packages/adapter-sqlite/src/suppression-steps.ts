import {
  type AddressEvent,
  type AddressKey,
  type Consent,
  everything,
  forbiddenBy,
  heavierOf,
  type Notification,
  type Refusal,
  refusalOf,
  type SoftBounceLimit,
  type Suppression,
  suppressionByEvents,
  suppressMove,
  whyForbidden,
} from "@milepost/core/store";
import { insertAct } from "./act-repository.js";
import type { Step } from "./driver.js";
import { notificationOf, patchNotification } from "./notification-row.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

// What forbids an address, whoever says so: a person, or what was heard of messages to it.

export const suppressionCodec: RowCodec<Suppression> = rowCodec<Suppression>({
  tenant: "plain",
  recipientKey: "plain",
  scope: "plain",
  reason: "plain",
  detail: "plain",
  by: "plain",
  at: "time",
});

export const consentCodec: RowCodec<Consent> = rowCodec<Consent>({
  tenant: "plain",
  recipientKey: "plain",
  scope: "plain",
  granted: "flag",
  source: "plain",
  by: "plain",
  at: "time",
});

const eventCodec: RowCodec<AddressEvent & AddressKey> = rowCodec<AddressEvent & AddressKey>({
  tenant: "plain",
  recipientKey: "plain",
  source: "plain",
  id: "plain",
  type: "plain",
  bounce: "plain",
  scope: "plain",
  notification: "plain",
  reason: "plain",
  occurredAt: "time",
});

export const ofAddress: string = "tenant = ? AND recipient_key = ?";

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

export interface Acting {
  readonly act: string;
  readonly by: string;
  readonly why: string;
  readonly at: Date;
}

export function recordAct(step: Step, { tenant, recipientKey }: AddressKey, acting: Acting): void {
  insertAct(step, { tenant, entity: "recipient", entityId: recipientKey, ...acting });
}

export function findSuppression(
  step: Step,
  { tenant, recipientKey }: AddressKey,
  scope: string,
): Suppression | undefined {
  const row = step.get(`SELECT * FROM {suppressions} WHERE ${ofAddress} AND scope = ?`, tenant, recipientKey, scope);
  return row && suppressionCodec.decode(row);
}

/** What is stored afterwards. */
export function suppress(step: Step, given: Suppression): Suppression {
  const suppression = heavierOf(findSuppression(step, given, given.scope), given);
  putSuppression(step, suppression);
  return suppression;
}

function putSuppression(step: Step, suppression: Suppression): void {
  step.run(
    `INSERT OR REPLACE INTO {suppressions} (${suppressionCodec.columns}) VALUES (${suppressionCodec.marks})`,
    ...suppressionCodec.values(suppression),
  );
}

/** Ends what is now forbidden to an address; answers how many. */
export function stop(step: Step, { tenant, recipientKey }: AddressKey, now: Date): number {
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

/** Keeps what was said of an address; what is there already stays. */
export function keepAddressEvent(step: Step, { tenant, recipientKey }: AddressKey, event: AddressEvent): void {
  step.run(
    `INSERT INTO {address_events} (${eventCodec.columns}) VALUES (${eventCodec.marks}) ON CONFLICT DO NOTHING`,
    ...eventCodec.values({ ...event, tenant, recipientKey }),
  );
}

/** Forbids an address what all that is known of it says; whether it was forbidden anything by that. */
export function forbidByEvents(step: Step, address: AddressKey, limit: SoftBounceLimit, now: Date): boolean {
  const { tenant, recipientKey } = address;
  const rows = step.all(`SELECT * FROM {address_events} WHERE ${ofAddress}`, tenant, recipientKey);
  let forbids = false;
  for (const forbidding of forbiddenBy(rows.map(eventCodec.decode), limit)) {
    const next = suppressionByEvents(findSuppression(step, address, forbidding.scope), forbidding, address, now);
    if (next === null) continue;
    putSuppression(step, next.suppression);
    if (!next.forbids) continue;
    const { by, reason } = next.suppression;
    recordAct(step, address, { act: "suppress", by, why: whyForbidden[reason], at: now });
    forbids = true;
  }
  if (forbids) stop(step, address, now);
  return forbids;
}
