import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { ambiguous, type HttpResponse, httpNotifier, type Notifier, type Outcome } from "@milepost/core";

// The service that sends the text messages: somebody else's, and not always well.

/** What a message service took. */
interface TakenMessage {
  readonly phone: number;
  readonly text: string;
}

/** What it did, by how. */
export interface ServiceFigures {
  readonly calls: number;
  readonly taken: number;
  /** Calls with a key that it knew: it took nothing again. */
  readonly repeats: number;
  /** Answers that came too late, that were garbage, and that said that it is out of service. */
  readonly slow: number;
  readonly garbage: number;
  readonly down: number;
}

export interface MessageService {
  readonly url: string;
  figures(): ServiceFigures;
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly token: string;
  readonly now: () => Date;
  /** Which of its calls go wrong. */
  readonly seed: number;
  /** When it is out of service. */
  readonly outages: readonly { readonly from: Date; readonly until: Date }[];
}

/** Longer than the notifier waits. */
const slowness = 1_500;
const patience = 800;

/** Starts one on a free port of this machine. The first call for a message may go wrong; which ones, depends on the seed alone. */
export async function startMessageService({ token, now, seed, outages }: ServiceOptions): Promise<MessageService> {
  const taken = new Map<string, TakenMessage>();
  const tried = new Set<string>();
  const figures = { calls: 0, repeats: 0, slow: 0, garbage: 0, down: 0 };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const piece of request) body += piece;
    figures.calls++;
    const json = (status: number, said: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
    if (request.headers.authorization !== `Bearer ${token}`) return void json(401, { message: "who are you?" });
    const at = now();
    if (outages.some(({ from, until }) => from <= at && at < until)) {
      figures.down++;
      return void response.writeHead(503).end("down for maintenance");
    }
    const key = String(request.headers["idempotency-key"]);
    const message = JSON.parse(body) as TakenMessage;
    const luck = tried.has(key) ? 1 : chance(`${seed} ${message.phone} ${message.text}`);
    tried.add(key);
    if (luck < 0.1) {
      // it is not taken, and nobody can tell
      figures.garbage++;
      return void response.writeHead(200, { "content-type": "text/html" }).end("<html>Welcome to nginx!</html>");
    }
    if (taken.has(key)) figures.repeats++;
    else taken.set(key, message);
    if (luck < 0.2) {
      figures.garbage++;
      return void response.writeHead(200).end('{"code":0,"mess');
    }
    if (luck < 0.3) {
      figures.slow++;
      await wait(slowness);
    }
    json(200, { code: 0, message: "OK" });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/send`,
    figures: () => ({ ...figures, taken: taken.size }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** In [0, 1), the same for the same text. */
function chance(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;
}

/** The way to it. It takes a message once under a key, so a call may be repeated whenever nobody knows what became of it. */
export function serviceNotifier(url: string, token: string): Notifier {
  return httpNotifier({
    name: "sms",
    channel: "sms",
    url,
    token,
    mode: "idempotent",
    keyLifetime: 7 * 24 * 3_600_000,
    idempotencyHeader: "Idempotency-Key",
    timeouts: { connect: patience, total: patience },
    body: ({ to, text }, { messageId }) => ({ id: messageId, phone: Number(to.address), text }),
    classify: refuseGarbage,
  });
}

/** A 200 without its own words is no yes of this service: something between may have said it. */
function refuseGarbage({ status, json }: HttpResponse): Outcome | undefined {
  const ok = typeof json === "object" && json !== null && (json as { code?: unknown }).code === 0;
  return status === 200 && !ok ? ambiguous("status 200, and what it said is garbage") : undefined;
}
