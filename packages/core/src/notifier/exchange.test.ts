import { once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { httpOtherSide } from "../conformance/index.js";
import { context, message } from "../conformance/notifier-case.js";
import { type HttpNotifierOptions, httpNotifier } from "./http-notifier.js";
import type { Outcome } from "./notifier.js";
import { onRequest, rawServer } from "./raw-server.js";
import { testCertificate, testKey } from "./tls-samples.js";

// What is known of a call, stage by stage, on real sockets.

const stray: unknown[] = [];
process.on("unhandledRejection", (reason) => stray.push(reason));
afterEach(() => expect(stray).toEqual([]));

function notifierFor(url: string, options: Partial<HttpNotifierOptions> = {}) {
  const notifier = httpNotifier({
    name: "api",
    channel: "sms",
    mode: "at-most-once",
    url,
    body: ({ text }) => ({ text }),
    receipt: ({ json }) => (json as { readonly id: string }).id,
    ...options,
  });
  onTestFinished(() => notifier.close!());
  return notifier;
}

async function raw(serve: (socket: Socket, number: number) => void) {
  const server = await rawServer(serve);
  onTestFinished(() => server.close());
  return server;
}

async function outcome(url: string, options: Partial<HttpNotifierOptions> = {}): Promise<Outcome> {
  return (await notifierFor(url, options).send(message("+49"), context())) as Outcome;
}

const local = (port: number) => `http://127.0.0.1:${port}/messages`;

/** Answers each request with these bytes, and ends the connection as said. */
function answering(bytes: string, end: "close" | "reset" = "close") {
  return raw((socket) =>
    onRequest(socket, () => {
      socket.write(bytes, () => (end === "close" ? socket.end() : socket.resetAndDestroy()));
    }),
  );
}

describe("before a byte of the body was handed over, it was certainly not taken:", () => {
  it("nobody listens", async () => {
    const server = await raw(() => {});
    await server.close();
    expect(await outcome(local(server.port))).toEqual({
      kind: "refusedTransient",
      why: "not sent: ECONNREFUSED",
      retryAfter: null,
      unavailable: true,
    });
  });

  it("the connection is cut while TLS is agreed on", async () => {
    const server = await raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const { kind } = await outcome(local(server.port).replace("http:", "https:"));
    expect(kind).toBe("refusedTransient");
  });

  it("the certificate is trusted by nobody", async () => {
    const { port, requests } = await tlsSide();
    const refused = await outcome(`https://127.0.0.1:${port}/`);
    expect(refused).toMatchObject({ kind: "refusedTransient", why: "not sent: DEPTH_ZERO_SELF_SIGNED_CERT" });
    expect(requests).toBe(0);
    expect((await outcome(`https://127.0.0.1:${port}/`, { ca: testCertificate })).kind).toBe("accepted");
  });

  it("no connection comes about in time", async () => {
    // accepts, and never answers to TLS
    const server = await raw(() => {});
    const timeouts = { connect: 50, total: 60_000 };
    expect(await outcome(local(server.port).replace("http:", "https:"), { timeouts })).toMatchObject({
      kind: "refusedTransient",
      why: "not sent: no connection within 50 ms",
    });
  });

  it("the connection is reset when the header has been read, and the body waits for 100 Continue", async () => {
    const server = await raw((socket) =>
      socket.once("data", (header) => {
        expect(String(header)).toContain("expect: 100-continue");
        expect(String(header)).not.toContain("text-waypoint");
        socket.resetAndDestroy();
      }),
    );
    expect(await outcome(local(server.port), { expectContinue: true })).toMatchObject({
      kind: "refusedTransient",
      why: "not sent: ECONNRESET",
    });
  });

  it("the header is refused while the body waits: also with a status that would be unclear after it", async () => {
    const server = await raw((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")),
    );
    expect(await outcome(local(server.port), { expectContinue: true })).toMatchObject({
      kind: "refusedTransient",
      why: "status 500",
    });
  });

  it("the signal has aborted", async () => {
    const server = await raw(() => {});
    const at = context({ signal: AbortSignal.abort() });
    expect(await notifierFor(local(server.port)).send(message("+49"), at)).toMatchObject({ kind: "refusedTransient" });
    expect(server.connections).toBe(0);
  });
});

describe("after that nobody knows, without an answer:", () => {
  it.each([
    ["a reset", "", "reset"],
    ["a close", "", "close"],
    ["a piece of a status line and a reset", "HTTP/1.1 20", "reset"],
    ["a header without its end", "HTTP/1.1 200 OK\r\ncontent-le", "close"],
    ["something that is no HTTP", "220 mail.example ESMTP\r\n", "close"],
    ["a switch to another protocol", "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "close"],
  ] as const)("%s", async (_, bytes, end) => {
    const server = await answering(bytes, end);
    expect(await outcome(local(server.port))).toMatchObject({ kind: "ambiguous" });
  });

  it("silence, until its own time is over", async () => {
    const side = await httpOtherSide({ keyHeader: "x" });
    onTestFinished(() => side.close());
    await side.play("hold");
    const timeouts = { connect: 40, total: 100 };
    expect(await outcome(local(side.port), { timeouts })).toEqual({
      kind: "ambiguous",
      why: "no answer: it took longer than 100 ms",
    });
    expect(side.requests).toHaveLength(1);
  });

  it("also where the server knows no 100 Continue: the body is sent after a second", async () => {
    const server = await raw((socket) => onRequest(socket, () => socket.resetAndDestroy()));
    expect(await outcome(local(server.port), { expectContinue: true })).toMatchObject({ kind: "ambiguous" });
  });
});

describe("a 2xx is accepted, whatever comes after its header:", () => {
  it.each([
    ["JSON that ends too soon, and a reset", 'content-length: 90\r\n\r\n{"id":', "reset"],
    ["a body that never comes", "content-length: 90\r\n\r\n", "close"],
    ["no JSON", "content-length: 3\r\n\r\nyes", "close"],
    ["JSON without an id", "content-length: 2\r\n\r\n{}", "close"],
    ["a body of 65,537 bytes", `content-length: 65537\r\n\r\n${"x".repeat(65_537)}`, "close"],
  ] as const)("%s", async (_, rest, end) => {
    const server = await answering(`HTTP/1.1 200 OK\r\n${rest}`, end);
    expect(await outcome(local(server.port))).toEqual({ kind: "accepted", receipt: null });
  });

  it("a body that is held back, when the time is over", async () => {
    const server = await raw((socket) =>
      onRequest(socket, () => socket.write('HTTP/1.1 201 Created\r\ncontent-length: 90\r\n\r\n{"id":')),
    );
    const timeouts = { connect: 500, total: 1_000 };
    expect(await outcome(local(server.port), { timeouts })).toEqual({ kind: "accepted", receipt: null });
  });

  it("and its receipt is read where it can be", async () => {
    const server = await answering('HTTP/1.1 202 Accepted\r\ncontent-length: 12\r\n\r\n{"id":"m-7"}');
    expect(await outcome(local(server.port))).toEqual({ kind: "accepted", receipt: "m-7" });
  });
});

describe("a process that was blocked past a time-out reads what came in meanwhile before it gives up:", () => {
  const block = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

  it("an answer is an answer", async () => {
    const server = await raw((socket) =>
      onRequest(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"id":"m-1"}');
        block(150);
      }),
    );
    const timeouts = { connect: 100, total: 100 };
    expect(await outcome(local(server.port), { timeouts })).toEqual({ kind: "accepted", receipt: "m-1" });
  });

  it("and a reset before the body is one: the body is not sent because the wait for 100 Continue is over", async () => {
    const server = await raw((socket) =>
      socket.once("data", () => {
        socket.resetAndDestroy();
        block(1_100);
      }),
    );
    const { kind } = await outcome(local(server.port), { expectContinue: true });
    expect(kind).toBe("refusedTransient");
  });
});

describe("a connection that is kept", () => {
  it("is used again; in mode at-most-once each call has its own, unless said", async () => {
    for (const [mode, options, expected] of [
      ["at-least-once", {}, 1],
      ["at-most-once", {}, 3],
      ["at-most-once", { keepAlive: true }, 1],
      ["at-least-once", { keepAlive: false }, 3],
    ] as const) {
      const side = await httpOtherSide({ keyHeader: "x" });
      onTestFinished(() => side.close());
      const notifier = notifierFor(local(side.port), { mode, ...options });
      for (let i = 0; i < 3; i++)
        expect(await notifier.send(message("+49"), context())).toMatchObject({ receipt: "taken-1" });
      expect(side.connections).toBe(expected);
    }
  });

  const taken = 'HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 12\r\n\r\n{"id":"m-1"}';

  it("was closed while it rested: the call is made on a new one", async () => {
    let closed = Promise.resolve<unknown>(undefined);
    const server = await raw((socket) => {
      closed = once(socket, "close");
      onRequest(socket, () => socket.end(taken));
    });
    const notifier = notifierFor(local(server.port), { mode: "at-least-once" });
    for (let i = 0; i < 5; i++) {
      expect((await notifier.send(message("+49"), context()))?.kind).toBe("accepted");
      await closed;
    }
    expect(server.connections).toBe(5);
  });

  it("is closed as the message is written to it: that is ambiguous, and no second call is made", async () => {
    const whole: string[] = [];
    const server = await raw((socket) => {
      let first = true;
      onRequest(socket, (text) => {
        whole.push(text);
        if (first) socket.write(taken);
        else socket.resetAndDestroy();
        first = false;
      });
    });
    const notifier = notifierFor(local(server.port), { mode: "at-least-once" });
    expect((await notifier.send(message("+49"), context()))?.kind).toBe("accepted");
    expect((await notifier.send(message("+49"), context()))?.kind).toBe("ambiguous");
    expect(whole).toHaveLength(2);
    expect(server.connections).toBe(1);
  });

  it("is closed as the header is written to it, and the body waits for 100 Continue: the call is made on a new one", async () => {
    let bodies = 0;
    const server = await raw((socket) => {
      let calls = 0;
      socket.setEncoding("utf8").on("data", (text: string) => {
        if (text.startsWith("POST") && ++calls === 1) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        else if (text.startsWith("POST")) socket.resetAndDestroy();
        else {
          bodies += 1;
          socket.write(taken);
        }
      });
    });
    const notifier = notifierFor(local(server.port), { mode: "at-least-once", expectContinue: true });
    for (const calls of [1, 2]) {
      expect((await notifier.send(message("+49"), context()))?.kind).toBe("accepted");
      expect(bodies).toBe(calls);
    }
    expect(server.connections).toBe(2);
  });
});

async function tlsSide() {
  let requests = 0;
  const server = createTlsServer({ key: testKey, cert: testCertificate }, (request, response) => {
    requests += 1;
    request.resume();
    response.end('{"id":"m-1"}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
  };
}
