import { describe, expect, it } from "vitest";
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
