import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import * as z from "zod";
import { type Agrees, parseOptions } from "../parse-options.js";
import { SmtpTestSession } from "./smtp-test-session.js";

/**
 * Where in a session a server answers, in their order. `"body"` is the first byte of a message; `"dot"` its end, before
 * the server takes it; `"accepted"` after that, when the client is to hear of it. What is no command of these is `"other"`.
 */
export const smtpSteps = [
  "greeting",
  "EHLO",
  "AUTH",
  "MAIL",
  "RCPT",
  "DATA",
  "body",
  "dot",
  "accepted",
  "RSET",
  "QUIT",
  "other",
] as const;
export type SmtpStep = (typeof smtpSteps)[number];

/**
 * A reply such as `"451 try later"`, of several lines if it has line breaks; `"cut"` closes the connection, `"reset"` does
 * so with an RST, `"silence"` never answers again; `lastWords` are sent as they stand, without a line break of their own,
 * before the connection is closed.
 */
export type SmtpAnswer = string | { readonly lastWords: string };

/** A message that the server took. */
export interface TakenMessage {
  /** The connection it came over, counted from 1. */
  readonly session: number;
  readonly from: string;
  readonly recipients: readonly string[];
  /** As it was sent, without the dots that SMTP adds. */
  readonly bytes: Buffer;
}

export interface SmtpTestServerOptions {
  /** What is answered to a step; nothing = as a server that takes everything. `line` is the client's line, if it sent one. */
  readonly answer?: (step: SmtpStep, line: string, session: number) => SmtpAnswer | undefined;
  /** Waited for before `"accepted"`, so that whoever logs a message to a disk knows what was taken. */
  readonly onMessage?: (message: TakenMessage) => void | Promise<void>;
  /** Extensions beyond PIPELINING, such as `"AUTH PLAIN"`. */
  readonly extensions?: readonly string[];
  /** Whether commands may be sent without waiting for replies; true unless said. */
  readonly pipelining?: boolean;
}

export interface SmtpTestServer {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Messages it took. */
  readonly messages: readonly TakenMessage[];
  /** Every line of every client, but for messages. */
  readonly heard: readonly string[];
  /** How many connections it has had. */
  readonly sessions: number;
  /** Closes every connection that is open now, as a server that restarts. */
  cutAll(): void;
  close(): Promise<void>;
}

const schema = z.strictObject({
  answer: z
    .custom<NonNullable<SmtpTestServerOptions["answer"]>>((value) => typeof value === "function", "a function")
    .optional(),
  onMessage: z
    .custom<NonNullable<SmtpTestServerOptions["onMessage"]>>((value) => typeof value === "function", "a function")
    .optional(),
  extensions: z.array(z.string().min(1), "a list of texts").readonly().optional(),
  pipelining: z.boolean().optional(),
});

true satisfies Agrees<typeof schema, SmtpTestServerOptions>;

/**
 * An SMTP server for tests, on a port of its own. It takes every message, unless it is told where to fail. It speaks no
 * TLS: STARTTLS is answered with 502. Throws `invalid_options`.
 */
export async function smtpTestServer(given: SmtpTestServerOptions = {}): Promise<SmtpTestServer> {
  const options = parseOptions<SmtpTestServerOptions>(schema, given);
  const messages: TakenMessage[] = [];
  const heard: string[] = [];
  const open = new Set<Socket>();
  let sessions = 0;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    new SmtpTestSession(socket, ++sessions, options, {
      heard: (line) => heard.push(line),
      async take(message) {
        await options.onMessage?.(message);
        messages.push(message);
        return messages.length;
      },
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    messages,
    heard,
    get sessions() {
      return sessions;
    },
    cutAll,
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      cutAll();
      await closed;
    },
  };
}
