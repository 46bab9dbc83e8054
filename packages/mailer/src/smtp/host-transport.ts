/** What is looked at of a transport that nodemailer's `createTransport()` made. */
interface Given {
  readonly transporter?: { readonly name?: unknown; readonly options?: Readonly<Record<string, unknown>> };
  readonly options?: Readonly<Record<string, unknown>>;
  readonly _defaults?: object;
  readonly use?: unknown;
  readonly sendMail?: unknown;
}

/** As nodemailer 10 names its own transports. */
const smtpTransports: ReadonlySet<unknown> = new Set(["SMTP", "SMTP (pool)"]);

/** Why nothing may be sent over a transport of the host's, or null; in words that end "expected …". */
export function hostTransportProblem(transport: unknown): string | null {
  const { transporter, options = {}, _defaults = {}, use, sendMail } = (transport ?? {}) as Given;
  if (typeof use !== "function" || typeof sendMail !== "function" || !smtpTransports.has(transporter?.name)) {
    return "an SMTP transport that nodemailer's createTransport() made, pooled or not";
  }
  // its own retries would be calls that the engine does not count
  if (transporter?.name === "SMTP (pool)" && transporter.options?.maxRequeues !== 0) {
    return "a pooled transport with maxRequeues: 0, as the engine repeats what is to be repeated";
  }
  // a transport's setting is put above a message's
  for (const guard of ["disableFileAccess", "disableUrlAccess"]) {
    if (guard in options && options[guard] !== true) return `a transport with ${guard}: true, or without it`;
  }
  if ("normalizeHeaderKey" in options) return "a transport without normalizeHeaderKey";
  return Object.keys(_defaults).length === 0 ? null : "a transport without defaults: they would get into every message";
}
