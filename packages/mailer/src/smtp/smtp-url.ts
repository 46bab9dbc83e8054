import { MilepostError } from "@milepost/core";
import type { SmtpServerOptions } from "./smtp-options.js";

/**
 * `smtp://user:pass@mail.example.com:587`, or `smtps://` for TLS from the first byte, as {@link SmtpServerOptions}; user
 * and password percent-encoded, as in any URL. Throws `invalid_options`, without a word of the URL.
 *
 * ```ts
 * smtpNotifier({ ...smtpServerOf(process.env.SMTP_URL), from: "milestones@example.com" });
 * ```
 */
export function smtpServerOf(
  url: string | URL | undefined,
): Pick<SmtpServerOptions, "host" | "port" | "secure" | "auth"> {
  const text = String(url);
  const parsed = URL.canParse(text) ? new URL(text) : null;
  // Nothing else: parameters would be settings that nobody looked at.
  if (parsed === null || !/^smtps?:$/.test(parsed.protocol) || parsed.hostname === "" || parsed.search !== "") {
    throw refused();
  }
  const { protocol, hostname, port, username, password } = parsed;
  return {
    // an IPv6 address is written without its brackets everywhere else
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(port !== "" && { port: Number(port) }),
    secure: protocol === "smtps:",
    ...(username !== "" && { auth: { user: decoded(username), pass: decoded(password) } }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused();
  }
}

function refused(): MilepostError {
  const expected = "a URL like smtp://user:password@mail.example.com:587";
  return new MilepostError("invalid_options", `url: ${expected}`, { path: "url", expected });
}
