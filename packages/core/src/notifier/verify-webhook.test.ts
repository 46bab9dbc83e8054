import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { MilepostError } from "../errors.js";
import { verifyWebhook, type WebhookToVerify } from "./verify-webhook.js";

const secretOf = (byte: number) => `whsec_${Buffer.alloc(24, byte).toString("base64")}`;
const secret = secretOf(1);
const now = new Date("2026-11-21T12:00:00Z");
const body = '{"type":"order.paid","data":{"id":"é 🎉"}}';

/** Signed by the reference library. */
function signed(fields: { readonly id?: string; readonly at?: Date; readonly by?: string } = {}): WebhookToVerify {
  const { id = "msg_1", at = now, by = secret } = fields;
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": new Webhook(by).sign(id, at, body),
  };
  return { headers, body, secrets: secret, now: () => now };
}

const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);

async function refusal(given: WebhookToVerify): Promise<readonly [string, string | undefined] | "verified"> {
  try {
    await verifyWebhook(given);
    return "verified";
  } catch (error) {
    if (!MilepostError.is(error)) throw error;
    return [error.code, error.path];
  }
}

const badSignature = ["webhook_refused", "webhook-signature"];

describe("verifyWebhook()", () => {
  it("takes what the reference library signed, as text and as bytes, with headers of any kind", async () => {
    const given = signed();
    expect(await verifyWebhook(given)).toEqual({ id: "msg_1", timestamp: now });
    const headers = given.headers as Record<string, string>;
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    for (const each of [upper, new Headers(headers)]) {
      expect(await refusal({ ...given, headers: each, body: Buffer.from(body) })).toBe("verified");
    }
  });

  it("refuses another body, id or time than was signed", async () => {
    const given = signed();
    const headers = given.headers as Record<string, string>;
    expect(await refusal({ ...given, body: `${body} ` })).toEqual(badSignature);
    expect(await refusal({ ...given, body: JSON.stringify(JSON.parse(body), null, 1) })).toEqual(badSignature);
    expect(await refusal({ ...given, headers: { ...headers, "webhook-id": "msg_2" } })).toEqual(badSignature);
    const moved = { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) };
    expect(await refusal({ ...given, headers: moved })).toEqual(badSignature);
    expect(await refusal({ ...given, secrets: secretOf(9) })).toEqual(badSignature);
  });

  it("refuses what is more than five minutes old or ahead, or as much as it is told", async () => {
    const outOfTime = ["webhook_refused", "webhook-timestamp"];
    for (const [seconds, expected] of [
      [-300, "verified"],
      [300, "verified"],
      [-301, outOfTime],
      [301, outOfTime],
      [-3_600, outOfTime],
    ] as const) {
      expect(await refusal(signed({ at: later(seconds) }))).toEqual(expected);
    }
    expect(await refusal({ ...signed({ at: later(-3_600) }), tolerance: 3_600_000 })).toBe("verified");
    expect(await refusal({ ...signed({ at: later(-2) }), tolerance: 1_000 })).toEqual(outOfTime);
  });

  it("takes either secret during a rotation, whichever side is first, and the old one no more after it", async () => {
    const [old, next] = [secretOf(3), secretOf(4)];
    for (const by of [old, next]) expect(await refusal({ ...signed({ by }), secrets: [next, old] })).toBe("verified");
    expect(await refusal({ ...signed({ by: old }), secrets: next })).toEqual(badSignature);
    const both = signed({ by: old }).headers as Record<string, string>;
    const other = (signed({ by: next }).headers as Record<string, string>)["webhook-signature"];
    const headers = { ...both, "webhook-signature": `v1a,AAAA ${both["webhook-signature"]} ${other}` };
    for (const each of [old, next]) expect(await refusal({ ...signed(), headers, secrets: each })).toBe("verified");
  });

  it("refuses a missing, doubled or malformed header by its name", async () => {
    const headers = signed().headers as Record<string, string>;
    for (const [name, values] of [
      ["webhook-id", [undefined, "", "a b", "x".repeat(201)]],
      ["webhook-timestamp", [undefined, "", "soon", "-5", "1e9", "01795262400", " 1795262400", "1795262400.5"]],
      ["webhook-signature", [undefined, "", "v1", "v1,", "v2,AAAA", "v1,AAAA", "é"]],
    ] as const) {
      for (const value of values) {
        expect(await refusal({ ...signed(), headers: { ...headers, [name]: value } })).toEqual([
          "webhook_refused",
          name,
        ]);
      }
      const twice = { ...headers, [name]: [headers[name]!, headers[name]!] };
      expect(await refusal({ ...signed(), headers: twice })).toEqual(["webhook_refused", name]);
      const inTwoCases = { ...headers, [name.toUpperCase()]: headers[name] };
      expect(await refusal({ ...signed(), headers: inTwoCases })).toEqual(["webhook_refused", name]);
    }
  });

  it("fails closed: no secret, an empty one or a text that is none verifies nothing", async () => {
    for (const secrets of ["", [], "whsec_", "secret", undefined, [secret, ""]]) {
      expect((await refusal({ ...signed(), secrets: secrets as never }))[0]).toBe("invalid_options");
    }
    expect(await refusal({ ...signed(), body: JSON.parse(body) })).toEqual(["invalid_options", "body"]);
    for (const tolerance of [Number.NaN, -1, 86_400_001, Number.POSITIVE_INFINITY]) {
      expect(await refusal({ ...signed(), tolerance })).toEqual(["invalid_options", "tolerance"]);
    }
    const { secrets, ...rest } = signed();
    expect(await refusal({ ...rest, secret: secrets } as never)).toEqual(["invalid_options", "secret"]);
  });

  it("takes nothing by a clock that tells no time", async () => {
    const given = { ...signed(), now: () => new Date(Number.NaN) };
    expect(await refusal(given)).toEqual(["webhook_refused", "webhook-timestamp"]);
  });

  it("says of a header that it is missing", async () => {
    for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
      const { [name]: _, ...others } = signed().headers as Record<string, string>;
      for (const headers of [others, new Headers(others)]) {
        const problem = { code: "webhook_refused", path: name, message: expect.stringMatching(/, but it is missing$/) };
        await expect(verifyWebhook({ ...signed(), headers })).rejects.toMatchObject(problem);
      }
    }
  });

  it("asks `seen` of what is signed only, with the moment from which a replay would be too old", async () => {
    const stored = new Map<string, Date>();
    const seen = async (id: string, until: Date) => {
      const known = stored.has(id);
      stored.set(id, until);
      return known;
    };
    expect(await refusal({ ...signed(), secrets: secretOf(9), seen })).toEqual(badSignature);
    expect(stored.size).toBe(0);
    expect(await refusal({ ...signed(), seen })).toBe("verified");
    expect(await refusal({ ...signed(), seen })).toEqual(["webhook_repeated", "webhook-id"]);
    // the sender's retry has a new time, and is told by the same id
    expect(await refusal({ ...signed({ at: later(60) }), seen })).toEqual(["webhook_repeated", "webhook-id"]);
    expect(await refusal({ ...signed({ id: "msg_2" }), seen })).toBe("verified");
    const forgotten = stored.get("msg_2")!;
    expect(await refusal({ ...signed({ id: "msg_2" }), now: () => forgotten })).toEqual([
      "webhook_refused",
      "webhook-timestamp",
    ]);
  });

  it("verifies no webhook that has one bit changed in body or signature", async () => {
    const given = signed();
    const headers = given.headers as Record<string, string>;
    const signature = Buffer.from(headers["webhook-signature"]!.slice(3), "base64");
    const flipped = (bytes: Uint8Array, bit: number) => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3]! ^= 1 << (bit & 7);
      return copy;
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(Buffer.byteLength(body) * 8 - 1), fc.nat(255), async (inBody, inSignature) => {
        expect(await refusal({ ...given, body: flipped(Buffer.from(body), inBody) })).toEqual(badSignature);
        const other = `v1,${flipped(signature, inSignature).toString("base64")}`;
        const changed = { ...headers, "webhook-signature": other };
        expect(await refusal({ ...given, headers: changed })).toEqual(badSignature);
      }),
    );
  });
});
