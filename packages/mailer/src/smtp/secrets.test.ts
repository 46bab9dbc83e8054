import { createMilepost, memoryStore, milestone, type RenderedMessage, thresholds } from "@milepost/core";
import { createTransport } from "nodemailer";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { sampleContext, sampleMessage } from "../call-samples.js";
import { type SmtpAnswer, type SmtpStep, type SmtpTestServer, smtpSteps, smtpTestServer } from "../testing/index.js";
import { scrubbed } from "./scrub.js";
import { smtpNotifier } from "./smtp-notifier.js";

// S14: a server that repeats all it knows, at every step, and nothing of it gets into an outcome, an event or a log.

const canary = {
  address: "canary-address@acme.example",
  name: "Canary Name",
  firstName: "Canaryfirst",
  lastName: "Canarylast",
  subject: "the canary subject",
  user: "canary-user",
  pass: "canary-pässword",
  from: "canary-from@example.com",
};
const base64 = (text: string) => Buffer.from(text).toString("base64");
const secrets = [
  ...Object.values(canary),
  "canary-address",
  "canary-from",
  base64(canary.user),
  base64(canary.pass),
  base64(`\0${canary.user}\0${canary.pass}`),
];
const everything = [
  ...secrets,
  "CANARY-ADDRESS@ACME.EXAMPLE",
  "<canary-address@[acme.example]>",
  "canary-address=acme.example@bounces.example",
  "SRS0=x=acme.example=canary-address@x",
  '"canary-address"@acme.example',
].join(" | ");

const message: RenderedMessage = sampleMessage({ to: canary, subject: canary.subject });
const times = { connectionTimeout: 200, socketTimeout: 200, sendTimeout: 2_000 };

let server: SmtpTestServer;
const printed: string[] = [];
beforeEach(() => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    vi.spyOn(stream, "write").mockImplementation((...args: unknown[]) => {
      printed.push(String(args[0]));
      return (write as (...all: unknown[]) => boolean)(...args);
    });
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  printed.length = 0;
  await server.close();
});

const expectClean = (said: unknown) => {
  const text = JSON.stringify(said, (_, value: unknown) => (value instanceof Error ? String(value.stack) : value));
  for (const secret of secrets) expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
  expect(text.toLowerCase()).not.toContain("canary");
};

const replies: readonly SmtpAnswer[] = [
  `250 2.0.0 ok ${everything}`,
  `354 ${everything}`,
  `421 4.3.2 ${everything}`,
  `451 4.7.1 ${everything}`,
  `550 5.1.1 ${everything}`,
  `554-5.7.1 ${everything}\n554 5.7.1 ${everything}`,
  `${everything}`,
  { lastWords: `550 ${everything}` },
  { lastWords: `${everything}` },
  "cut",
  "silence",
];

async function outcomeAt(step: SmtpStep, answer: SmtpAnswer) {
  server = await smtpTestServer({
    extensions: ["AUTH PLAIN LOGIN"],
    answer: (at) => (at === step ? answer : undefined),
  });
  const notifier = smtpNotifier({
    ...{ host: server.host, port: server.port, ...times, requireTLS: false },
    auth: { user: canary.user, pass: canary.pass },
    from: { address: canary.from, name: canary.name },
  });
  const outcome = await notifier.send(message, sampleContext());
  await notifier.close();
  return outcome;
}

describe.each(smtpSteps.filter((step) => step !== "other" && step !== "QUIT"))(
  "a server that tells all at %s",
  (step) => {
    it.each(replies)("with %j", async (answer) => {
      const outcome = await outcomeAt(step, answer);
      expectClean(outcome);
      expectClean(printed);
    });
  },
);

test("what is left of a reply is what an operator needs", async () => {
  expect(await outcomeAt("RCPT", "550 5.1.1 <canary-address@acme.example>: user unknown\tin table")).toEqual({
    kind: "refusedPermanent",
    why: "550 5.1.1 <…>: user unknown in table (to RCPT TO)",
  });
  await server.close();
  expect(await outcomeAt("accepted", "250 2.0.0 Ok: queued as 4XyZ1")).toEqual({
    kind: "accepted",
    receipt: "250 2.0.0 Ok: queued as 4XyZ1",
  });
});

