import type { AttemptOutcome } from "@milepost/core/store";
import type { SmtpAnswer, SmtpStep } from "@milepost/mailer/testing";

/** One way in which a mail server fails, always the same for every message. Plain data. */
export interface MailFault {
  /** Where in the session: one of {@link mailPoints}. */
  readonly point: string;
  /** The same in the server's terms; null = nobody listens. */
  readonly step: SmtpStep | null;
  readonly answer: SmtpAnswer;
  /** What each attempt must be kept as. */
  readonly outcomes: readonly AttemptOutcome[];
  /** Whether the server takes every message, and writes it down first. */
  readonly takes: boolean;
}

const notSent: readonly AttemptOutcome[] = ["refused_transient"];
const never: readonly AttemptOutcome[] = ["refused_permanent"];
const unknown: readonly AttemptOutcome[] = ["ambiguous"];
/**
 * A message that is cut off in its midst: most fit into the buffers of the two kernels, and are handed over as a whole
 * before the sender sees the cut. What is larger is certainly unsent; the mailer's own tests have such messages.
 */
const cutOff: readonly AttemptOutcome[] = ["ambiguous", "refused_transient"];

type Answers = readonly (readonly [answer: SmtpAnswer, outcomes: readonly AttemptOutcome[]])[];

const before: Answers = [
  ["silence", notSent],
  ["cut", notSent],
];
const points: readonly (readonly [point: string, step: SmtpStep | null, answers: Answers, takes?: boolean])[] = [
  ["no server", null, [["", notSent]]],
  ["greeting", "greeting", [...before, ["421 4.3.2 busy", notSent], ["554 5.7.1 go away", notSent]]],
  ["EHLO", "EHLO", [...before, ["421 4.3.2 busy", notSent], ["550 5.7.1 who", notSent]]],
  ["login", "AUTH", [...before, ["454 4.7.0 later", notSent], ["535 5.7.8 wrong", notSent]]],
  ["MAIL", "MAIL", [...before, ["451 4.3.0 later", notSent], ["550 5.7.1 blocked", notSent]]],
  ["RCPT", "RCPT", [...before, ["450 4.2.1 greylisted", notSent], ["550 5.1.1 unknown", never]]],
  ["DATA", "DATA", [...before, ["451 4.3.0 later", notSent], ["554 5.7.1 no", never]]],
  [
    "in the message",
    "body",
    [
      ["silence", cutOff],
      ["reset", cutOff],
      ["451 4.3.0 later", notSent],
      ["552 5.3.4 too large", never],
    ],
  ],
  [
    "after the dot",
    "dot",
    [
      ["silence", unknown],
      ["cut", unknown],
      ["451 4.3.0 later", notSent],
      ["554 5.7.1 spam", never],
    ],
  ],
  [
    "taken, and no reply",
    "accepted",
    [
      ["silence", unknown],
      ["cut", unknown],
      ["reset", unknown],
    ],
    true,
  ],
  [
    "taken, and a part of the reply",
    "accepted",
    [
      [{ lastWords: "25" }, unknown],
      [{ lastWords: "250 2.0.0 ok" }, unknown],
      [{ lastWords: "250-2.0.0 ok\r\n" }, unknown],
    ],
    true,
  ],
  // the next mail may have begun on that connection before its end is seen: it was not handed over, and is sent again
  ["after the reply", "accepted", [[{ lastWords: "250 2.0.0 ok\r\n" }, ["accepted", "refused_transient"]]], true],
];

/** Where a mail server can fail. */
export const mailPoints: readonly string[] = points.map(([point]) => point);

export const mailFaults: readonly MailFault[] = points.flatMap(([point, step, answers, takes = false]) =>
  answers.map(([answer, outcomes]) => ({ point, step, answer, outcomes, takes })),
);
