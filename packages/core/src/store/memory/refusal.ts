import type { Notification } from "../../delivery/notification.js";
import { everything, type Refusal, refusalOf } from "../../recipient/suppression.js";
import type { AddressKey } from "../suppression-repository.js";
import { keyOf, type Tables } from "./tables.js";

/** Why a message is forbidden to its address, by what is stored of that. */
export function refusalIn(
  tables: Tables,
  row: AddressKey & Pick<Notification, "scope" | "needsConsent">,
): Refusal | null {
  const scopes = [row.scope, everything];
  const of = <Row>(rows: ReadonlyMap<string, Row>) =>
    scopes.flatMap((scope) => rows.get(keyOf(row.tenant, row.recipientKey, scope)) ?? []);
  return refusalOf(row, of(tables.suppressions), of(tables.consents));
}
