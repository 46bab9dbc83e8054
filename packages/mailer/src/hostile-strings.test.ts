import type { Recipient } from "@milepost/core";
import fc from "fast-check";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleContext, sampleMessage } from "./call-samples.js";
import { composeMail } from "./mime/compose.js";
import { letterheadOf } from "./mime/letterhead-options.js";
import { addressesIn, fieldOf, rawHeader } from "./raw-message.js";
import { smtpNotifier } from "./smtp/smtp-notifier.js";
import { type SmtpTestServer, smtpTestServer } from "./testing/index.js";

// S1 and S2: whatever strings come, one message to one recipient, and no header that is not ours.

/** What a message may have; nothing else, and each once. */
const ours = new Set(
  "from to reply-to subject message-id date mime-version content-type content-transfer-encoding auto-submitted content-language list-unsubscribe list-unsubscribe-post".split(
    " ",
  ),
);

const injections = [
  "\r\nBcc: evil@evil.example",
  "\nBcc: evil@evil.example",
  "\rBcc: evil@evil.example",
  "\u2028Bcc: evil@evil.example",
  "\u0085Bcc: evil@evil.example",
  "\0",
  "\v\f\x7f\x1b[2J",
  "\r\n\r\n<b>body</b>",
  "\r\n.\r\nRSET\r\nMAIL FROM:<evil@evil.example>",
  ", evil@evil.example",
  "; evil@evil.example",
  "> , <evil@evil.example",
  '" <evil@evil.example>, "',
  "\\",
  "=?utf-8?Q?=0D=0ABcc:_evil@evil.example?=",
  "=?utf-8?B?DQpCY2M6IGV2aWxAZXZpbC5leGFtcGxl?=",
  "%0d%0aBcc:evil@evil.example",
  "\ud800",
  "\u202e",
  "(((((((",
  "all: a@evil.example, b@evil.example;",
  "x".repeat(1_500),
  "\u{1f600}".repeat(400),
];
const hostile = fc.oneof(
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 60 }) },
  {
    weight: 4,
    arbitrary: fc
      .array(fc.oneof(fc.constantFrom(...injections), fc.string({ maxLength: 12 })), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join("")),
  },
);
/** An address that is one at times. */
const address = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("olga@acme.example", "info@Büro.example") },
  { weight: 2, arbitrary: hostile },
  { weight: 2, arbitrary: fc.tuple(hostile, hostile).map((parts) => parts.join("@")) },
  { weight: 1, arbitrary: hostile.map((text) => `olga${text}@acme.example`) },
  { weight: 1, arbitrary: hostile.map((text) => `olga@acme.example${text}`) },
);
const optional = fc.option(hostile, { nil: undefined });
const recipient = fc.record({ address, name: optional, firstName: optional, lastName: optional, locale: optional });
const strings = fc.record({
  to: recipient,
  subject: fc.option(hostile, { nil: null }),
  text: fc.option(hostile, { nil: null }),
  html: fc.option(hostile, { nil: null }),
  messageId: fc.oneof(
    { weight: 5, arbitrary: fc.constant("<n-1@milepost.example>") },
    { weight: 1, arbitrary: hostile.map((text) => `<n${text}@milepost.example>`) },
  ),
  fromName: hostile,
  replyName: hostile,
  url: fc.oneof(
    fc.constant("https://acme.example/u"),
    hostile.map((text) => `https://acme.example/u?${text}`),
    hostile,
  ),
  mailto: fc.oneof(fc.constant(undefined), fc.constant("leave@acme.example"), address),
});
type Strings = typeof strings extends fc.Arbitrary<infer S> ? S : never;

const countOf = ({ to, ...rest }: Strings) =>
  [...Object.values(to), ...Object.values(rest)].filter((value) => typeof value === "string").length;

const from = "milestones@example.com";
const replyTo = "help@example.com";

const writer = createTransport({ streamTransport: true, buffer: true, newline: "windows" });

