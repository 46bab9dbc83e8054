import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deliveryEventTypes } from "./delivery-event.js";
import { type DeliveryFacts, factsOf, marksOf, mergeFacts, noFacts } from "./facts.js";
import { arrived, mayBeRead, standingOf, wentOut } from "./standing.js";

const event = fc.record({
  type: fc.constantFrom(...deliveryEventTypes),
  occurredAt: fc.integer({ min: 0, max: 4 }).map((n) => new Date(n)),
  bounce: fc.constantFrom("hard" as const, "soft" as const),
  reason: fc.constantFrom(null, "a", "\u{1f389}", "\uffff"),
});
const facts = fc.array(event, { maxLength: 6 }).map((events) => events.map(factsOf).reduce(mergeFacts, noFacts));

describe("mergeFacts", () => {
  test("does not depend on order", () => {
    fc.assert(
      fc.property(facts, facts, (a, b) => {
        expect(mergeFacts(a, b)).toEqual(mergeFacts(b, a));
      }),
    );
  });
  test("does not depend on what is merged first", () => {
    const both = (a: DeliveryFacts, b: DeliveryFacts, c: DeliveryFacts) => {
      expect(mergeFacts(mergeFacts(a, b), c)).toEqual(mergeFacts(a, mergeFacts(b, c)));
    };
    fc.assert(fc.property(facts, facts, facts, both));
  });
  test("with nothing changes nothing", () => {
    fc.assert(
      fc.property(facts, (a) => {
        expect(mergeFacts(a, noFacts)).toEqual(a);
      }),
    );
  });
  test("takes no fact back: what was known once stays known", () => {
    fc.assert(
      fc.property(facts, facts, (a, b) => {
        const lost = marksOf(a) & ~marksOf(mergeFacts(a, b)) & ~16;
        expect(lost).toBe(0);
      }),
    );
  });
});

test("a hard bounce weighs more than a soft one, also one that came earlier; of equal ones the earliest", () => {
  const bounced = (bounce: "hard" | "soft", at: number, reason: string) =>
    factsOf({ type: "bounced", bounce, occurredAt: new Date(at), reason });
  const all = [bounced("soft", 1, "full"), bounced("hard", 9, "late"), bounced("hard", 8, "no such user")];
  const { bounce, bouncedAt, bounceReason } = all.reduce(mergeFacts, noFacts);
  expect([bounce, bouncedAt, bounceReason]).toEqual(["hard", new Date(8), "no such user"]);
});

describe("standing", () => {
  const known = (...types: (typeof deliveryEventTypes)[number][]) =>
    types
      .map((type) => factsOf({ type, occurredAt: new Date(1), bounce: "soft", reason: null }))
      .reduce(mergeFacts, noFacts);

  test("what its reader has done weighs more than what servers say", () => {
    expect(standingOf("sent", known())).toBe("sent");
    expect(standingOf("pending", known())).toBe("queued");
    expect(standingOf("ambiguous", known("sent"))).toBe("sent");
    expect(standingOf("sent", known("delivered", "bounced"))).toBe("bounced");
    expect(standingOf("sent", known("bounced", "opened"))).toBe("opened");
    expect(standingOf("sent", known("complained", "delivered", "clicked"))).toBe("complained");
    expect(standingOf("suppressed", known())).toBe("suppressed");
  });

  test("a bounce alone does not say that a message went out, an open does", () => {
    expect(wentOut("failed", marksOf(known("bounced")))).toBe(false);
    expect(wentOut("unknown", marksOf(known("opened")))).toBe(true);
    expect(arrived(marksOf(known("unsubscribed")))).toBe(true);
    expect(mayBeRead("sent", marksOf(known("bounced")))).toBe(false);
    expect(mayBeRead("sent", marksOf(known("bounced", "opened")))).toBe(true);
  });
});
