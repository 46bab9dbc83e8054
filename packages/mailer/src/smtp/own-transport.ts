import { createTransport, type Transporter } from "nodemailer";
import type { DkimOptions, SmtpServerOptions } from "./smtp-options.js";

/** A login by an access token that somebody else renews (RFC 7628's predecessor XOAUTH2, which the large providers speak). */
export interface TokenLogin {
  readonly user: string;
  readonly accessToken: string;
}

export type OwnTransportOptions = Omit<SmtpServerOptions, "auth"> & {
  readonly auth?: SmtpServerOptions["auth"] | TokenLogin;
};

/** A pool of connections to one server, which is given a message once and never again by itself. */
export function ownTransport(options: OwnTransportOptions): Transporter {
  const { host, port, secure = port === 465, auth, requireTLS = auth !== undefined && !secure } = options;
  const transport = createTransport({
    pool: true,
    host,
    ...(port !== undefined && { port }),
    secure,
    requireTLS,
    ...(auth !== undefined && { auth: loginOf(auth) }),
    ...(options.tls !== undefined && { tls: options.tls }),
    ...(options.dkim !== undefined && { dkim: signed(options.dkim) }),
    ...(options.ehloName !== undefined && { name: options.ehloName }),
    maxConnections: options.connections ?? 5,
    maxMessages: options.messagesPerConnection ?? 100,
    // the engine repeats, and counts; 5 unless said
    maxRequeues: 0,
    // well below what servers allow: one that the server closes just when it is used again costs an attempt
    idleTimeout: options.idleTimeout ?? 30_000,
    // nodemailer's own are 2 minutes, 30 seconds and 10 minutes
    connectionTimeout: options.connectionTimeout ?? 10_000,
    dnsTimeout: options.connectionTimeout ?? 10_000,
    greetingTimeout: options.greetingTimeout ?? 10_000,
    socketTimeout: options.socketTimeout ?? 20_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // an emitter without a listener would end the process
  transport.on("error", () => {});
  return transport;
}

type TransportLogin =
  | { readonly user: string; readonly pass: string }
  | { readonly type: "OAuth2"; readonly user: string; readonly accessToken: string };

/** Without a refresh token nodemailer fetches none: it would do so once per connection, and tell nobody. */
function loginOf(auth: NonNullable<OwnTransportOptions["auth"]>): TransportLogin {
  if ("pass" in auth) return { user: auth.user, pass: auth.pass };
  return { type: "OAuth2", user: auth.user, accessToken: auth.accessToken };
}

/**
 * RFC 8058 section 3.1: both List-Unsubscribe headers must be covered by the signature. nodemailer's own list of headers
 * has only the first of them.
 */
const signedHeaders: string = [
  ...["From", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "To", "MIME-Version", "Content-Type"],
  ...["Content-Transfer-Encoding", "Content-Language", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post"],
].join(":");

function signed(dkim: DkimOptions): DkimOptions & { readonly headerFieldNames: string } {
  return { ...dkim, headerFieldNames: signedHeaders };
}
