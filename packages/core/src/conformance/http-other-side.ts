import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Behaviour, OtherSide, ReceivedMessage } from "./notifier-case.js";

// A real HTTP server that does as it is told.

/** One request, read as a whole. */
export interface ReceivedRequest extends ReceivedMessage {
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

export interface HttpOtherSide extends OtherSide {
  readonly port: number;
  /** Requests, with their headers. */
  readonly requests: readonly ReceivedRequest[];
  /** Connections that were opened. */
  readonly connections: number;
  /** Answers every request itself from now on, when its body was read. */
  answer(with_: (request: ReceivedRequest, response: ServerResponse) => void): void;
  close(): Promise<void>;
}

export interface HttpOtherSideOptions {
  /** The header that repeats are told by. */
  readonly keyHeader: string;
  /** Another server than a plain one, not listening yet. */
  readonly server?: Server;
}

/** The other side of a notifier that speaks HTTP: a server on a local port, which plays everything. */
export async function httpOtherSide({
  keyHeader,
  server = createServer(),
}: HttpOtherSideOptions): Promise<HttpOtherSide> {
  const requests: ReceivedRequest[] = [];
  let held: ServerResponse[] = [];
  let behaviour: Behaviour = "accept";
  let connections = 0;
  let arrived = () => {};
  let answer: ((request: ReceivedRequest, response: ServerResponse) => void) | undefined;

  const take = (response: ServerResponse) => response.writeHead(200, json).end('{"id":"taken-1"}');
  const ways: Readonly<Record<Behaviour, (response: ServerResponse) => void>> = {
    accept: take,
    refuseForNow: (response) => response.writeHead(503).end(),
    refuseForGood: (response) => response.writeHead(400).end(),
    loseBefore: (response) => response.destroy(),
    loseAfter: ({ socket }) => socket!.resetAndDestroy(),
    hold: (response) => held.push(response),
  };

  server.on("connection", () => {
    connections += 1;
  });
  server.on("request", async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return; // the caller went away before the end
    }
    const { url = "", headers } = request;
    const key = (headers[keyHeader] as string | undefined) ?? null;
    const received = { url, headers, key, content: Buffer.concat(parts).toString() };
    const refuses = answer === undefined && (behaviour === "refuseForNow" || behaviour === "refuseForGood");
    if (!refuses) requests.push(received);
    arrived();
    if (answer === undefined) ways[behaviour](response);
    else answer(received, response);
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    plays: ["accept", "refuseForNow", "refuseForGood", "loseBefore", "loseAfter", "hold"],
    port,
    requests,
    get connections() {
      return connections;
    },
    answer(with_) {
      answer = with_;
    },
    async play(next) {
      behaviour = next;
      answer = undefined;
      if (next === "loseBefore") await stop();
      else if (!server.listening) await listen(port);
    },
    async release() {
      for (const response of held) take(response);
      held = [];
    },
    async received(count) {
      while (requests.length < count) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      return requests;
    },
    close: stop,
  };
}

const json: Readonly<Record<string, string>> = { "content-type": "application/json" };
