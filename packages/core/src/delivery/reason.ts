/** The closed list of reasons for every non-send, countable by query. */
export const reasons = [
  "adopted",
  "superseded",
  "too_soon",
  "suppressed",
  "unsubscribed",
  "no_consent",
  "expired",
  "quota",
  "unaddressed",
  "resolver_failed",
  "missing_tag",
  "poison_claim",
  "silent",
  "duplicate",
  "cancelled",
  // how a try itself ended
  "refused",
  "attempts_used_up",
  "render_failed",
  "payload_changed",
  "no_answer",
  "lease_over",
  "key_expired",
  "given_up",
] as const;
export type Reason = (typeof reasons)[number];
