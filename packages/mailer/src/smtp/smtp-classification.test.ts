import type { Outcome } from "@milepost/core";
import { createTransport } from "nodemailer";
import { afterEach, describe, expect, test } from "vitest";
import { sampleContext, sampleMessage } from "../call-samples.js";
import { type SmtpAnswer, type SmtpStep, type SmtpTestServer, smtpTestServer } from "../testing/index.js";
import { smtpNotifier } from "./smtp-notifier.js";
import type { SmtpServerNotifierOptions } from "./smtp-options.js";

let server: SmtpTestServer | undefined;
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await server?.close();
});

/** Only a silence comes near them: a busy machine is no failure. Writing a large message takes a second. */
const timesOf = (step: SmtpStep, answer: SmtpAnswer) => {
  const patience = answer !== "silence" ? 20_000 : step === "body" ? 3_000 : 700;
  return { connectionTimeout: patience, greetingTimeout: patience, socketTimeout: patience };
};
const auth = { user: "milepost", pass: "secret" };

type Kind = Outcome["kind"] | "unavailable";
const faults: readonly [
  step: SmtpStep,
  Readonly<Record<string, readonly [answer: SmtpAnswer, kind: Kind, taken?: number]>>,
][] = [
  [
    "greeting",
    {
      silence: ["silence", "unavailable"],
      cut: ["cut", "unavailable"],
      reset: ["reset", "unavailable"],
      "421": ["421 too busy", "unavailable"],
      "554": ["554 your address is on a list", "unavailable"],
    },
  ],
  [
    "EHLO",
    {
      silence: ["silence", "unavailable"],
      cut: ["cut", "unavailable"],
      "421": ["421 going down", "unavailable"],
      "550": ["550 who are you", "unavailable"],
    },
  ],
  [
    "AUTH",
    {
      silence: ["silence", "unavailable"],
      cut: ["cut", "unavailable"],
      "454": ["454 4.7.0 temporary authentication failure", "unavailable"],
      "535": ["535 5.7.8 wrong password", "unavailable"],
    },
  ],
  [
    "MAIL",
    {
      silence: ["silence", "refusedTransient"],
      cut: ["cut", "refusedTransient"],
      "451": ["451 later", "unavailable"],
      "530, which is about the login": ["530 5.7.0 authentication required", "unavailable"],
      "550, which is about the sender": ["550 5.7.1 this account is blocked", "unavailable"],
      "552, which is about the message": ["552 5.3.4 too large", "refusedPermanent"],
    },
  ],
  [
    "RCPT",
    {
      silence: ["silence", "refusedTransient"],
      cut: ["cut", "refusedTransient"],
      "450": ["450 4.2.1 greylisted", "refusedTransient"],
      "550": ["550 5.1.1 no such user", "refusedPermanent"],
      "503, which is about the session": ["503 5.5.1 MAIL first", "refusedTransient"],
      "530, which is about the login": ["530 5.7.0 authentication required", "unavailable"],
    },
  ],
  [
    "DATA",
    {
      silence: ["silence", "refusedTransient"],
      cut: ["cut", "refusedTransient"],
      "451": ["451 4.3.0 no disk", "refusedTransient"],
      "554": ["554 5.7.1 not from you", "refusedPermanent"],
    },
  ],
  [
    "body",
    {
      silence: ["silence", "refusedTransient"],
      cut: ["cut", "refusedTransient"],
      reset: ["reset", "refusedTransient"],
      "451": ["451 4.3.0 no disk", "refusedTransient"],
      "552": ["552 5.3.4 too large", "refusedPermanent"],
    },
  ],
  [
    "dot",
    {
      silence: ["silence", "ambiguous"],
      cut: ["cut", "ambiguous"],
      reset: ["reset", "ambiguous"],
      "451": ["451 4.3.0 try later", "refusedTransient"],
      "421": ["421 4.3.2 going down", "refusedTransient"],
      "554": ["554 5.7.1 spam", "refusedPermanent"],
      "554 without its line break": [{ lastWords: "554 5.7.1 spam" }, "refusedPermanent"],
      "half of a reply": [{ lastWords: "55" }, "ambiguous"],
      "no reply that SMTP knows": ["what", "ambiguous"],
      "a code that has no place there": ["354 go on", "ambiguous"],
    },
  ],
  [
    "accepted",
    {
      silence: ["silence", "ambiguous", 1],
      cut: ["cut", "ambiguous", 1],
      "half of its 250": [{ lastWords: "250 2.0" }, "ambiguous", 1],
      "a 250 of which one line of two came": [{ lastWords: "250-2.0.0 ok\r\n" }, "ambiguous", 1],
      "250 and a cut": [{ lastWords: "250 2.0.0 ok\r\n" }, "accepted", 1],
    },
  ],
];

