import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import { BlockedAddress } from "./address-guard.js";
import type { Connections } from "./connections.js";

/** Milliseconds. Below the engine's call deadline, 30,000, so that an outcome says more than that it passed. */
export interface HttpTimeouts {
  /** For name, connection and TLS together; 5,000 unless said. */
  readonly connect?: number;
  /** For the whole call; 25,000 unless said. */
  readonly total?: number;
}

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  readonly timeouts: Required<HttpTimeouts>;
  /** The body waits for `100 Continue` (RFC 9110 section 10.1.1), at most a second. */
  readonly expectContinue: boolean;
}

/** One request and what came of it. What is in `why` names no address and quotes nothing. */
export type Exchange =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: http.IncomingHttpHeaders;
      /** Null where it was cut off, larger than {@link maxBody}, or not there in time. */
      readonly body: string | null;
      /** Answered before any byte of the body was handed over. */
      readonly early: boolean;
    }
  /** No byte of the body was handed over: nobody can have taken it. */
  | { readonly kind: "unsent"; readonly why: string; readonly because: Unsent }
  /** The body was handed over, and no answer was read. */
  | { readonly kind: "unanswered"; readonly why: string };

/** `unreachable`: so would any other call be now; `blocked`: its address may not be called; `other`: about this call. */
export type Unsent = "unreachable" | "blocked" | "other";

/** Bytes of an answer that are read; more would be somebody's way to our memory. */
const maxBody = 65_536;

/** As long as curl waits: servers that know no 100 must get the body too (RFC 9110 section 10.1.1). */
const continueTimeout = 1_000;

/**
 * Makes one call. Never throws. A kept connection may have been closed by the other side meanwhile; if that is seen before
 * the body was handed over, the call is made once more, on a new one.
 */
export async function exchange(request: ExchangeRequest, connections: Connections): Promise<Exchange> {
  const until = performance.now() + request.timeouts.total;
  const first = await callOnce(request, connections, connections.agentFor(request.url), until);
  if (first.exchange.kind !== "unsent" || !first.reused || request.signal.aborted) return first.exchange;
  return (await callOnce(request, connections, connections.newAgentFor(request.url), until)).exchange;
}

interface Call {
  readonly exchange: Exchange;
  readonly reused: boolean;
}

function callOnce(
  { url, method, headers, body, signal, timeouts, expectContinue }: ExchangeRequest,
  { guard, ca, lookup }: Connections,
  agent: http.Agent,
  until: number,
): Promise<Call> {
  return new Promise((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    let request: http.ClientRequest | undefined;
    let head: { readonly status: number; readonly headers: http.IncomingHttpHeaders; early: boolean } | undefined;
    let connected = false;
    let handedOver = false;
    let over = false;

    function end(made: Exchange, keep = false): void {
      if (over) return;
      over = true;
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      if (!keep) request?.destroy();
      resolve({ exchange: made, reused: request?.reusedSocket ?? false });
    }
    function lost(why: string, because: Unsent = "unreachable"): void {
      if (head !== undefined) end({ kind: "answered", ...head, body: null });
      else if (handedOver) end({ kind: "unanswered", why: `no answer: ${why}` });
      else end({ kind: "unsent", why: `not sent: ${why}`, because });
    }
    const onAbort = () => lost("the call was given up", "other");
    // A process that was blocked comes to its timers first and to its sockets then: what has come in meanwhile is read
    // before anything is given up, or handed over.
    const after = (milliseconds: number, work: () => void): NodeJS.Timeout => {
      const timer = setTimeout(() => setImmediate(() => over || work()), Math.max(0, milliseconds));
      timers.push(timer);
      return timer;
    };

    if (signal.aborted) {
      onAbort();
      return;
    }
    try {
      const client = url.protocol === "https:" ? https : http;
      const sent = { ...headers, "content-length": String(Buffer.byteLength(body)) };
      request = client.request(url, {
        method,
        headers: expectContinue ? { ...sent, expect: "100-continue" } : sent,
        agent,
        ...(lookup && { lookup }),
        ...(ca && { ca: [...ca] }),
      });
    } catch (error) {
      lost(codeOf(error), "other");
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    after(until - performance.now(), () => lost(`it took longer than ${timeouts.total} ms`));
    const connecting = after(timeouts.connect, () => connected || lost(`no connection within ${timeouts.connect} ms`));

    // Everything before this call is certainly not sent: the body is not even known to Node's writer.
    const handOver = (): void => {
      if (over || handedOver || request!.destroyed) return;
      handedOver = true;
      request!.end(body);
    };
    const begin = (socket: Socket): void => {
      if (over) return;
      connected = true;
      clearTimeout(connecting);
      // a second look, at the address that is really connected: also of a connection that was kept
      if (guard !== undefined && !guard.allows(socket.remoteAddress ?? "")) {
        lost("its address may not be called", "blocked");
        return;
      }
      // a close that has come in already is seen before anything is written
      setImmediate(() => {
        if (over || request!.destroyed) return;
        if (!expectContinue) {
          handOver();
          return;
        }
        request!.once("continue", handOver);
        after(continueTimeout, handOver);
        request!.flushHeaders();
      });
    };
    request.on("socket", (socket: Socket) => {
      if (request!.reusedSocket) begin(socket);
      else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => begin(socket));
    });
    request.on("error", (error) => lost(codeOf(error), error instanceof BlockedAddress ? "blocked" : "unreachable"));
    request.on("close", () => lost("the connection was closed"));
    request.on("response", (response) => {
      head = { status: response.statusCode!, headers: response.headers, early: !handedOver };
      const parts: Buffer[] = [];
      let size = 0;
      response.on("data", (part: Buffer) => {
        size += part.length;
        if (size > maxBody) lost("the answer is too large");
        else parts.push(part);
      });
      response.on("error", (error) => lost(codeOf(error)));
      response.on("end", () => {
        const text = response.complete ? Buffer.concat(parts).toString() : null;
        end({ kind: "answered", ...head!, body: text }, response.complete && handedOver);
      });
    });
  });
}

/** A message of Node's names the address; its code does not. */
function codeOf(error: unknown): string {
  if (error instanceof BlockedAddress) return error.message;
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : "an error without a code";
}
