import type { Reason } from "../delivery/reason.js";
import { type SuppressionReason, suppressionReasons } from "../recipient/suppression.js";
import { endRow, type ModelRow } from "./delivery-model.js";

/** What is stored of addresses, by the model: by address and scope. */
export class ModelAddresses {
  readonly #suppressions = new Map<string, SuppressionReason>();
  readonly #consents = new Map<string, boolean>();

  /** A reason that is there stays, unless a stronger one comes. */
  suppress(recipientKey: string, scope: string, reason: SuppressionReason): void {
    const key = `${recipientKey} ${scope}`;
    const standing = this.#suppressions.get(key);
    if (standing !== undefined && suppressionReasons.indexOf(reason) <= suppressionReasons.indexOf(standing)) return;
    this.#suppressions.set(key, reason);
  }

  release(recipientKey: string, scope: string): boolean {
    return this.#suppressions.delete(`${recipientKey} ${scope}`);
  }

  consent(recipientKey: string, scope: string, granted: boolean): void {
    this.#consents.set(`${recipientKey} ${scope}`, granted);
  }

  /** Why a message must not be sent; null = it may. */
  refusal({ recipientKey, scope, needsConsent }: ModelRow): Reason | null {
    const own = `${recipientKey} ${scope}`;
    const all = `${recipientKey} *`;
    const suppression = this.#suppressions.get(own) ?? this.#suppressions.get(all);
    if (suppression !== undefined) return suppression === "unsubscribed" ? "unsubscribed" : "suppressed";
    const granted = this.#consents.get(own) ?? this.#consents.get(all) ?? false;
    return needsConsent && !granted ? "no_consent" : null;
  }

  /** Move 12: what waits for an address and must not be sent to it any more; answers how many. */
  stop(rows: Iterable<ModelRow>, recipientKey: string, now: number): number {
    let stopped = 0;
    for (const row of rows) {
      const refusal = row.recipientKey === recipientKey ? this.refusal(row) : null;
      if (refusal === null || (row.state !== "pending" && row.state !== "leased")) continue;
      endRow(row, "suppressed", refusal, now);
      stopped++;
    }
    return stopped;
  }
}
