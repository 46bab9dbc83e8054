import { createHash, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMilepost } from "../engine.js";
import { MilepostError } from "../errors.js";
import { milestone } from "../milestone/milestone.js";
import { every } from "../milestone/policies/every.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { memoryStore } from "../store/memory/memory-store.js";
import { keyRing } from "./key-ring.js";
import type { SecretPlace } from "./secret-place.js";

const newKey = () => randomBytes(32).toString("base64");
const k1 = newKey();
const k2 = newKey();
const ring = keyRing({ current: "k2", keys: { k1, k2 } });
const before = keyRing({ current: "k1", keys: { k1 } });
const place: SecretPlace = { tenant: "acme", table: "providers", column: "password", row: "7" };
const plaintext = "correct horse battery staple";

function refusal(work: () => unknown): MilepostError {
  try {
    work();
  } catch (error) {
    if (MilepostError.is(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
const unreadable = (work: () => unknown) => {
  const error = refusal(work);
  expect(error.code).toBe("secret_unreadable");
  expect(inspect(error, { showHidden: true, depth: null })).not.toContain(plaintext.slice(0, 7));
};

const textField = fc.string({ minLength: 1, maxLength: 40, unit: "binary" }).filter((text) => !text.includes("\0"));
const places = fc.record({ tenant: textField, table: textField, column: textField, row: textField });

describe("seal", () => {
  it("gives a text that opens to what was sealed, whatever it is and wherever it belongs", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 500 }), places, (text, at) => {
        const sealed = ring.seal(text, at);
        expect(sealed).toMatch(/^sealed1\.k2\.[A-Za-z0-9_-]+$/);
        expect(ring.open(sealed, at)).toBe(text);
      }),
    );
  });

  it("says the format, the key and nothing else, and never the same twice", () => {
    const sealed = new Set(Array.from({ length: 1_000 }, () => ring.seal(plaintext, place)));
    expect(sealed.size).toBe(1_000);
    const salts = new Set(
      [...sealed].map((text) => Buffer.from(text.split(".")[2]!, "base64url").subarray(0, 44).toString("hex")),
    );
    expect(salts.size).toBe(1_000);
    for (const text of sealed) expect(Buffer.from(text.split(".")[2]!, "base64url").includes("horse")).toBe(false);
  });

  it("refuses what it could not give back, and a place that is none", () => {
    for (const text of ["x".repeat(65_537), "é".repeat(40_000), "\ud800", undefined, 5]) {
      expect(refusal(() => ring.seal(text as string, place)).code).toBe("invalid_options");
    }
    for (const field of ["tenant", "table", "column", "row"] as const) {
      const error = refusal(() => ring.seal(plaintext, { ...place, [field]: "" }));
      expect([error.code, error.path]).toEqual(["invalid_options", `place.${field}`]);
    }
  });
});

describe("open", () => {
  it("refuses a text of which any character was changed, left out or added", () => {
    const sealed = ring.seal(plaintext, place);
    for (let i = 0; i < sealed.length; i++) {
      for (const char of ["A", "B", "_", ".", "=", " ", "\n", "1"]) {
        if (char !== sealed[i]) unreadable(() => ring.open(sealed.slice(0, i) + char + sealed.slice(i + 1), place));
        unreadable(() => ring.open(sealed.slice(0, i) + char + sealed.slice(i), place));
      }
      unreadable(() => ring.open(sealed.slice(0, i) + sealed.slice(i + 1), place));
      unreadable(() => ring.open(sealed.slice(0, i), place));
    }
    for (const more of ["A", "AAAA", "\n", "=", ".", ".A"]) unreadable(() => ring.open(sealed + more, place));
  });

  it("refuses a text of which any bit was changed", () => {
    const sealed = ring.seal(plaintext, place);
    const [format, key, content] = sealed.split(".");
    const bytes = Buffer.from(content!, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      unreadable(() => ring.open(`${format}.${key}.${changed.toString("base64url")}`, place));
    }
  });

  it("refuses a text that was moved to another tenant, table, column or row", () => {
    fc.assert(
      fc.property(places, places, (from, to) => {
        fc.pre(JSON.stringify(from) !== JSON.stringify(to));
        unreadable(() => ring.open(ring.seal(plaintext, from), to));
      }),
    );
    const sealed = ring.seal(plaintext, place);
    for (const field of ["tenant", "table", "column", "row"] as const) {
      unreadable(() => ring.open(sealed, { ...place, [field]: `${place[field]}2` }));
    }
    unreadable(() => ring.open(sealed, { ...place, table: "providerspassword", column: "x" }));
  });

  it("refuses a text under another key id, of a retired key, and of another host's key of the same id", () => {
    const sealed = before.seal(plaintext, place);
    unreadable(() => ring.open(sealed.replace(".k1.", ".k2."), place));
    unreadable(() => keyRing({ current: "k2", keys: { k2 } }).open(sealed, place));
    unreadable(() => keyRing({ current: "k1", keys: { k1: newKey() } }).open(sealed, place));
    expect(refusal(() => keyRing({ current: "k2", keys: { k2 } }).open(sealed, place)).message).toContain('"k1"');
  });

  it("refuses whatever nobody sealed", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.anything(),
          fc.string().map((s) => `sealed1.k2.${s}`),
        ),
        (input) => {
          unreadable(() => ring.open(input as string, place));
          if (typeof input === "string" && !input.startsWith("sealed1.")) unreadable(() => ring.needsReseal(input));
        },
      ),
    );
  });
});

