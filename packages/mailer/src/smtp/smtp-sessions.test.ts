import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createTransport } from "nodemailer";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterEach, describe, expect, it, test } from "vitest";
import { sampleContext, sampleMessage } from "../call-samples.js";
import { verifiedHeaders } from "../dkim-verifier.js";
import { type SmtpTestServer, smtpTestServer } from "../testing/index.js";
import { selfSigned } from "./self-signed.js";
import { smtpNotifier } from "./smtp-notifier.js";
import type { SmtpServerNotifierOptions } from "./smtp-options.js";

const auth = { user: "milepost", pass: "s3cret" };
const from = "us@example.com";
const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Good {
  readonly port: number;
  /** How each message came: over TLS or not, and as whom. */
  readonly taken: { readonly secure: boolean; readonly user: unknown }[];
}

/** A server that can do TLS and logins. */
async function goodServer(options: SMTPServerOptions): Promise<Good> {
  const taken: Good["taken"] = [];
  const server = new SMTPServer({
    ...selfSigned,
    onAuth: (login, _, done) =>
      login.username === auth.user && login.password === auth.pass
        ? done(null, { user: login.username })
        : done(new Error("no")),
    onData(stream, session, done) {
      stream.resume().on("end", () => {
        taken.push({ secure: session.secure, user: session.user });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  closing.push(() => new Promise((resolve) => server.close(() => resolve(undefined))));
  return { port: (server.server.address() as AddressInfo).port, taken };
}

const sendTo = async (port: number, options: Partial<SmtpServerNotifierOptions> = {}) => {
  const notifier = smtpNotifier({ host: "127.0.0.1", port, from, ...options });
  closing.push(() => notifier.close());
  return notifier.send(sampleMessage(), sampleContext());
};

describe("TLS", () => {
  const trusted = { tls: { ca: selfSigned.cert } };

  it("from the first byte, with a certificate that the host trusts", async () => {
    const { port, taken } = await goodServer({ secure: true, authOptional: true });
    expect(await sendTo(port, { secure: true, ...trusted })).toMatchObject({ kind: "accepted" });
    expect(taken).toMatchObject([{ secure: true }]);
  });

  it("by STARTTLS where the server offers it", async () => {
    const { port, taken } = await goodServer({ authOptional: true });
    expect(await sendTo(port, trusted)).toMatchObject({ kind: "accepted" });
    expect(taken).toMatchObject([{ secure: true }]);
  });

  it("with a certificate that nobody trusts sends nothing", async () => {
    for (const secure of [true, false]) {
      const { port, taken } = await goodServer({ secure, authOptional: true });
      expect(await sendTo(port, { secure })).toMatchObject({
        kind: "refusedTransient",
        why: expect.stringContaining("before the message was handed over"),
      });
      expect(taken).toEqual([]);
    }
  });
});

describe("a login", () => {
  it("goes over TLS", async () => {
    const { port, taken } = await goodServer({});
    expect(await sendTo(port, { auth, tls: { ca: selfSigned.cert } })).toMatchObject({ kind: "accepted" });
    expect(taken).toEqual([{ secure: true, user: auth.user }]);
  });

  it("never goes without, unless the host says so", async () => {
    const plain = { hideSTARTTLS: true, allowInsecureAuth: true };
    const { port, taken } = await goodServer(plain);
    expect(await sendTo(port, { auth })).toMatchObject({ kind: "refusedTransient" });
    expect(taken).toEqual([]);
    expect(await sendTo(port, { auth, requireTLS: false })).toMatchObject({ kind: "accepted" });
    expect(taken).toEqual([{ secure: false, user: auth.user }]);
  });

  it("that is refused may be put right, and is tried again", async () => {
    const { port } = await goodServer({});
    const wrong = { auth: { ...auth, pass: "wrong" }, tls: { ca: selfSigned.cert } };
    expect(await sendTo(port, wrong)).toMatchObject({
      kind: "refusedTransient",
      why: expect.stringMatching(/^535 .*\(to AUTH PLAIN\)$/),
    });
  });
});

describe("DKIM", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const dkim = { domainName: "example.com", keySelector: "milepost", privateKey };
  let server: SmtpTestServer;

  async function signedWith(changes: Parameters<typeof sampleMessage>[0], options: object = {}): Promise<Buffer> {
    server = await smtpTestServer();
    closing.push(() => server.close());
    const notifier = smtpNotifier({ host: server.host, port: server.port, from, dkim, ...options });
    closing.push(() => notifier.close());
    expect(await notifier.send(sampleMessage(changes), sampleContext())).toMatchObject({ kind: "accepted" });
    return server.messages.at(-1)!.bytes;
  }

  it("signs what is sent, whatever its line breaks and dots", async () => {
    const texts = [
      "Hi",
      "a\rb\nc\r\nd\n\n\n",
      ".\n..\n.x",
      "  spaces \t\n trailing  ",
      "Grüße\u2028\u0000",
      "x".repeat(5_000),
    ];
    for (const text of texts) {
      const bytes = await signedWith({ text, html: `<p>${text}</p>`, to: { address: "o@acme.example", locale: "de" } });
      expect(verifiedHeaders(bytes, publicKey)).toEqual(
        expect.arrayContaining(["from", "to", "subject", "date", "message-id", "auto-submitted", "content-language"]),
      );
    }
  });

  it("covers both List-Unsubscribe headers (RFC 8058 section 3.1)", async () => {
    const bytes = await signedWith({}, { unsubscribe: () => ({ url: `https://acme.example/u?${"x".repeat(300)}` }) });
    const covered = verifiedHeaders(bytes, publicKey);
    expect(covered).toEqual(expect.arrayContaining(["list-unsubscribe", "list-unsubscribe-post"]));
  });

  it("is noticed missing by the verifier of these tests", async () => {
    const bytes = await signedWith({});
    for (const [find, put] of [
      ["Hi Olga", "Hi Olaf"],
      ["Subject: Hello", "Subject: Hullo"],
      ["auto-generated", "auto-replied"],
      ["DKIM-Signature", "X-Signature"],
    ] as const) {
      expect(bytes.includes(find)).toBe(true);
      expect(() => verifiedHeaders(Buffer.from(bytes.toString().replace(find, put)), publicKey)).toThrow();
    }
  });

  it("leaves a message that broke off before its end certainly unsent", async () => {
    server = await smtpTestServer({ answer: (step) => (step === "DATA" ? "cut" : undefined) });
    closing.push(() => server.close());
    for (const notifier of [
      smtpNotifier({ host: server.host, port: server.port, from, dkim }),
      smtpNotifier({ transport: createTransport({ host: server.host, port: server.port, dkim }), from }),
    ]) {
      closing.push(() => notifier.close());
      expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "refusedTransient" });
    }
  });
});

describe("a transport of the host's", () => {
  it("carries the host's own mail too, and stays open", async () => {
    const server = await smtpTestServer();
    closing.push(() => server.close());
    const transport = createTransport({ host: server.host, port: server.port, pool: true, maxRequeues: 0 });
    closing.push(() => transport.close());
    const notifiers = ["a", "b"].map((name) => smtpNotifier({ transport, from, name }));
    for (const notifier of notifiers) {
      expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "accepted" });
      await notifier.close();
    }
    await transport.sendMail({ from, to: ["a@acme.example", "b@acme.example"], subject: "the host's own", text: "x" });
    expect(server.messages.map(({ recipients }) => recipients.length)).toEqual([1, 1, 2]);
  });

  it("of LMTP is heard out to what became of the recipient", async () => {
    const server = await smtpTestServer({
      answer: (step, line) => {
        if (step === "other" && line.startsWith("LHLO")) return "250 test";
        return step === "accepted" ? "550 5.2.2 over quota" : undefined;
      },
    });
    closing.push(() => server.close());
    const transport = createTransport({ host: server.host, port: server.port, lmtp: true });
    const outcome = await smtpNotifier({ transport, from }).send(sampleMessage(), sampleContext());
    expect(outcome).toMatchObject({ kind: "refusedPermanent", why: "550 5.2.2 over quota (to the message)" });
  });

  test("should nodemailer come to read messages in another way, nothing is called unsent any more", async () => {
    let step: "accept" | "cut" = "accept";
    const server = await smtpTestServer({
      answer: (at) => (at === "RCPT" && step === "cut" ? "cut" : undefined),
    });
    closing.push(() => server.close());
    const transport = createTransport({ host: server.host, port: server.port });
    const notifier = smtpNotifier({ transport, from });
    // such a nodemailer: it reads what it kept of its own, and never asks for the stream we watch
    transport.use("stream", (mail, done) => {
      const message = mail.message! as unknown as Record<string, unknown>;
      delete message.createReadStream;
      done();
    });
    expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "accepted" });
    step = "cut";
    expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "ambiguous" });
  });

  test.each([
    ["nothing", undefined],
    ["a text", "smtp://localhost"],
    ["another kind", createTransport({ streamTransport: true })],
    ["a pool that repeats by itself", createTransport({ pool: true, host: "localhost" })],
    ["one that lets messages read files", createTransport({ host: "localhost", disableFileAccess: false })],
    ["one that lets messages fetch", createTransport({ host: "localhost", disableUrlAccess: false })],
    ["one with defaults", createTransport({ host: "localhost" }, { bcc: "all@example.com" })],
    ["one that renames headers", createTransport({ host: "localhost", normalizeHeaderKey: (key: string) => key })],
  ])("is refused if it is %s", (_, transport) => {
    expect(() => smtpNotifier({ transport: transport as never, from })).toThrow(
      expect.objectContaining({ code: "invalid_options", path: "transport" }),
    );
  });
});