/** The bytes and the envelope that come of some strings; null where they were refused. */
async function written({ to, subject, text, html, messageId, fromName, replyName, url, mailto }: Strings) {
  const letterhead = letterheadOf({
    from: { address: from, name: fromName },
    replyTo: { address: replyTo, name: replyName },
    unsubscribe: () => ({ url, ...(mailto !== undefined && { mailto }) }),
  });
  const message = sampleMessage({ to: to as Recipient, subject, text, html });
  const mail = await composeMail(message, sampleContext({ messageId }), letterhead);
  if ("kind" in mail) {
    expect(mail.kind).toBe("refusedPermanent");
    expect(mail).toMatchObject({ why: expect.not.stringContaining("evil") });
    return null;
  }
  const sent = (await writer.sendMail(mail)) as unknown as {
    message: Buffer;
    envelope: { from: string; to: string[] };
  };
  return { bytes: sent.message, envelope: sent.envelope, to: mail.envelope.to };
}

function expectOneRecipient({ bytes, envelope, to }: NonNullable<Awaited<ReturnType<typeof written>>>): void {
  const fields = rawHeader(bytes);
  const names = fields.map(({ name }) => name);
  expect(names.filter((name) => !ours.has(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(to).toHaveLength(1);
  expect(envelope).toEqual({ from, to });
  const { value } = fields.find(({ name }) => name === "to")!;
  expect(addressesIn(value)).toEqual(to);
  expect(addressesIn(fieldOf(bytes, "From")!)).toEqual([from]);
  expect(addressesIn(fieldOf(bytes, "Reply-To")!)).toEqual([replyTo]);
  // one https address, and perhaps one mailbox
  expect(fieldOf(bytes, "List-Unsubscribe")).toMatch(/^<https:\/\/[!-;=?-~]+>(, <mailto:[!-;=?-~]+>)?$/);
  const body = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4).toString("latin1");
  expect(body.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  expect(Math.max(...body.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
}

test("of 100,000 hostile strings in every field none becomes a header or a recipient", {
  timeout: 300_000,
}, async () => {
  let tried = 0;
  let sent = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(strings, async (each) => {
      tried += countOf(each);
      const result = await written(each);
      if (result === null) {
        refused += 1;
        return;
      }
      sent += 1;
      expectOneRecipient(result);
    }),
    { numRuns: 13_000 },
  );
  expect(tried).toBeGreaterThanOrEqual(100_000);
  // both ends were reached
  expect(sent).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(1_000);
});

describe("over a real session", () => {
  let server: SmtpTestServer;
  beforeAll(async () => {
    server = await smtpTestServer();
  });
  afterAll(() => server.close());

  test("what the server hears is one sender, one recipient and one message", { timeout: 120_000 }, async () => {
    let known = 0;
    await fc.assert(
      fc.asyncProperty(strings, async ({ to, subject, text, html, messageId, fromName }) => {
        const notifier = smtpNotifier({
          host: server.host,
          port: server.port,
          from: { address: from, name: fromName.slice(0, 200) },
        });
        const heard = server.heard.length;
        const message = sampleMessage({ to: to as Recipient, subject, text, html });
        const outcome = await notifier.send(message, sampleContext({ messageId }));
        await notifier.close();
        const commands = server.heard.slice(heard).filter((line) => !/^(EHLO|RSET)/.test(line));
        if (outcome.kind !== "accepted") {
          expect(outcome.kind).toBe("refusedPermanent");
          expect(commands).toEqual([]);
          return;
        }
        expect(server.messages).toHaveLength(++known);
        const { recipients, bytes } = server.messages.at(-1)!;
        expect(commands).toEqual([`MAIL FROM:<${from}>`, `RCPT TO:<${recipients[0]}>`, "DATA"]);
        expect(addressesIn(fieldOf(bytes, "To")!)).toEqual(recipients);
        expect(rawHeader(bytes).filter(({ name }) => !ours.has(name))).toEqual([]);
      }),
      { numRuns: 400 },
    );
    expect(known).toBeGreaterThan(20);
  });
});
