import { createPrivateKey } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import type { Transporter } from "nodemailer";
import * as z from "zod";
import { type LetterheadOptions, letterheadFields } from "../mime/letterhead-options.js";
import { type Agrees, parseOptions } from "../parse-options.js";
import { hostTransportProblem } from "./host-transport.js";

/** A signature of the host's domain on every message (RFC 6376); names as in nodemailer. */
export interface DkimOptions {
  readonly domainName: string;
  readonly keySelector: string;
  /** An RSA key in PEM: nodemailer signs with rsa-sha256 only, and leaves a message unsigned where another key fails. */
  readonly privateKey: string;
}

/** How to reach an SMTP server. Times are milliseconds. */
export interface SmtpServerOptions {
  readonly host: string;
  /** 465 with `secure`, else 587. */
  readonly port?: number;
  /** TLS from the first byte; true on port 465 unless said. */
  readonly secure?: boolean;
  /** No message without STARTTLS; true where there is an `auth` and no `secure`, unless said. */
  readonly requireTLS?: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
  /** For `tls.connect()`: a private authority's `ca`, a client's certificate. */
  readonly tls?: ConnectionOptions;
  readonly dkim?: DkimOptions;
  /** How this host names itself (EHLO); its own name, if that is a full one. */
  readonly ehloName?: string;
  /** Connections kept open at most; 5 unless said. More messages than that at once wait for one. */
  readonly connections?: number;
  /** Messages over one connection before it is replaced; 100 unless said. */
  readonly messagesPerConnection?: number;
  /** After which an unused connection is closed; 30,000 unless said. */
  readonly idleTimeout?: number;
  /** For name, connection, greeting and TLS together; 10,000 unless said. */
  readonly connectionTimeout?: number;
  /** For the greeting; 10,000 unless said. */
  readonly greetingTimeout?: number;
  /** For each silence after that; 20,000 unless said. */
  readonly socketTimeout?: number;
}

/** What a notifier has whichever way it sends. */
export interface SmtpSendingOptions extends LetterheadOptions {
  /** `"smtp"` unless said; stored with each notification, so it should not change while some wait. */
  readonly name?: string;
  /** `"at-most-once"` unless said. SMTP knows no key that would make a repeat harmless, so there is no `"idempotent"`. */
  readonly mode?: "at-most-once" | "at-least-once";
  /**
   * Milliseconds for one call, from its wait for a connection to the last reply; 25,000 unless said. Keep it below the
   * engine's `callDeadline` (30,000): then a server that hangs before the message is sent costs a retry, while at the
   * engine's deadline a tenth of a second is left to tell.
   */
  readonly sendTimeout?: number;
}

/** Over connections of the notifier's own. */
export interface SmtpServerNotifierOptions extends SmtpSendingOptions, SmtpServerOptions {}

/** Over a transport of nodemailer that the host made, and closes. */
export interface SmtpTransportNotifierOptions extends SmtpSendingOptions {
  readonly transport: Transporter;
}

export type SmtpNotifierOptions = SmtpServerNotifierOptions | SmtpTransportNotifierOptions;

const milliseconds = z.int().min(1).max(600_000).optional();
const count = z.int().min(1).max(1_000).optional();
const text = z.string().min(1).max(1_000);
// what is written into the session on a line of its own
const word = text.regex(/^[!-~]+$/, "a text without spaces");

const dkimSchema = z.strictObject({
  domainName: word,
  keySelector: word,
  privateKey: z.string().refine(isRsaKey, "an RSA private key in PEM, without a passphrase"),
});

const sendingFields = {
  ...letterheadFields,
  name: text.max(200).optional(),
  mode: z.enum(["at-most-once", "at-least-once"]).optional(),
  sendTimeout: milliseconds,
};

const serverSchema = z.strictObject({
  ...sendingFields,
  host: word,
  port: z.int().min(1).max(65_535).optional(),
  secure: z.boolean().optional(),
  requireTLS: z.boolean().optional(),
  auth: z.strictObject({ user: z.string().min(1), pass: z.string().min(1) }).optional(),
  tls: z.custom<ConnectionOptions>((value) => typeof value === "object" && value !== null, "an object").optional(),
  dkim: dkimSchema.optional(),
  ehloName: word.optional(),
  connections: count,
  messagesPerConnection: z.int().min(1).optional(),
  idleTimeout: milliseconds,
  connectionTimeout: milliseconds,
  greetingTimeout: milliseconds,
  socketTimeout: milliseconds,
});

const transportSchema = z.strictObject({
  ...sendingFields,
  transport: z.custom<Transporter>().check((context) => {
    const problem = hostTransportProblem(context.value);
    if (problem !== null) context.issues.push({ code: "custom", message: problem, input: "" });
  }),
});

true satisfies Agrees<typeof serverSchema, SmtpServerNotifierOptions>;

/** Throws `invalid_options`, and never quotes what it was given. */
export function parseSmtpOptions(options: SmtpNotifierOptions): SmtpNotifierOptions {
  const hasTransport = typeof options === "object" && options !== null && "transport" in options;
  return parseOptions<SmtpNotifierOptions>(hasTransport ? transportSchema : serverSchema, options);
}

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === "rsa";
  } catch {
    return false;
  }
}
