/** The invariants of delivery, by their ids in `docs/operating.md`. */
export const invariantIds = [
  "I1",
  "I2",
  "I3",
  "I4",
  "I5",
  "I6",
  "I7",
  "I8",
  "I9",
  "I10",
  "I11",
  "I12",
  "I13",
  "I14",
  "I15",
  "I16",
] as const;
export type InvariantId = (typeof invariantIds)[number];

/** A row of which an invariant does not hold. Ids only, no address. */
export interface Violation {
  readonly tenant: string;
  /** Which row: `notification 0198…`, `attempt 2 of notification 0198…`, `counter ["email.delivered","acme","lifetime"]`. */
  readonly what: string;
  /** What is wrong with it, one of {@link findings}. */
  readonly found: string;
}

export interface InvariantCheck {
  readonly id: InvariantId;
  /** The invariant in one sentence. */
  readonly says: string;
  /** Examples, in no order; empty where it holds. */
  readonly violations: readonly Violation[];
  /** Whether there are further ones. */
  readonly more: boolean;
}

export interface VerifyReport {
  /** Whether every invariant that was looked at holds. */
  readonly sound: boolean;
  /** In the order of their ids. */
  readonly checks: readonly InvariantCheck[];
}

export interface VerifyInput {
  /** Of this tenant's rows only; of all unless said. */
  readonly tenant?: string;
  /** Only these invariants; all unless said. */
  readonly only?: readonly InvariantId[];
  /** Violations told of each, 10 unless said; 0 or less tells only whether there are any. */
  readonly limit?: number;
  /** Milliseconds by which a lease, a horizon, an expiry or hours may be over and not found by a sweep; 60,000 unless said. */
  readonly sweep?: number;
  readonly now?: Date;
}

/** What one look for violations is given. `limit` is one more than are told of, to learn whether there are more. */
export interface Look {
  readonly tenant: string | undefined;
  readonly limit: number;
  readonly sweep: number;
  readonly now: Date | undefined;
}

const sentences: Readonly<Record<InvariantId, string>> = {
  I1: "A crossing is there once per key, and its counter had come to its level.",
  I2: "A crossing or notice has as many notifications as its announcement counted, one for each recipient, channel, item and redrive.",
  I3: "A counter is the sum of its accepted events where they are retained, and the trail of a due one leads to its value.",
  I4: "A notification has one open attempt while it is sending, and none otherwise.",
  I5: "Attempts are numbered from 1 without a gap, as many as the notification counts; their fences rise, none above the notification's; each starts after that was made, and ends later; no more are excused than were refused for now.",
  I6: "A notification has the shape of its state: no journal of moves is kept, so what each move must have set and cleared is looked at.",
  I7: "After an attempt that was accepted or ambiguous none starts in mode at-most-once, unless a person's retry lies between them, nor in mode idempotent once the key has expired; and none is waited for.",
  I8: "What is sent was accepted by an attempt, or a person resolved it as sent.",
  I9: "What failed, expired, was cancelled or suppressed has no attempt that was accepted or ambiguous, and what has an ambiguous one knows of it.",
  I10: "What has ended holds no lease and does not change.",
  I11: "No attempt starts after the notification expired or was cancelled or its address was suppressed, or while its lane is paused, or before its time, or once its hours have closed; and what waits when it is suppressed ends at once.",
  I12: "What a lane has used of its quota are its attempts without those that were refused, and no more than the limit.",
  I13: "No lease, horizon or expiry is over, and no hours are closed, for longer than a sweep takes to find it.",
  I14: "Each delivery event was applied once, and the facts of a notification are the fold of its events while they are kept.",
  I15: "Every row's parent is there, in the row's own tenant.",
  I16: "All attempts of a notification share one Message-ID, key and payload hash, and no other notification has that Message-ID or key.",
};

/** What can be found, in the same words by every store. */
export const findings = {
  keyTwice: "its key is there twice",
  notReached: "its value lies before its level",
  counterBelow: "its counter only rises and is below the value it was passed at",
  notificationCount: "it counts other notifications than it has",
  announcedToNobody: "it is announced and has no notification, or is unaddressed and has one",
  redriveUnlinked: "it is a redrive of nothing, or not of the one before it",
  otherSum: "its value is not the sum of its events",
  trailBroken: "its trail does not lead to its value",
  dueWithoutTrail: "it is due without a trail, or has one and is not due",
  openAttempt: "it is open and not the attempt that is being sent",
  sendingUnopened: "it is sending without an open attempt",
  numbering: "its attempts are not numbered from 1 to its count",
  fenceNotRising: "its fence is not above the one before",
  fenceBelow: "its fence is above that of its notification",
  otherExcused: "it excuses fewer attempts than none, or more than were refused for now",
  impossibleTimes: "it ended before it started, or started before its notification was made",
  shape: "its fields are not those of its state",
  strayReason: "it has not ended and has a reason, and not that of a call whose worker was lost",
  negativeClaims: "it counts fewer claims than none",
  tooManyAttempts: "it has more attempts than it may",
  repeated: "it started after one that may have been accepted",
  keyExpired: "it started after the key had expired, and after an ambiguous one",
  waitsToRepeat: "it waits for a call after one that may have been accepted",
  keyTooLong: "its key is relied on for longer than its lifetime, or without an end",
  sentWithoutEvidence: "no attempt was accepted and nobody resolved it as sent",
  mayHaveBeenSent: "an attempt was accepted or ambiguous",
  ambiguityForgotten: "an attempt was ambiguous and it says that none was",
  heldAfterEnd: "it has a lease or a horizon",
  attemptAfterEnd: "it started or ended after the notification had ended",
  actAfterEnd: "an act changed it after it had ended",
  afterExpiry: "it started after the expiry",
  afterHours: "it started after its hours had closed",
  beforeTime: "it started before its time",
  afterCancel: "it started after a cancel",
  afterSuppression: "it started after its address was suppressed, or consent withdrawn",
  whilePaused: "it started while its lane was paused",
  waitsForbidden: "it waits although its address was suppressed, or consent withdrawn",
  overQuota: "more attempts started than its quota allows",
  quotaUncounted: "attempts started that its quota does not count",
  quotaSurplus: "its quota counts more than its attempts",
  overdue: "its time is over and no sweep has found it",
  eventTwice: "its event is there twice",
  uncountedEvents: "it has more events than its facts count",
  otherFacts: "its facts are not those of its events",
  orphan: "its parent is not in its tenant",
  unfrozen: "it has attempts without Message-ID, key, hash or time of the first mark, or these without attempts",
  messageIdTwice: "another notification has its Message-ID",
  idempotencyKeyTwice: "another notification has its idempotency key",
} as const;
export type Finding = (typeof findings)[keyof typeof findings];

/** Looks at invariants one after the other, each by its store's own look. */
export async function verifyReport(
  { tenant, only = invariantIds, limit = 10, sweep = 60_000, now }: VerifyInput,
  look: (id: InvariantId, input: Look) => Promise<readonly Violation[]>,
): Promise<VerifyReport> {
  const checks: InvariantCheck[] = [];
  // a caller that wants no examples still has to hear whether there are any
  const told = Math.max(0, limit);
  let looked = 0;
  let broken = 0;
  for (const id of invariantIds.filter((each) => only.includes(each))) {
    const says = sentences[id];
    const found = await look(id, { tenant, limit: told + 1, sweep, now });
    checks.push({ id, says, violations: found.slice(0, told), more: found.length > told });
    looked++;
    if (found.length > 0) broken++;
  }
  return { sound: looked > 0 && broken === 0, checks };
}