test.each([
  ["a subject of any length", { subject: "x".repeat(60_000) }],
  ["a name of any length", { to: { address: canary.address, name: "(".repeat(60_000) } }],
])("a message that was accepted is told as accepted, with %s", async (_, changes) => {
  server = await smtpTestServer();
  const notifier = smtpNotifier({ host: server.host, port: server.port, from: canary.from });
  expect(await notifier.send(sampleMessage(changes), sampleContext())).toMatchObject({ kind: "accepted" });
  await notifier.close();
});

test.each([{ response: null }, { response: 250 }, {}, undefined, { rejectedErrors: {} }, { rejectedErrors: [null] }])(
  "a message that was accepted is told as accepted, also where a transport of the host's says %j",
  async (info) => {
    server = await smtpTestServer();
    const transport = createTransport({ host: server.host, port: server.port });
    const sendMail = transport.sendMail.bind(transport);
    vi.spyOn(transport, "sendMail").mockImplementation((mail) => sendMail(mail).then(() => info as never));
    const notifier = smtpNotifier({ transport, from: canary.from });
    expect(await notifier.send(message, sampleContext())).toEqual({ kind: "accepted", receipt: "" });
    expect(server.messages).toHaveLength(1);
  },
);

describe("a server that repeats the header as it was sent", () => {
  const umlauts = {
    subject: `Kündigung für Jörg Müller, ${"Äpfel und Birnen ".repeat(10)}`,
    to: { address: canary.address, name: "Jörg Müßiggang" },
  };
  const quotes = { subject: 'the "canary" subject', to: { address: canary.address, name: 'Canary "the \\" Name' } };
  const long = { subject: "a canary of many words ".repeat(40), to: canary };

  it.each([
    ["encoded", umlauts],
    ["quoted", quotes],
    ["folded", long],
  ] as const)("%s", async (_, changes) => {
    let header: readonly string[] = [];
    server = await smtpTestServer({
      onMessage: ({ bytes }) => {
        const [fields] = bytes.toString("latin1").split("\r\n\r\n");
        header = fields!.match(/^(?:Subject|To):.*(?:\r\n\s.*)*/gm)!;
      },
      answer: (step) =>
        step === "accepted" ? `550 5.6.0 not liked: ${header.join(" ").replace(/\r\n/g, "")}` : undefined,
    });
    const notifier = smtpNotifier({ host: server.host, port: server.port, from: canary.from });
    const outcome = await notifier.send(sampleMessage(changes), sampleContext());
    expect(outcome.kind).toBe("refusedPermanent");
    expect(header).toHaveLength(2);
    expectClean(outcome);
    expect(JSON.stringify(outcome)).not.toMatch(/=\?|K=C3|Birnen/);
    await notifier.close();
  });
});

test("a server that repeats a name as it was shown, cut and without its quotes, tells nothing of it", async () => {
  const name = `Canary "the" ${"Name ".repeat(60)}`;
  server = await smtpTestServer({
    answer: (step) => (step === "RCPT" ? `550 5.1.1 ${name.slice(0, 200).trim()} is not liked` : undefined),
  });
  const notifier = smtpNotifier({ host: server.host, port: server.port, from: canary.from });
  const to = { address: canary.address, name };
  expect(await notifier.send(sampleMessage({ to }), sampleContext())).toEqual({
    kind: "refusedPermanent",
    why: "550 5.1.1 … is not liked (to RCPT TO)",
  });
  await notifier.close();
});

describe("a secret that a server repeats", () => {
  it.each([
    ["at other spaces than it has", "the canary subject", "the  canary\r\n\tsubject"],
    ["over its own end", "canary-canary-canary", "canary-canary"],
    ["with the letters that only capitals make alike", "Οδυσσεύς ſubject", "ΟΔΥΣΣΕΎΣ SUBJECT"],
  ])("%s leaves nothing", (_, said, secret) => {
    expect(scrubbed(`550 no: ${said} is not liked`, [secret])).toBe("550 no: … is not liked");
  });
});

