import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished } from "vitest";
import { httpOtherSide } from "../conformance/index.js";
import { context, message } from "../conformance/notifier-case.js";
import { MilepostError } from "../errors.js";
import type { Outcome } from "./notifier.js";
import { verifyWebhook } from "./verify-webhook.js";
import { type WebhookNotifierOptions, webhookNotifier } from "./webhook-notifier.js";

const secretOf = (byte: number, length = 32) => `whsec_${Buffer.alloc(length, byte).toString("base64")}`;
const [current, former] = [secretOf(1), secretOf(2)];

async function receiver() {
  const side = await httpOtherSide({ keyHeader: "webhook-id" });
  onTestFinished(() => side.close());
  return { side, url: `http://127.0.0.1:${side.port}/hooks` };
}

const inside = { allowHttp: true, allowAddresses: ["127.0.0.0/8"] };

async function send(url: string, options: Partial<WebhookNotifierOptions> = {}, at = context()) {
  const notifier = webhookNotifier({ secret: current, ...inside, ...options });
  return (await notifier.send(message(url), at)) as Outcome;
}

/** As the reference library is given headers. */
const plain = (headers: object) => headers as Record<string, string>;

describe("a webhook that was sent", () => {
  it("is verified by the reference library and by verifyWebhook()", async () => {
    const { side, url } = await receiver();
    expect(await send(url)).toEqual({ kind: "accepted", receipt: "status 200" });
    const { headers, content } = side.requests[0]!;
    const data = { id: "ntf-1", subject: "subject-waypoint", text: "text-waypoint", html: null };
    expect(new Webhook(current).verify(content, plain(headers))).toEqual({ type: "milepost.notification", data });
    const { id, timestamp } = await verifyWebhook({ headers, body: Buffer.from(content), secrets: current });
    expect(id).toBe("ntf-1");
    expect(Math.abs(timestamp.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it("is signed with each secret during a rotation, so receivers with either can verify it", async () => {
    const { side, url } = await receiver();
    await send(url, { secret: [current, former] });
    const { headers, content } = side.requests[0]!;
    for (const each of [current, former]) new Webhook(each).verify(content, plain(headers));
    expect(() => new Webhook(secretOf(3)).verify(content, plain(headers))).toThrow();
  });

  it("has one id and one body over all attempts, and the time of each", async () => {
    const { side, url } = await receiver();
    let now = new Date("2026-11-21T12:00:00Z");
    for (const attempt of [1, 2]) {
      await send(url, { now: () => now }, context({ attempt }));
      now = new Date(now.getTime() + 60_000);
    }
    const [first, second] = side.requests;
    expect(second!.key).toBe(first!.key);
    expect(second!.content).toBe(first!.content);
    expect(Number(second!.headers["webhook-timestamp"]) - Number(first!.headers["webhook-timestamp"])).toBe(60);
  });

  it("is signed with the secret of its tenant and receiver, where a function knows it", async () => {
    const { side, url } = await receiver();
    const asked: object[] = [];
    const secret: WebhookNotifierOptions["secret"] = async (of) => {
      asked.push(of);
      return former;
    };
    await send(url, { secret }, context({ tenant: "shop-7" }));
    expect(asked).toEqual([{ tenant: "shop-7", to: message(url).to }]);
    new Webhook(former).verify(side.requests[0]!.content, plain(side.requests[0]!.headers));
  });

  it("is not sent where its secret cannot be had, holds no other receiver up, and says why without credentials", async () => {
    const { side, url } = await receiver();
    const failing = async () => Promise.reject(new Error("vault is sealed: token=canary for olga@acme.example"));
    expect(await send(url, { secret: failing })).toEqual({
      ...{ kind: "refusedTransient", retryAfter: null },
      why: "not sent: its secret could not be had: vault is sealed: token=[secret] for [address]",
    });
    for (const secret of [() => "canary", () => []]) {
      const why = "not sent: what was answered for its secret is none";
      expect(await send(url, { secret })).toEqual({ kind: "refusedTransient", why, retryAfter: null });
    }
    const hanging = send(
      url,
      { secret: () => new Promise<never>(() => {}) },
      context({ signal: AbortSignal.timeout(20) }),
    );
    const late = "not sent: its secret could not be had: it took too long";
    expect(await hanging).toEqual({ kind: "refusedTransient", why: late, retryAfter: null });
    expect(side.connections).toBe(0);
  });

  it("follows no redirect, wherever it leads", async () => {
    const { side, url } = await receiver();
    for (const status of [301, 302, 307, 308]) {
      side.answer((_, response) => response.writeHead(status, { location: `${url}/elsewhere` }).end());
      expect(await send(url)).toEqual({ kind: "refusedPermanent", why: `status ${status}` });
    }
    expect(side.requests.map((request) => request.url)).toEqual(["/hooks", "/hooks", "/hooks", "/hooks"]);
  });

  it("tells nothing of what its receiver says, not even as a receipt", async () => {
    const { side, url } = await receiver();
    for (const status of [200, 302, 400, 429, 500, 503]) {
      side.answer((_, response) => response.writeHead(status, { "x-canary": "canary" }).end("canary ".repeat(20_000)));
      expect(JSON.stringify(await send(`${url}?token=canary`))).not.toContain("canary");
    }
  });

  it("says what the host wants said", async () => {
    const { side, url } = await receiver();
    const body: WebhookNotifierOptions["body"] = ({ text }, { notification }) => ({ text, notification });
    await send(url, { body, headers: { "x-source": "shop" } });
    expect(JSON.parse(side.requests[0]!.content)).toEqual({ text: "text-waypoint", notification: "ntf-1" });
    expect(side.requests[0]!.headers).toMatchObject({ "x-source": "shop", "content-type": "application/json" });
    const why = "its body could not be made";
    const failing = () => {
      throw new Error("canary");
    };
    expect(await send(url, { body: failing })).toEqual({ kind: "refusedPermanent", why });
    expect(await send(url, { body: (() => undefined) as never })).toEqual({ kind: "refusedPermanent", why });
  });
});

describe("webhookNotifier() refuses options", () => {
  it.each([
    [{}, "secret"],
    [{ secret: "" }, "secret"],
    [{ secret: "whsec_short" }, "secret"],
    [{ secret: current.slice(6) }, "secret"],
    [{ secret: secretOf(1, 23) }, "secret"],
    [{ secret: secretOf(1, 65) }, "secret"],
    [{ secret: [] }, "secret"],
    [{ secret: [current, "canary"] }, "secret[1]"],
    [{ secret: current, ports: [443, 25] }, "ports[1]"],
    [{ secret: current, allowAddresses: ["10.0.0.0/33"] }, "allowAddresses[0]"],
    [{ secret: current, allowAddresses: ["intranet"] }, "allowAddresses[0]"],
    [{ secret: current, headers: { "Webhook-Id": "x" } }, "headers"],
    [{ secret: current, headers: { "Transfer-Encoding": "chunked" } }, "headers"],
    [{ secret: current, headers: { "x-a": "b\r\nc: d" } }, "headers.x-a"],
    [{ secret: current, mode: "idempotent" }, "mode"],
    [{ secret: current, timeouts: { total: 0 } }, "timeouts.total"],
    [{ secret: current, retries: 3 }, "retries"],
  ])("%j, by the path %s, without quoting a secret", (options, path) => {
    const error = (() => {
      try {
        return webhookNotifier(options as never);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(MilepostError.is(error) && [error.code, error.path]).toEqual(["invalid_options", path]);
    expect((error as Error).message).not.toContain("canary");
  });
});
