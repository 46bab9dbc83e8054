import { expect, it, onTestFinished } from "vitest";
import { httpOtherSide } from "../conformance/index.js";
import {
  createMilepost,
  httpNotifier,
  memoryStore,
  milestone,
  type Notifier,
  thresholds,
  type WebhookNotifierOptions,
  webhookNotifier,
} from "../index.js";

// What the engine makes of a secret or a token that a host's function does not give.

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const never = () => new Promise<never>(() => {});

async function receiver() {
  const side = await httpOtherSide({ keyHeader: "webhook-id" });
  onTestFinished(() => side.close());
  return { side, url: `http://127.0.0.1:${side.port}/` };
}

function webhooks(of: WebhookNotifierOptions["secret"]): Notifier {
  return webhookNotifier({ mode: "at-most-once", secret: of, allowHttp: true, allowAddresses: ["127.0.0.1"] });
}

/** Tells each address once, in one pass of five calls at a time; answers the rows. */
async function tell(notifier: Notifier, addresses: readonly string[], callDeadline = 30_000) {
  const milepost = createMilepost({
    store: memoryStore(),
    milestones: [
      milestone({
        ...{ name: "m", metric: "x", policy: thresholds(1), message: { text: "hello" }, notifier },
        recipients: { resolve: async () => addresses.map((address) => ({ address })) },
      }),
    ],
    delivery: { callDeadline },
  });
  onTestFinished(() => milepost.close());
  await milepost.record({ id: "e", metric: "x", subject: "s" });
  await milepost.runOnce({ concurrency: 5 });
  return milepost.notifications.list();
}

it("a secret that does not come before the deadline leaves nothing unknown: nothing was sent", async () => {
  const { side, url } = await receiver();
  const [row] = await tell(webhooks(never), [url], 100);
  expect(row).toMatchObject({ state: "pending", attempts: 1, excused: 0 });
  expect(row!.detail).toBe("not sent: its secret could not be had: it took too long");
  expect(side.connections).toBe(0);
});

it("a token that does not come before the deadline is an outage: the attempt does not count", async () => {
  const { side, url } = await receiver();
  const options = { name: "api", channel: "sms", mode: "at-most-once", body: () => ({}) } as const;
  const [row] = await tell(httpNotifier({ ...options, url, token: never }), ["+4930123456"], 100);
  expect(row).toMatchObject({ state: "pending", attempts: 1, excused: 1 });
  expect(row!.detail).toBe("not sent: its token could not be had: it took too long");
  expect(side.connections).toBe(0);
});

it("one receiver whose secret cannot be looked up holds up no other", async () => {
  const { side, url } = await receiver();
  const lookup: WebhookNotifierOptions["secret"] = ({ to }) => {
    if (to.address.endsWith("/7")) throw new Error("no such customer");
    return secret;
  };
  const rows = await tell(
    webhooks(lookup),
    Array.from({ length: 31 }, (_, i) => `${url}${i}`),
  );
  const waiting = rows.filter(({ state }) => state !== "sent");
  expect(waiting.map(({ state, attempts, excused }) => ({ state, attempts, excused }))).toEqual([
    { state: "pending", attempts: 1, excused: 0 },
  ]);
  expect(side.requests).toHaveLength(30);
});