describe("keyRing", () => {
  it.each([
    [{ current: "k3", keys: { k1 } }, "keyRing.current"],
    [{ current: "constructor", keys: { k1 } }, "keyRing.current"],
    [{ current: "k1", keys: { k1: "c2hvcnQ=" } }, "keyRing.keys.k1"],
    [{ current: "k1", keys: { k1: "a passphrase that has thirty-two!" } }, "keyRing.keys.k1"],
    [{ current: "k1", keys: { k1: Buffer.alloc(32).toString("base64") } }, "keyRing.keys.k1"],
    [{ current: "k1", keys: { k1, "a.b": k2 } }, "keyRing.keys"],
    [{ current: "k1", keys: { k1, k2: k1 } }, "keyRing.keys"],
    [{ current: "k1", keys: { k1 }, secret: k1 }, "keyRing.secret"],
    [{ current: "k1" }, "keyRing.keys"],
  ])("refuses %j without quoting a key", (options, path) => {
    const error = refusal(() => keyRing(options as never));
    expect([error.code, error.path]).toEqual(["invalid_options", path]);
    expect(inspect(error, { showHidden: true, depth: null })).not.toMatch(/c2hvcnQ|passphrase|AAAA/);
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain(k1);
  });

  it("shows no key of its own to whoever prints it", () => {
    const hex = Buffer.from(k1, "base64").toString("hex");
    const shown = inspect(ring, { showHidden: true, depth: null }) + JSON.stringify(ring);
    expect(shown).not.toContain(k1);
    expect(shown).not.toContain(hex.slice(0, 8));
  });

  it("derives keys as the page says, so that another program can read what is sealed", async () => {
    const sealed = ring.seal(plaintext, place);
    const bytes = Buffer.from(sealed.split(".")[2]!, "base64url");
    const { webcrypto } = await import("node:crypto");
    const base = await webcrypto.subtle.importKey("raw", Buffer.from(k2, "base64"), "HKDF", false, ["deriveKey"]);
    const info = Buffer.from("milepost secret 1 acme");
    const aes = { name: "AES-GCM", length: 256 };
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: bytes.subarray(0, 32), info };
    const key = await webcrypto.subtle.deriveKey(hkdf, base, aes, false, ["decrypt"]);
    const additionalData = Buffer.from('["sealed1.k2","acme","providers","password","7"]');
    const opened = await webcrypto.subtle.decrypt(
      { name: "AES-GCM", iv: bytes.subarray(32, 44), additionalData },
      key,
      bytes.subarray(44),
    );
    expect(Buffer.from(opened).toString()).toBe(plaintext);
  });
});

describe("rotation", () => {
  it("seals anew what another key sealed, and leaves alone what the current one did", () => {
    const old = before.seal(plaintext, place);
    expect([ring.needsReseal(old), before.needsReseal(old)]).toEqual([true, false]);
    const sealed = ring.reseal(old, place);
    expect(ring.needsReseal(sealed)).toBe(false);
    expect(ring.reseal(sealed, place)).toBe(sealed);
    expect(keyRing({ current: "k2", keys: { k2 } }).open(sealed, place)).toBe(plaintext);
    unreadable(() => ring.reseal(old, { ...place, tenant: "globex" }));
    unreadable(() => ring.reseal(sealed, { ...place, tenant: "globex" }));
  });

  it("fails no send while processes go over to a new key one after another (S13)", async () => {
    const tenants = Array.from({ length: 20 }, (_, i) => `t${i}`);
    const at = (tenant: string): SecretPlace => ({ ...place, tenant, row: tenant });
    const stages = [
      before,
      keyRing({ current: "k1", keys: { k1, k2 } }),
      ring,
      keyRing({ current: "k2", keys: { k2 } }),
    ];
    const secrets = new Map(tenants.map((tenant) => [tenant, before.seal(`password of ${tenant}`, at(tenant))]));
    const digest = (text: string) => createHash("sha256").update(text).digest("hex");
    // two processes: the second is deployed a step later than the first, and sends by its own ring meanwhile
    const deployed = [0, 0];
    let resealed = 0;
    const engines = [0, 1].map((process) => {
      const notifier = memoryNotifier({
        answer: (_, { tenant }) => {
          const password = stages[deployed[process]!]!.open(secrets.get(tenant)!, at(tenant));
          if (digest(password) !== digest(`password of ${tenant}`)) throw new Error("another password");
        },
      });
      const milepost = createMilepost({
        store: memoryStore(),
        milestones: [
          milestone({
            name: "m",
            metric: "m",
            policy: every(1),
            recipients: { resolve: async () => [{ address: "a@b.example" }] },
            message: { text: "{{threshold}}" },
            notifier,
          }),
        ],
      });
      return { milepost, notifier };
    });
    const send = async (round: number) => {
      for (const { milepost } of engines) {
        await milepost.recordMany(tenants.map((tenant) => ({ id: `${round}`, metric: "m", subject: "s", tenant })));
        await milepost.runOnce();
      }
    };
    let round = 0;
    await send(round++);
    for (let stage = 1; stage < stages.length; stage++) {
      // only when everybody seals with the new key is everything sealed anew, and only then is the old one let go
      if (stage === stages.length - 1) {
        for (const [tenant, sealed] of secrets) {
          secrets.set(tenant, ring.reseal(sealed, at(tenant)));
          resealed++;
          await send(round++);
        }
        expect([...secrets.values()].every((sealed) => !ring.needsReseal(sealed))).toBe(true);
      }
      for (const process of [0, 1]) {
        deployed[process] = stage;
        // a host changes a password in the middle of it
        secrets.set("t7", stages[stage]!.seal("password of t7", at("t7")));
        await send(round++);
      }
    }
    expect(resealed).toBe(20);
    for (const { milepost, notifier } of engines) {
      expect(notifier.sent).toHaveLength(round * tenants.length);
      for (const tenant of tenants) {
        expect(await milepost.notifications.count({ tenant })).toEqual([{ state: "sent", reason: null, count: round }]);
      }
    }
  });
});
