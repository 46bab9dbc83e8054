import { generateKeyPairSync } from "node:crypto";
import { MilepostError } from "@milepost/core";
import { describe, expect, it, test } from "vitest";
import { previewNotifier } from "../preview/preview-notifier.js";
import { smtpNotifier } from "./smtp-notifier.js";
import type { SmtpNotifierOptions } from "./smtp-options.js";
import { smtpServerOf } from "./smtp-url.js";

const good = { host: "mail.example.com", from: "us@example.com" };
const { privateKey: ed25519 } = generateKeyPairSync("ed25519", {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const dkim = { domainName: "example.com", keySelector: "s" };

function refusal(act: () => unknown): MilepostError {
  try {
    act();
  } catch (error) {
    if (MilepostError.is(error)) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("options", () => {
  it("have defaults for all but the server and the sender", async () => {
    const notifier = smtpNotifier(good);
    expect(notifier).toMatchObject({ name: "smtp", channel: "email", mode: "at-most-once" });
    await notifier.close();
    expect(smtpNotifier({ ...good, mode: "at-least-once", name: "news" })).toMatchObject({
      mode: "at-least-once",
      name: "news",
    });
  });

  test.each<[string, string, object]>([
    ["no server", "host", { from: "us@example.com" }],
    ["no sender", "from", { host: "mail.example.com" }],
    ["two senders", "from", { ...good, from: "a@x.example, b@x.example" }],
    ["a sender's name with its address", "from", { ...good, from: "Us <us@example.com>" }],
    ["another sender's field", "from.adress", { ...good, from: { address: "us@example.com", adress: "x" } }],
    ["a reply address that is none", "replyTo", { ...good, replyTo: "nobody" }],
    ["a promise that SMTP cannot keep", "mode", { ...good, mode: "idempotent" }],
    ["a port beyond all", "port", { ...good, port: 70_000 }],
    ["a host of two lines", "host", { ...good, host: "mail.example.com\r\nRSET" }],
    ["an EHLO name of two lines", "ehloName", { ...good, ehloName: "a\r\nRSET" }],
    ["half a login", "auth.pass", { ...good, auth: { user: "u" } }],
    ["no time at all", "sendTimeout", { ...good, sendTimeout: 0 }],
    [
      "a key that nodemailer would not sign with",
      "dkim.privateKey",
      { ...good, dkim: { ...dkim, privateKey: ed25519 } },
    ],
    ["no key", "dkim.privateKey", { ...good, dkim: { ...dkim, privateKey: "canary" } }],
    ["links that are no function", "unsubscribe", { ...good, unsubscribe: "https://x.example" }],
    ["an option that is none", "requireTls", { ...good, requireTls: true }],
    ["an option of nodemailer's", "maxRequeues", { ...good, maxRequeues: 5 }],
    ["a server beside a transport", "host", { ...good, transport: undefined }],
  ])("with %s are refused, with the path %s", (_, path, options) => {
    // a transport that is undefined is one that is missing
    const expected = "transport" in options ? expect.stringMatching(/host|transport/) : path;
    const error = refusal(() => smtpNotifier(options as SmtpNotifierOptions));
    expect(error).toMatchObject({ code: "invalid_options", path: expected });
  });

  test.each([undefined, null, 5, "smtp://localhost", []])("that are %j are refused", (options) => {
    expect(refusal(() => smtpNotifier(options as never)).code).toBe("invalid_options");
    expect(refusal(() => previewNotifier(options as never)).code).toBe("invalid_options");
  });

  it("are never quoted", () => {
    const secret = "canary-5f2a";
    for (const options of [
      { ...good, auth: { user: secret, pass: 5 } },
      { ...good, auth: { user: "", pass: secret } },
      { ...good, from: secret },
      { ...good, host: `${secret} x` },
      { ...good, dkim: { ...dkim, privateKey: secret } },
      { ...good, mode: secret },
    ]) {
      const error = refusal(() => smtpNotifier(options as never));
      expect(JSON.stringify([error.message, error.expected, error.path, error.cause])).not.toContain(secret);
    }
  });
});

describe("a server's URL", () => {
  test.each([
    ["smtp://mail.example.com", { host: "mail.example.com", secure: false }],
    ["smtps://mail.example.com:4650", { host: "mail.example.com", port: 4650, secure: true }],
    ["smtp://[::1]:25", { host: "::1", port: 25, secure: false }],
    [
      "smtp://u%40example.com:p%2Fw@mail.example.com:587",
      { host: "mail.example.com", port: 587, secure: false, auth: { user: "u@example.com", pass: "p/w" } },
    ],
  ])("%s says where, and as whom", (url, settings) => {
    expect(smtpServerOf(url)).toEqual(settings);
    expect(smtpServerOf(new URL(url))).toEqual(settings);
  });

  test.each([
    undefined,
    "",
    "mail.example.com",
    "https://canary@mail.example.com",
    "smtp://canary@",
    "smtp://canary%ff:p@mail.example.com",
    "smtp://mail.example.com?pool=true&canary=1",
  ])("%s is refused, and not quoted", (url) => {
    const error = refusal(() => smtpServerOf(url));
    expect(error).toMatchObject({ code: "invalid_options", path: "url" });
    expect(error.message).not.toContain("canary");
  });
});
