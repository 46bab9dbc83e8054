import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import type { RenderedMessage, SendContext } from "@milepost/core";
import { afterEach, expect, test } from "vitest";
import { smtpNotifier } from "./smtp-notifier.js";

const message: RenderedMessage = {
  to: { address: "ada@example.com", firstName: "Ada", lastName: "<eve@example.com>, Moreau" },
  subject: "Hello",
  text: "Hi Ada",
  html: null,
};
const context: SendContext = {
  tenant: "default",
  notification: "n1",
  idempotencyKey: "k1",
  attempt: 1,
  messageId: "<n1@mail.example.com>",
  signal: new AbortController().signal,
};

let server: Server | undefined;
afterEach(() => server?.close());

/** Speaks just enough SMTP; answers each verb with 250 unless told, and hangs up where the answer is null. */
async function smtpServer(answers: Record<string, string | null>, heard: string[] = []): Promise<URL> {
  server = createServer((socket) => {
    let inBody = false;
    socket.on("error", () => {});
    socket.write("220 ready\r\n");
    createInterface({ input: socket }).on("line", (line) => {
      heard.push(line);
      if (inBody && line !== ".") return;
      const verb = inBody ? "." : line.slice(0, 4).toUpperCase();
      inBody = verb === "DATA";
      const answer = answers[verb] === undefined ? (inBody ? "354 go on" : "250 ok") : answers[verb];
      if (answer === null) socket.destroy();
      else socket.write(`${answer}\r\n`);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return new URL(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const send = (url: URL) => smtpNotifier({ name: "mail", url, from: "us@example.com" }).send(message, context);

test("sends to the recipient alone, with the engine's Message-ID", async () => {
  const heard: string[] = [];
  const outcome = await send(await smtpServer({ ".": "250 queued as 42" }, heard));
  expect(outcome).toEqual({ kind: "accepted", receipt: "250 queued as 42" });
  expect(heard.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
    "MAIL FROM:<us@example.com>",
    "RCPT TO:<ada@example.com>",
  ]);
  expect(heard).toContain("Message-ID: <n1@mail.example.com>");
});

test.each([
  ["a 4xx reply", { RCPT: "451 try later" }, "refusedTransient"],
  ["a 5xx reply", { RCPT: "550 no such user" }, "refusedPermanent"],
  ["a 5xx reply to the body", { ".": "554 no spam" }, "refusedPermanent"],
  ["a connection lost after the body", { ".": null }, "ambiguous"],
])("%s, as in %j, is %s", async (_, answers, kind) => {
  expect(await send(await smtpServer(answers as Record<string, string | null>))).toMatchObject({ kind });
});

test("a refused connection has sent nothing", async () => {
  const url = await smtpServer({});
  server!.close();
  await once(server!, "close");
  expect(await send(url)).toMatchObject({ kind: "refusedTransient" });
});
