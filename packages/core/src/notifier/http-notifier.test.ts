import { describe, expect, it, onTestFinished } from "vitest";
import { httpOtherSide } from "../conformance/index.js";
import { context, message } from "../conformance/notifier-case.js";
import { type HttpNotifierOptions, httpNotifier } from "./http-notifier.js";

const idempotent: HttpNotifierOptions = {
  name: "sms",
  channel: "sms",
  url: "https://api.example/messages",
  body: () => ({}),
  mode: "idempotent",
  keyLifetime: 86_400_000,
  idempotencyHeader: "Idempotency-Key",
};

describe("httpNotifier()", () => {
  it("refuses a header for the key that something else is written under", () => {
    const refused = (fields: Partial<HttpNotifierOptions>) =>
      expect(() => httpNotifier({ ...idempotent, ...fields }), JSON.stringify(fields)).toThrow(
        expect.objectContaining({ code: "invalid_options", path: "idempotencyHeader" }),
      );
    for (const idempotencyHeader of ["Content-Length", "transfer-encoding", "Host", "expect", "connection"]) {
      refused({ idempotencyHeader });
    }
    refused({ idempotencyHeader: "Content-Type" });
    refused({ idempotencyHeader: "Authorization", token: "t" });
    refused({ idempotencyHeader: "Authorization", token: async () => "t" });
    refused({ headers: { "idempotency-KEY": "mine" } });
    refused({ mode: "at-least-once", keyLifetime: undefined as never, idempotencyHeader: "host" });
  });

  it("takes any other", () => {
    for (const fields of [{}, { idempotencyHeader: "authorization" }, { headers: { "x-key": "1" }, token: "t" }]) {
      expect(httpNotifier({ ...idempotent, ...fields }).mode).toBe("idempotent");
    }
  });
});

describe("a token that cannot be had", () => {
  async function send(token: HttpNotifierOptions["token"], signal = new AbortController().signal) {
    const side = await httpOtherSide({ keyHeader: "idempotency-key" });
    onTestFinished(() => side.close());
    side.answer((_, response) => response.writeHead(401).end());
    const notifier = httpNotifier({ ...idempotent, url: `http://127.0.0.1:${side.port}/`, token: token! });
    const outcome = await notifier.send(message("+4930123456"), context({ signal }));
    return { outcome, calls: side.requests.length };
  }
  const unavailable = (why: string) => ({ kind: "refusedTransient", why, retryAfter: null, unavailable: true });

  it("is an outage, as every message needs it, and says why without credentials", async () => {
    const sealed = () => Promise.reject(new Error("vault is sealed: token=canary for olga@acme.example"));
    expect(await send(sealed)).toEqual({
      outcome: unavailable("not sent: its token could not be had: vault is sealed: token=[secret] for [address]"),
      calls: 0,
    });
    expect(await send(async () => "two words")).toEqual({
      outcome: unavailable("not sent: what was answered for its token is none"),
      calls: 0,
    });
    expect(await send(() => new Promise(() => {}), AbortSignal.timeout(20))).toEqual({
      outcome: unavailable("not sent: its token could not be had: it took too long"),
      calls: 0,
    });
  });

  it("is one also where it is the second, after a 401", async () => {
    const once: HttpNotifierOptions["token"] = async ({ refused }) => {
      if (refused) throw new Error("vault is sealed");
      return "old";
    };
    const why = "not sent: its token could not be had: vault is sealed";
    expect(await send(once)).toEqual({ outcome: unavailable(why), calls: 1 });
  });
});
