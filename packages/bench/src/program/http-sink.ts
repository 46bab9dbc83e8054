// An API over HTTP that fails in one way at its first call for each notification: a line for each message it takes, on
// disk before it answers. It reports every call when it is asked to stop.
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FaultLog } from "../fault/fault-log.js";
import { runProgram } from "../process/link.js";
import type { SinkLine } from "../sink/sink-log.js";
import { httpFaults, keyHeader } from "../workload/http-faults.js";

export interface HttpSinkInput {
  readonly file: string;
  readonly faultFile: string;
  /** Seconds of `Retry-After`. */
  readonly retryAfter: number;
}

/** `listen`: the port at which nobody listened. */
export type HttpSinkOrder = { readonly do: "listen" } | { readonly do: "stop" };

/** One call, as this side has seen it. Milliseconds since 1970. */
export interface HttpCall {
  /** Fault and mode. */
  readonly path: string;
  readonly notification: string;
  /** When its body was there as a whole. */
  readonly at: number;
  /** When its connection was closed, of a call that was never answered. */
  closedAt: number | null;
}

await runProgram<HttpSinkInput>(async ({ file, faultFile, retryAfter }, link) => {
  const log = openSync(file, "a");
  const faults = new FaultLog(faultFile);
  const calls: HttpCall[] = [];
  /** By path and key: those that have failed once, and those taken. */
  const failed = new Set<string>();
  const taken = new Set<string>();

  let waiting: { readonly line: SinkLine; readonly written: () => void }[] = [];

  /** One write and one fsync for all that arrived in this turn of the event loop. */
  function write(): void {
    const batch = waiting;
    waiting = [];
    writeSync(log, batch.map(({ line }) => `${JSON.stringify(line)}\n`).join(""));
    fsyncSync(log);
    for (const { written } of batch) written();
  }
  function take(line: SinkLine): Promise<void> {
    return new Promise((written) => {
      if (waiting.length === 0) setImmediate(write);
      waiting.push({ line, written });
    });
  }

  /** The first call of each notification meets its fault; nobody has to come back for another one. */
  function failsNow(path: string, key: string): boolean {
    const each = `${path} ${key}`;
    if (failed.has(each)) return false;
    failed.add(each);
    return true;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const path = request.url!.slice(1);
    const [name, mode] = path.split("/") as [string, string];
    const key = request.headers[keyHeader] as string;
    const payload = Buffer.concat(parts).toString();
    const { notification, messageId, to } = JSON.parse(payload) as SinkLine;
    const call: HttpCall = { path, notification, at: Date.now(), closedAt: null };
    calls.push(call);
    const attempt = calls.filter((each) => each.path === path && each.notification === notification).length;
    const fault = httpFaults.find((each) => each.name === name)!;
    const fails = name !== "reset-before-body" && name !== "refused-connection" && failsNow(path, key);
    // in mode idempotent a key that is known is answered as before; the other API knows no keys
    const known = mode === "idempotent" && taken.has(key);
    if ((!fails || fault.taken) && !known) {
      taken.add(key);
      await take({ notification, attempt, messageId, to, key, payload, caller: "http-worker", at: call.at });
    }
    if (!fails) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: `taken ${key}` }));
      return;
    }
    faults.add(name, path);
    fail(name, call, response);
  }

  function fail(name: string, call: HttpCall, response: ServerResponse): void {
    const socket = response.socket!;
    const second = Math.floor(Date.now() / 1_000) * 1_000;
    const date = (milliseconds: number) => new Date(milliseconds).toUTCString();
    if (name.startsWith("reset-")) socket.resetAndDestroy();
    else if (name.startsWith("hang-")) {
      socket.once("close", () => {
        call.closedAt = Date.now();
      });
    } else if (name === "truncated-200") {
      response.writeHead(200, { "content-length": 100 });
      response.write('{"id":', () => socket.resetAndDestroy());
    } else if (name === "status-503") response.writeHead(503, { "retry-after": String(retryAfter) }).end();
    else if (name === "status-429") {
      const until = { date: date(second), "retry-after": date(second + retryAfter * 1_000) };
      response.writeHead(429, until).end();
    } else response.writeHead(Number(name.slice(-3))).end();
  }

  function server(): Server {
    const made = createServer((request, response) => void serve(request, response).catch(() => {}));
    made.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      const path = request.url!.slice(1);
      if (failsNow(path, request.headers[keyHeader] as string)) {
        faults.add("reset-before-body", path);
        request.socket.resetAndDestroy();
        return;
      }
      response.writeContinue();
      made.emit("request", request, response);
    });
    return made;
  }

  const listening = (made: Server, port: number) =>
    new Promise<number>((resolve) => {
      made.listen(port, "127.0.0.1", () => resolve((made.address() as AddressInfo).port));
    });
  const main = server();
  const port = await listening(main, 0);
  const probe = server();
  const late = await listening(probe, 0);
  await new Promise((resolve) => probe.close(resolve));
  const second = server();
  link.send({ port, late });

  await new Promise<void>((resolve) => {
    link.onMessage((message) => {
      if ((message as HttpSinkOrder).do === "stop") resolve();
      else void listening(second, late).then(() => link.send({ listening: true }));
    });
  });
  link.send({ calls });
  for (const each of [main, second]) {
    each.close();
    each.closeAllConnections();
  }
  closeSync(log);
});
