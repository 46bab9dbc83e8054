import { describe, it } from "vitest";
import {
  behaviours,
  httpOtherSide,
  type NotifierHarness,
  notifierCases,
  type OpenedNotifier,
  type OtherSide,
  type ReceivedMessage,
  runNotifierCase,
} from "../conformance/index.js";
import { consoleNotifier } from "./console-notifier.js";
import { failoverNotifier } from "./failover-notifier.js";
import { httpNotifier } from "./http-notifier.js";
import { memoryNotifier } from "./memory-notifier.js";
import { ambiguous, refusedPermanent, refusedTransient } from "./notifier.js";
import { webhookNotifier } from "./webhook-notifier.js";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const token = "token-of-the-tests";

/** The outside world of a memory notifier. */
function memoryHarness(): NotifierHarness {
  return {
    async open(): Promise<OpenedNotifier> {
      const received: ReceivedMessage[] = [];
      const waiting: (() => void)[] = [];
      let held: (() => void)[] = [];
      let behaviour = "accept";
      const notifier = memoryNotifier({
        async answer(message, { idempotencyKey, signal }) {
          if (behaviour === "refuseForNow" || behaviour === "loseBefore") return refusedTransient("busy");
          if (behaviour === "refuseForGood") return refusedPermanent("no");
          received.push({ content: JSON.stringify(message), key: idempotencyKey });
          for (const go of waiting.splice(0)) go();
          if (behaviour === "loseAfter") return ambiguous("gone");
          if (behaviour !== "hold") return undefined;
          return new Promise((resolve, reject) => {
            held.push(() => resolve(undefined));
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
            if (signal.aborted) reject(signal.reason);
          });
        },
      });
      const otherSide: OtherSide = {
        plays: behaviours,
        async play(next) {
          behaviour = next;
        },
        async release() {
          for (const go of held) go();
          held = [];
        },
        async received(count) {
          while (received.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
          return received;
        },
      };
      return { notifier, otherSide, address: "olga@acme.example", dispose: async () => {} };
    },
  };
}

const consoleHarness: NotifierHarness = {
  async open() {
    const received: ReceivedMessage[] = [];
    const notifier = consoleNotifier({ write: (content) => received.push({ content, key: null }) });
    const otherSide: OtherSide = { plays: ["accept"], play: async () => {}, received: async () => received };
    return { notifier, otherSide, address: "olga@acme.example", dispose: async () => {} };
  },
};

const webhookHarness: NotifierHarness = {
  async open() {
    const otherSide = await httpOtherSide({ keyHeader: "webhook-id" });
    return {
      notifier: webhookNotifier({ secret, allowHttp: true, allowAddresses: ["127.0.0.1"] }),
      otherSide,
      address: `http://127.0.0.1:${otherSide.port}/hooks/canary-of-the-path`,
      secrets: [secret, secret.slice(6), "canary-of-the-path", "127.0.0.1"],
      dispose: () => otherSide.close(),
    };
  },
};

function httpHarness(options: { readonly keepAlive: boolean; readonly expectContinue: boolean }): NotifierHarness {
  return {
    async open() {
      const otherSide = await httpOtherSide({ keyHeader: "idempotency-key" });
      const notifier = httpNotifier({
        name: "sms",
        channel: "sms",
        url: `http://127.0.0.1:${otherSide.port}/messages`,
        token: async () => token,
        mode: "idempotent",
        keyLifetime: 86_400_000,
        idempotencyHeader: "Idempotency-Key",
        body: ({ to, text }) => ({ to: to.address, text }),
        receipt: ({ json }) => (json as { id: string }).id,
        ...options,
      });
      const dispose = () => otherSide.close();
      return { notifier, otherSide, address: "+49301234567", secrets: [token, "127.0.0.1"], dispose };
    },
  };
}

/** The first of two refuses everything, so that the second is the one that is looked at. */
const failoverHarness: NotifierHarness = {
  async open() {
    const opened = await httpHarness({ keepAlive: false, expectContinue: false }).open();
    const { channel } = opened.notifier;
    const down = memoryNotifier({ name: "down", channel, answer: () => refusedTransient("down") });
    return { ...opened, notifier: failoverNotifier({ name: "either", notifiers: [down, opened.notifier] }) };
  },
};

const harnesses: Readonly<Record<string, NotifierHarness>> = {
  memoryNotifier: memoryHarness(),
  consoleNotifier: consoleHarness,
  webhookNotifier: webhookHarness,
  "httpNotifier with a connection for each call": httpHarness({ keepAlive: false, expectContinue: false }),
  "httpNotifier with kept connections": httpHarness({ keepAlive: true, expectContinue: false }),
  "httpNotifier that waits for 100 Continue": httpHarness({ keepAlive: false, expectContinue: true }),
  failoverNotifier: failoverHarness,
};

describe.each(Object.entries(harnesses))("%s", (_, harness) => {
  for (const each of notifierCases()) {
    it(`${each.about}: ${each.name}`, async ({ skip }) => {
      if ((await runNotifierCase(harness, each)) === "skipped") skip(`its other side cannot play ${each.requires}`);
    });
  }
});
