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

/** How many there are of a reason. */
export interface ReasonCount {
  readonly reason: Reason;
  readonly count: number;
}

/** What each of them means, to go on after "because" or a colon. */
export const reasonMeanings: Readonly<Record<Reason, string>> = {
  adopted: "it lay behind the value when the counter met its milestone",
  superseded: "a further level of the milestone was passed at the same time, and that one is said",
  too_soon: "it came sooner after the one before than the milestone's minInterval",
  suppressed: "the address must not be written to",
  unsubscribed: "the recipient unsubscribed",
  no_consent: "the recipient gave no consent",
  expired: "its time was over before it could be sent",
  quota: "the lane's quota is used up",
  unaddressed: "its resolver found nobody",
  resolver_failed: "its announcement failed too often",
  missing_tag: "its message has no value for a required tag",
  poison_claim: "it was claimed again and again, and no worker came back",
  silent: "its milestone tells nobody",
  duplicate: "it was told before",
  cancelled: "a person cancelled it, or its milestone was removed",
  refused: "it was refused for good, by the other side or before it was sent",
  attempts_used_up: "the last attempt was refused for now",
  render_failed: "its message is too large, or its stored template could not be rendered",
  payload_changed: "it renders to another message than at its first mark",
  no_answer: "a call ended without a definite answer",
  lease_over: "its worker did not come back after the mark",
  key_expired: "its idempotency key is no longer honoured, so another call could be a copy",
  given_up: "a person gave it up",
};
