import type { Outcome } from "../notifier/notifier.js";
import { redact, redactKnown } from "../redact.js";
import type { Notification } from "./notification.js";

/**
 * A notifier's word as it is kept for the operator: without the recipient's address and names, other addresses and
 * credentials. A receipt is the other side's id, and may look like an address: of it only the recipient's own is taken out.
 */
export function discreet(
  outcome: Outcome,
  { recipient, recipientKey }: Pick<Notification, "recipient" | "recipientKey">,
): Outcome {
  const { address, name, firstName, lastName } = recipient;
  const known = [address, recipientKey, name, firstName, lastName];
  if (outcome.kind !== "accepted") return { ...outcome, why: redact(outcome.why, known) };
  const { receipt } = outcome;
  return { ...outcome, receipt: receipt === null ? null : redactKnown(receipt, [address, recipientKey]) };
}