/** Told from a refusal for now: that the way out is closed to every message. */
function kindOf(outcome: Outcome): Kind {
  return outcome.kind === "refusedTransient" && outcome.unavailable ? "unavailable" : outcome.kind;
}

const cases = faults.flatMap(([step, answers]) =>
  Object.entries(answers).map(
    ([name, [answer, kind, taken = 0]]) => [`${step}: ${name}`, { step, answer, kind, taken }] as const,
  ),
);

/** More than sockets and streams hold, so that its first byte arrives long before its last one is sent. */
const large = sampleMessage({ text: "A line of a very long message.\r\n".repeat(300_000) });

async function serverAnswering(step: SmtpStep, answer: SmtpAnswer, pipelining: boolean): Promise<SmtpTestServer> {
  server = await smtpTestServer({
    pipelining,
    extensions: step === "AUTH" ? ["AUTH PLAIN"] : [],
    answer: (at) => (at === step ? answer : undefined),
  });
  return server;
}

describe.each([
  ["pooled, pipelining", { pool: true, pipelining: true }],
  ["pooled, command by command", { pool: true, pipelining: false }],
  ["a connection each, of the host's own transport", { pool: false, pipelining: true }],
] as const)("a server that fails: %s", (_, { pool, pipelining }) => {
  test.each(cases)("%s", async (_, { step, answer, kind, taken }) => {
    const { host, port, messages } = await serverAnswering(step, answer, pipelining);
    const settings = { host, port, ...(step === "AUTH" && { auth, requireTLS: false }), ...timesOf(step, answer) };
    const sending = { from: "us@example.com", sendTimeout: 30_000 };
    const notifier = pool
      ? smtpNotifier({ ...settings, ...sending } satisfies SmtpServerNotifierOptions)
      : smtpNotifier({ transport: createTransport(settings), ...sending });
    closing.push(() => notifier.close());
    const message = step === "body" ? large : sampleMessage();
    const outcome = await notifier.send(message, sampleContext());
    expect(kindOf(outcome)).toBe(kind);
    // the server's own word on what it took: nothing that was called refused
    expect(messages).toHaveLength(taken);
  });
});

test("a server that nobody runs, and a name that nobody has, sent nothing", async () => {
  const { host, port } = await serverAnswering("other", "250 ok", true);
  await server!.close();
  const refused = smtpNotifier({ host, port, from: "us@example.com" });
  expect(await refused.send(sampleMessage(), sampleContext())).toEqual({
    kind: "refusedTransient",
    why: "the connection failed (ESOCKET, ECONNREFUSED), before the message was handed over",
    retryAfter: null,
    unavailable: true,
  });
  const unknown = smtpNotifier({ host: "mail.invalid", from: "us@example.com" });
  expect(kindOf(await unknown.send(sampleMessage(), sampleContext()))).toBe("unavailable");
});