describe("a secret that was cut", () => {
  const secret = "geheimnisvoller-".repeat(40);

  it("leaves nothing where the text is cut", () => {
    for (const before of ["", "x", "550 "]) {
      for (const between of ["", " ", ", "]) {
        const said = scrubbed(before + (secret + between).repeat(8), [secret, "volle"]);
        expect(said).not.toMatch(/geh|heim|volle/);
      }
    }
  });

  it("leaves nothing where the server cut it, in any case of letters", () => {
    expect(scrubbed(`550 no: ${secret.slice(0, 50).toUpperCase()}`, [secret])).toBe("550 no: …");
    expect(scrubbed("550 no: the\r\n canary", ["the canary subject"])).toBe("550 no: …");
    expect(scrubbed("550 no: =?UTF-8?Q?K=C3=BCnd", [])).toBe("550 no: …");
    expect(scrubbed("550 no: =?utf-8?b?S8O8bmQ=?= =?utf-8?b?S8O8", [])).toBe("550 no: … …");
  });

  it("does not cost what is no part of it", () => {
    expect(scrubbed("250 ok: queued as 4Xa", ["a b c", "as if"])).toBe("250 ok: queued as 4Xa");
  });
});

test("an address that is none is refused without a word of it", async () => {
  server = await smtpTestServer();
  const notifier = smtpNotifier({ host: server.host, port: server.port, from: canary.from });
  for (const address of ["canary", "canary@", "canary@x@y", `${"canary".repeat(50)}@x.example`, "canäry@x.example"]) {
    const outcome = await notifier.send(sampleMessage({ to: { address } }), sampleContext());
    expect(outcome.kind).toBe("refusedPermanent");
    expectClean(outcome);
  }
  await notifier.close();
});

test("the reason for an address that is none is stored as it was given", async () => {
  server = await smtpTestServer();
  const milepost = createMilepost({
    store: memoryStore(),
    milestones: [
      milestone({
        name: "m",
        metric: "e",
        policy: thresholds(1),
        recipients: { resolve: async () => [{ address: "canary" }] },
        message: { text: "x" },
        notifier: smtpNotifier({ host: server.host, port: server.port, from: canary.from }),
      }),
    ],
  });
  await milepost.record({ id: "1", metric: "e", subject: "s" });
  await milepost.runOnce();
  const [row] = await milepost.notifications.list();
  expect(row!.detail).toMatch(/is no mailbox: it lacks an at sign, or what stands before or after it$/);
  await milepost.close();
});

test("neither rows nor events of the engine have what a server repeated", async () => {
  server = await smtpTestServer({
    extensions: ["AUTH PLAIN"],
    answer: (step) => (step === "RCPT" ? `550 ${everything}` : undefined),
  });
  const events: unknown[] = [];
  const milepost = createMilepost({
    store: memoryStore(),
    milestones: [
      milestone({
        name: "m",
        metric: "e",
        policy: thresholds(1),
        recipients: { resolve: async () => [canary] },
        message: { subject: canary.subject, text: "x" },
        notifier: smtpNotifier({
          ...{ host: server.host, port: server.port, requireTLS: false, from: canary.from },
          auth: { user: canary.user, pass: canary.pass },
        }),
      }),
    ],
  });
  for (const name of ["sending", "sent", "retry", "failed", "unknown", "ambiguous", "error", "crossing"] as const) {
    milepost.on(name, (event) => events.push(event));
  }
  await milepost.record({ id: "1", metric: "e", subject: "s" });
  await milepost.runOnce();
  const [row] = await milepost.notifications.list();
  expect(row?.state).toBe("failed");
  expect(events.length).toBeGreaterThan(1);
  expectClean(events);
  expectClean([row!.detail, row!.receipt, row!.reason, await milepost.notifications.attempts({ id: row!.id })]);
  await milepost.close();
});

test("scrubbing takes time linear in what is said, and keeps to one short line", () => {
  const started = performance.now();
  const text = scrubbed(`${"a@".repeat(5_000_000)}\r\n${"@".repeat(5_000_000)}\u2028\0`, [
    "a".repeat(1_000),
    "(((((",
    "\\d+",
  ]);
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(text.length).toBeLessThanOrEqual(300);
  expect(text).toMatch(/^[^\p{Cc}\u2028]*$/u);
});
