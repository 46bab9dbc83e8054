import type { RenderedMessage, SendContext } from "@milepost/core";
import { afterEach, expect, test } from "vitest";
import { type FakeSmtpServer, fakeSmtpServer, type SmtpAnswers } from "./fake-smtp-server.js";
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

let server: FakeSmtpServer | undefined;
afterEach(() => server?.close());

async function answering(answers: SmtpAnswers): Promise<URL> {
  server = await fakeSmtpServer(answers);
  return server.url;
}

const send = (url: URL) => smtpNotifier({ name: "smtp", url, from: "us@example.com" }).send(message, context);

test("sends to the recipient alone, with the engine's Message-ID", async () => {
  const outcome = await send(await answering({ ".": "250 queued as 42" }));
  const { heard } = server!;
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
  expect(await send(await answering(answers as SmtpAnswers))).toMatchObject({ kind });
});

test("a refused connection has sent nothing", async () => {
  const url = await answering({});
  await server!.close();
  expect(await send(url)).toMatchObject({ kind: "refusedTransient" });
});