describe("a call that is given up", () => {
  const given = (step: SmtpStep) => async () => {
    const giveUp = new AbortController();
    server = await smtpTestServer({
      answer: (at) => {
        if (at !== step) return undefined;
        giveUp.abort();
        return "silence";
      },
    });
    const notifier = smtpNotifier({ host: server.host, port: server.port, from: "us@example.com" });
    closing.push(() => notifier.close());
    return notifier.send(sampleMessage(), sampleContext({ signal: giveUp.signal }));
  };

  test("before its message was handed over, was not sent", async () => {
    for (const step of ["greeting", "MAIL", "DATA"] as const) {
      expect(kindOf(await given(step)())).toBe("refusedTransient");
      await server!.close();
    }
  });

  test("after that, may have been", async () => {
    expect(await given("dot")()).toMatchObject({
      kind: "ambiguous",
      why: "the call was given up (EABORT), after the message was handed over",
    });
  });

  test("leaves the other calls' connections alone", async () => {
    const giveUp = new AbortController();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    server = await smtpTestServer({ onMessage: () => held });
    const notifier = smtpNotifier({ host: server.host, port: server.port, from: "us@example.com" });
    closing.push(() => notifier.close());
    const one = notifier.send(sampleMessage(), sampleContext({ signal: giveUp.signal }));
    const other = notifier.send(sampleMessage(), sampleContext());
    await expect.poll(() => server!.heard.filter((line) => line === "DATA").length).toBe(2);
    giveUp.abort();
    release();
    expect(await one).toMatchObject({ kind: expect.stringMatching(/ambiguous|refusedTransient/) });
    expect(await other).toMatchObject({ kind: "accepted" });
  });

  test("that came too late for a connection was not sent", async () => {
    server = await smtpTestServer({ answer: (step) => (step === "greeting" ? "silence" : undefined) });
    const settings = { host: server.host, port: server.port, connections: 1, sendTimeout: 200 };
    const notifier = smtpNotifier({ ...settings, from: "us@example.com" });
    closing.push(() => notifier.close());
    const calls = [1, 2, 3].map(() => notifier.send(sampleMessage(), sampleContext()));
    for (const outcome of await Promise.all(calls)) expect(kindOf(outcome)).toBe("refusedTransient");
  });
});

describe("connections that are used again", () => {
  test("carry message after message, and each outcome is its own message's", async () => {
    // every third message is refused, every fifth gets no answer
    server = await smtpTestServer({
      answer(step, line) {
        const n = Number(/<n-(\d+)@/.exec(line)?.[1]);
        if (step === "RCPT" && n % 3 === 0) return "550 5.1.1 no";
        return undefined;
      },
    });
    const settings = { host: server.host, port: server.port, connections: 2 };
    const notifier = smtpNotifier({ ...settings, from: "us@example.com" });
    closing.push(() => notifier.close());
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        notifier.send(sampleMessage({ to: { address: `n-${n}@acme.example` } }), sampleContext()),
      ),
    );
    outcomes.forEach((outcome, n) => {
      expect(outcome).toMatchObject({ kind: n % 3 === 0 ? "refusedPermanent" : "accepted" });
    });
    expect(server.messages).toHaveLength(40);
    expect(server.sessions).toBe(2);
  });

  test("that the server closed meanwhile sent nothing", async () => {
    server = await smtpTestServer();
    const notifier = smtpNotifier({ host: server.host, port: server.port, from: "us@example.com" });
    closing.push(() => notifier.close());
    expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "accepted" });
    server.cutAll();
    const next = await notifier.send(sampleMessage(), sampleContext());
    if (next.kind !== "accepted") expect(kindOf(next)).toBe("refusedTransient");
    expect(server.messages).toHaveLength(next.kind === "accepted" ? 2 : 1);
  });

  test("that break after one message's dot leave the next message's outcome to itself", async () => {
    let accepted = 0;
    server = await smtpTestServer({
      answer: (step) => (step === "accepted" && ++accepted === 2 ? "cut" : undefined),
    });
    const settings = { host: server.host, port: server.port, connections: 1 };
    const notifier = smtpNotifier({ ...settings, from: "us@example.com" });
    closing.push(() => notifier.close());
    const calls = [1, 2, 3].map(() => notifier.send(sampleMessage(), sampleContext()));
    expect((await Promise.all(calls)).map((outcome) => outcome.kind)).toEqual(["accepted", "ambiguous", "accepted"]);
    expect(server.messages).toHaveLength(3);
  });
});

describe("close()", () => {
  test("waits for the calls under way, closes the connections, and takes no more", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    server = await smtpTestServer({ onMessage: () => held });
    const notifier = smtpNotifier({ host: server.host, port: server.port, connections: 1, from: "us@example.com" });
    const calls = [1, 2].map(() => notifier.send(sampleMessage(), sampleContext()));
    await expect.poll(() => server!.heard.includes("DATA")).toBe(true);
    const closed = notifier.close();
    expect(await notifier.send(sampleMessage(), sampleContext())).toMatchObject({ kind: "refusedTransient" });
    release();
    await closed;
    expect((await Promise.all(calls)).map((outcome) => outcome.kind)).toEqual(["accepted", "accepted"]);
  });
});
