import { expect, it, onTestFinished } from "vitest";
import { type Behaviour, httpOtherSide } from "../conformance/index.js";
import {
  createMilepost,
  failoverNotifier,
  httpNotifier,
  type MilepostEvents,
  memoryStore,
  milestone,
  type Notifier,
  thresholds,
  webhookNotifier,
} from "../index.js";

const secret = `whsec_${Buffer.from("canary-of-the-secret-1234").toString("base64")}`;
const told: (keyof MilepostEvents)[] = [
  ...(["sending", "sent", "retry", "failed", "ambiguous", "unknown", "expired", "lease_lost"] as const),
  ...(["announce_failed", "degraded", "recovered", "error"] as const),
];

// Scenario S14. The row of a notification has its recipient and its message: that is what it is for. All else has not.
it.each<Behaviour>(["accept", "refuseForNow", "refuseForGood", "loseBefore", "loseAfter"])(
  "what the engine tells of webhooks and APIs holds no address, token or secret: %s",
  async (behaviour) => {
    const side = await httpOtherSide({ keyHeader: "webhook-id" });
    onTestFinished(() => side.close());
    await side.play(behaviour);
    const url = `http://127.0.0.1:${side.port}/canary-of-the-path`;
    const api: Notifier = httpNotifier({
      ...{ name: "api", channel: "webhook", mode: "at-least-once", url, token: "canary-token" },
      body: ({ to }) => ({ to: to.address }),
      receipt: ({ headers }) => headers.date as string,
    });
    const webhook = webhookNotifier({ secret, allowHttp: true, allowAddresses: ["127.0.0.1"] });
    const either = failoverNotifier({ name: "either", notifiers: [api, webhook], circuit: { failures: 1 } });
    let clock = new Date("2026-11-21T12:00:00Z");
    const milepost = createMilepost({
      store: memoryStore(),
      milestones: [api, webhook, either].map((notifier) =>
        milestone({
          ...{ name: notifier.name, metric: "x", policy: thresholds(1), notifier, maxAttempts: 2 },
          recipients: { resolve: async () => [{ address: `${url}?of=${notifier.name}` }] },
          message: { subject: "canary-of-the-subject", text: "canary-of-the-text" },
        }),
      ),
      runtime: { now: () => clock },
    });
    const heard: unknown[] = [];
    for (const name of told) milepost.on(name, (event) => heard.push([name, event]));
    await milepost.record({ id: "e", metric: "x", subject: "s" });
    for (let pass = 0; pass < 3; pass++) {
      await milepost.runOnce();
      clock = new Date(clock.getTime() + 86_400_000);
    }
    const rows = await milepost.notifications.list();
    expect(rows).toHaveLength(3);
    const attempts = await Promise.all(rows.map(({ id }) => milepost.notifications.attempts({ id })));
    const words = rows.map(({ detail, receipt, reason }) => ({ detail, receipt, reason }));
    const everything = JSON.stringify([heard, attempts, words, await milepost.reasons()]);
    await milepost.close();
    expect(heard.length).toBeGreaterThan(3);
    expect(everything).not.toMatch(/canary|127\.0\.0\.1|whsec_|Y2FuYXJ5/);
  },
);
