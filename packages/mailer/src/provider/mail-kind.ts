import type { ConnectionOptions } from "node:tls";
import type { AccountShape } from "@milepost/core";
import * as z from "zod";
import { parseMailbox } from "../mime/mailbox.js";
import type { Agrees } from "../parse-options.js";

/** How accounts of one kind are reached. What is not said here, the account's settings say. */
export interface MailKind {
  readonly host?: string;
  readonly port?: number;
  /** TLS from the first byte. */
  readonly secure?: boolean;
  /** No message without STARTTLS; true unless `secure`, or said. */
  readonly requireTLS?: boolean;
  readonly tls?: ConnectionOptions;
  /** The token endpoint of its OAuth 2.0 server (RFC 6749 section 3.2); absent: accounts log in by password. */
  readonly tokenUrl?: string;
}

/** The kinds that need no words of the host's. */
export const mailKinds: Readonly<Record<string, MailKind>> = {
  gmail: {
    host: "smtp.gmail.com",
    port: 465,
    secure: true,
    tokenUrl: "https://oauth2.googleapis.com/token",
  },
  outlook: {
    host: "smtp.office365.com",
    port: 587,
    tokenUrl: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
  },
  smtp: {},
};

/** Which server an account is at. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly requireTLS: boolean;
  readonly tls: ConnectionOptions | undefined;
}

const settingsSchema = z.strictObject({
  host: z
    .string()
    .regex(/^[!-~]{1,253}$/, "a host name")
    .optional(),
  port: z.int("a whole number from 1 to 65,535").min(1).max(65_535).optional(),
  secure: z.boolean("true or false").optional(),
  requireTLS: z.boolean("true or false").optional(),
});

/** What an account's settings may say; all that its kind does not. */
export interface MailSettings {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly secure?: boolean | undefined;
  readonly requireTLS?: boolean | undefined;
}

true satisfies Agrees<typeof settingsSchema, MailSettings>;

export interface Problem {
  readonly path: string;
  readonly expected: string;
}

/** The server that a kind and an account's settings name; the kind's own word counts. */
export function serverOf(kind: MailKind, settings: MailSettings): MailServer | null {
  const host = kind.host ?? settings.host;
  if (host === undefined) return null;
  const port = kind.port ?? settings.port;
  const secure = kind.secure ?? settings.secure ?? port === 465;
  // a password never goes in the clear, unless a person says so
  const requireTLS = kind.requireTLS ?? settings.requireTLS ?? !secure;
  return { host, port: port ?? (secure ? 465 : 587), secure, requireTLS, tls: kind.tls };
}

/** Why mail cannot be sent through an account; null if it can. */
export function problemOf(
  { kind: name, sender, replyTo, settings, credentials }: AccountShape,
  kinds: Readonly<Record<string, MailKind>>,
  allowServer: ((server: { readonly host: string; readonly port: number }) => boolean) | undefined,
): Problem | null {
  const kind = Object.hasOwn(kinds, name) ? kinds[name]! : undefined;
  if (kind === undefined) return { path: "kind", expected: `one of ${Object.keys(kinds).join(", ")}` };
  for (const [path, address] of Object.entries({ "sender.address": sender, "replyTo.address": replyTo })) {
    const mailbox = address === null ? {} : parseMailbox(address.address);
    if ("problem" in mailbox) return { path, expected: `one mailbox, but ${mailbox.problem}` };
  }
  const { data, error } = settingsSchema.safeParse(settings);
  if (error) {
    const [issue] = error.issues;
    const unknown = issue!.code === "unrecognized_keys";
    const key = unknown ? issue!.keys[0]! : issue!.path.map(String).join(".");
    return { path: `settings.${key.slice(0, 80)}`, expected: unknown ? "no such setting" : issue!.message };
  }
  const server = serverOf(kind, data);
  if (server === null) return { path: "settings.host", expected: "the host name of its SMTP server" };
  if (allowServer !== undefined && !allowServer(server)) {
    return { path: "settings.host", expected: "a server that this host of Milepost allows" };
  }
  if (credentials?.type === "own") return { path: "credentials.type", expected: '"password" or "oauth2"' };
  if (credentials?.type === "oauth2" && credentials.refreshToken !== undefined && kind.tokenUrl === undefined) {
    return { path: "credentials.type", expected: `"password": kind "${name}" has no token server` };
  }
  return null;
}
