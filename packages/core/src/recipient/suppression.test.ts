import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Bounces,
  type Consent,
  everything,
  heavierOf,
  nextBounces,
  type Refusal,
  refusalOf,
  type Suppression,
  suppressionReasons,
} from "./suppression.js";

const scopes = ["news", "default", "bills"];
const anywhere = fc.constantFrom(...scopes, everything);
const message = fc.record({ scope: fc.constantFrom(...scopes), needsConsent: fc.boolean() });
const onePerScope = { selector: ({ scope }: { readonly scope: string }) => scope };
const suppressions = fc.uniqueArray(
  fc.record({ scope: anywhere, reason: fc.constantFrom(...suppressionReasons) }),
  onePerScope,
);
const consents = fc.uniqueArray(fc.record({ scope: anywhere, granted: fc.boolean() }), onePerScope);

/** The same said sentence by sentence. */
function model(
  { scope, needsConsent }: { readonly scope: string; readonly needsConsent: boolean },
  forbidden: readonly Pick<Suppression, "scope" | "reason">[],
  agreed: readonly Pick<Consent, "scope" | "granted">[],
): Refusal | null {
  for (const where of [scope, "*"]) {
    for (const suppression of forbidden) {
      if (suppression.scope !== where) continue;
      if (suppression.reason === "unsubscribed") return { reason: "unsubscribed", detail: "unsubscribed" };
      return { reason: "suppressed", detail: suppression.reason };
    }
  }
  if (!needsConsent) return null;
  const own = agreed.filter((consent) => consent.scope === scope);
  const general = agreed.filter((consent) => consent.scope === "*");
  if (own.length === 1) return own[0]!.granted ? null : { reason: "no_consent", detail: null };
  if (general.length === 1 && general[0]!.granted) return null;
  return { reason: "no_consent", detail: null };
}

describe("refusalOf", () => {
  it("agrees with what is said sentence by sentence, for any suppressions and consents in any order", () => {
    const reasons = new Set<string | undefined>();
    const property = fc.property(message, suppressions, consents, (about, forbidden, agreed) => {
      const expected = model(about, forbidden, agreed);
      reasons.add(expected?.reason);
      expect(refusalOf(about, forbidden, agreed)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 5_000 });
    expect(reasons).toEqual(new Set([undefined, "suppressed", "unsubscribed", "no_consent"]));
  });

  it("forbids what its own scope or everything is suppressed for, and nothing for another's", () => {
    const forbidden = (scope: string) =>
      refusalOf({ scope: "news", needsConsent: false }, [{ scope, reason: "manual" }], []);
    expect(["news", "*", "bills"].map((scope) => forbidden(scope)?.reason)).toEqual([
      "suppressed",
      "suppressed",
      undefined,
    ]);
  });

  it("asks for consent in the scope, or in general where that has none of its own", () => {
    const refused = (...agreed: { scope: string; granted: boolean }[]) =>
      refusalOf({ scope: "news", needsConsent: true }, [], agreed)?.reason;
    expect(refused()).toBe("no_consent");
    expect(refused({ scope: "bills", granted: true })).toBe("no_consent");
    expect(refused({ scope: "*", granted: true })).toBeUndefined();
    expect(refused({ scope: "*", granted: true }, { scope: "news", granted: false })).toBe("no_consent");
    expect(refused({ scope: "*", granted: false }, { scope: "news", granted: true })).toBeUndefined();
  });
});

describe("heavierOf", () => {
  const of = (reason: Suppression["reason"], detail: string): Suppression => ({
    ...{ tenant: "default", recipientKey: "ada@x.example", scope: "*", by: "ada", at: new Date(0) },
    ...{ reason, detail },
  });

  it("keeps what its owner said, then what is known of the mailbox, then what was decided, then what was guessed", () => {
    const order = [...suppressionReasons].reverse();
    expect(order).toEqual(["complaint", "unsubscribed", "hard_bounce", "manual", "soft_bounces"]);
    for (const [i, heavy] of order.entries()) {
      for (const light of order.slice(i + 1)) {
        expect(heavierOf(of(light, "first"), of(heavy, "second"))).toEqual(of(heavy, "second"));
        expect(heavierOf(of(heavy, "first"), of(light, "second"))).toEqual(of(heavy, "first"));
      }
    }
  });

  it("keeps the first of equal ones, and the only one", () => {
    expect(heavierOf(of("manual", "first"), of("manual", "second"))).toEqual(of("manual", "first"));
    expect(heavierOf(undefined, of("soft_bounces", "only"))).toEqual(of("soft_bounces", "only"));
  });
});

describe("nextBounces", () => {
  it("counts those in a row, and begins anew after a longer gap", () => {
    const at = (milliseconds: number) => new Date(milliseconds);
    let bounces: Bounces | undefined;
    const counts = [0, 100, 200, 301, 401, 350, 450].map((time) => {
      bounces = nextBounces(bounces, 100, at(time));
      return bounces.count;
    });
    // the one at 350 is of a clock that was set back: still in the row
    expect(counts).toEqual([1, 2, 3, 1, 2, 3, 4]);
    expect(bounces).toEqual({ count: 4, lastAt: at(450) });
  });
});
