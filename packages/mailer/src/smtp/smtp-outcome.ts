import { ambiguous, type Outcome, refusedPermanent, refusedTransient } from "@milepost/core";

/** What is read of an error of nodemailer's. Never its message: that repeats the server, and the server the address. */
export interface SmtpFailure {
  /** As in nodemailer's errors.js: `ECONNECTION`, `EENVELOPE` … */
  readonly code?: unknown;
  /** The system's own code behind it, such as `ECONNREFUSED`. */
  readonly originalCode?: unknown;
  /** `CONN`, `EHLO`, `AUTH PLAIN`, `MAIL FROM`, `RCPT TO`, `DATA`, or `API` for what was not sent at all. */
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
}

/**
 * What became of a message whose sending failed.
 *
 * | the server's reply | whole message handed over | outcome |
 * | --- | --- | --- |
 * | none, or none that can be read | no | refusedTransient: without the final dot nothing is accepted |
 * | none, or none that can be read | yes | ambiguous |
 * | 4xx | | refusedTransient |
 * | 5xx to RCPT TO, DATA or the message | | refusedPermanent |
 * | 5xx before RCPT TO, and any of 503, 530, 534, 535, 538 | | refusedTransient: see {@link concernsTheAccount} |
 *
 * `clean` takes addresses and secrets out of the server's words.
 */
export function outcomeOfFailure(failure: SmtpFailure, handedOver: boolean, clean: (text: string) => string): Outcome {
  const { responseCode, response, command } = failure;
  const reply = typeof responseCode === "number" ? responseCode : 0;
  const kind = Math.floor(reply / 100);
  if (kind !== 4 && kind !== 5) {
    const why = `${problemOf(failure)}, ${handedOver ? "after" : "before"} the message was handed over`;
    // nodemailer itself refused the envelope, and would again
    if (!handedOver && failure.code === "EENVELOPE") return refusedPermanent(why);
    return handedOver ? ambiguous(why) : refusedTransient(why);
  }
  const said = clean(typeof response === "string" ? response : String(reply));
  const why = `${said || reply} (${placeOf(failure, handedOver)})`;
  const again = kind === 4 || concernsTheAccount(reply, String(response), command, handedOver);
  return again ? refusedTransient(why) : refusedPermanent(why);
}

/** Replies that say "log in first" or "not in this order" (RFC 4954 section 6, RFC 5321 section 4.2.2), at any command. */
const sessionReplies: ReadonlySet<number> = new Set([503, 530, 534, 535, 538]);

/**
 * A 5xx about the connection, the login or the sender would meet every message of this account. It is not the
 * recipient's fault, and passes when a person has put it right: the attempts and their delays give time for that. Told
 * from it is MAIL FROM's answer about this message: too large (552, 5.2.3, 5.3.4) or not convertible (5.6.x, RFC 3463).
 */
function concernsTheAccount(reply: number, response: string, command: unknown, handedOver: boolean): boolean {
  if (sessionReplies.has(reply)) return true;
  if (handedOver || command === "RCPT TO" || command === "DATA") return false;
  return !(command === "MAIL FROM" && (reply === 552 || /^\d{3}[ -]5\.(2\.3|3\.4|6\.\d+)\b/.test(response)));
}

const problems: Readonly<Record<string, string>> = {
  ECONNECTION: "the connection was closed",
  ETIMEDOUT: "no answer in time",
  ESOCKET: "the connection failed",
  EDNS: "the server's name was not found",
  ETLS: "TLS failed",
  EAUTH: "the login failed",
  EABORT: "the call was given up",
  EPROTOCOL: "the answer cannot be understood",
};

/** Words of ours, and codes, which are names in capital letters and so have no room for an address. */
function problemOf({ code, originalCode }: SmtpFailure): string {
  const codes = [code, originalCode].filter((each) => typeof each === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(each));
  const words = problems[String(code)] ?? "sending failed";
  return codes.length === 0 ? words : `${words} (${[...new Set(codes)].join(", ")})`;
}

function placeOf({ command, code }: SmtpFailure, handedOver: boolean): string {
  if (handedOver || code === "EMESSAGE") return "to the message";
  if (typeof command !== "string" || !/^[A-Z][A-Z0-9 -]{1,30}$/.test(command)) return "to the connection";
  return command === "CONN" ? "to the connection" : `to ${command}`;
}
