import { ambiguous, type Outcome, refusedPermanent, refusedTransient, unavailable } from "@milepost/core";

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

/** How far a message came before its sending failed. */
export interface Progress {
  /** The session stood: what goes wrong from here on may be about this message. */
  readonly begun: boolean;
  /** The server may have the whole message. */
  readonly whole: boolean;
}

/**
 * What became of a message whose sending failed.
 *
 * | the server's reply | how far it came | outcome |
 * | --- | --- | --- |
 * | none, or none that can be read | no session | unavailable |
 * | none, or none that can be read | a session, the message not handed over as a whole | refusedTransient |
 * | none, or none that can be read | handed over as a whole | ambiguous |
 * | 4xx or 5xx | before RCPT TO | unavailable: see {@link concernsTheAccount} |
 * | 4xx, or 503 | from RCPT TO on | refusedTransient |
 * | 5xx | from RCPT TO on | refusedPermanent |
 *
 * `clean` takes addresses and secrets out of the server's words.
 */
export function outcomeOfFailure(
  failure: SmtpFailure,
  { begun, whole }: Progress,
  clean: (text: string) => string,
): Outcome {
  const { responseCode, response, code } = failure;
  const reply = typeof responseCode === "number" ? responseCode : 0;
  const kind = Math.floor(reply / 100);
  if (kind !== 4 && kind !== 5) {
    const why = `${problemOf(failure)}, ${whole ? "after" : "before"} the message was handed over`;
    if (whole) return ambiguous(why);
    // nodemailer itself refused the envelope, and would again
    if (code === "EENVELOPE") return refusedPermanent(why);
    // a call that is given up may only have waited for a connection
    return begun || code === undefined || code === "EABORT" ? refusedTransient(why) : unavailable(why);
  }
  const said = clean(typeof response === "string" ? response : String(reply));
  const why = `${said || reply} (${placeOf(failure, whole)})`;
  if (concernsTheAccount(reply, String(response), failure.command, whole)) return unavailable(why);
  return kind === 4 || reply === 503 ? refusedTransient(why) : refusedPermanent(why);
}

/** Replies that say "log in first" (RFC 4954 section 6), at whichever command. */
const loginReplies: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/** Whether the server took the login for a wrong one, for good: it would meet every message. */
export function isLoginRefused({ code, responseCode, command }: SmtpFailure): boolean {
  if (typeof responseCode !== "number") return false;
  if (loginReplies.has(responseCode)) return true;
  return responseCode >= 500 && (code === "EAUTH" || (typeof command === "string" && command.startsWith("AUTH")));
}

/**
 * A refusal of the connection, the login or the sender meets every message of the account, and passes when the server is
 * well again or a person has put it right. Told from it is MAIL FROM's answer about this message: too large (552, 5.2.3,
 * 5.3.4) or not convertible (5.6.x, RFC 3463).
 */
function concernsTheAccount(reply: number, response: string, command: unknown, whole: boolean): boolean {
  if (loginReplies.has(reply)) return true;
  if (whole || command === "RCPT TO" || command === "DATA") return false;
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
