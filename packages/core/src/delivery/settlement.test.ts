import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepted, ambiguous, type Outcome, refusedPermanent, refusedTransient } from "../notifier/notifier.js";
import { retryDelay } from "./retry-schedule.js";
import { type SendingRow, settlementOf } from "./settlement.js";
import { deliveryTiming } from "./timing.js";

const timing = deliveryTiming();
const now = new Date(1_000_000);
const row: SendingRow = {
  tenant: "default",
  id: "n1",
  fence: 3,
  notifier: "smtp",
  excused: 0,
  slot: null,
  firstMarkedAt: null,
  attempts: 1,
  maxAttempts: 5,
  mode: "at-most-once",
  keyUntil: null,
  wasAmbiguous: false,
};
const decide = (outcome: Outcome, change: Partial<SendingRow> = {}) =>
  settlementOf({ ...row, ...change }, outcome, { now, random: 0.5, timing, payload: null });

describe("settlementOf", () => {
  it("follows the table of moves", () => {
    const last = { attempts: 5 };
    const table = [
      [decide(accepted("r")), "sent", "accepted", null],
      [decide(refusedTransient("busy")), "pending", "refused_transient", null],
      [decide(refusedTransient("busy"), last), "failed", "refused_transient", "attempts_used_up"],
      [decide(refusedPermanent("no")), "failed", "refused_permanent", "refused"],
      [decide(ambiguous("?")), "ambiguous", "ambiguous", "no_answer"],
      [decide(ambiguous("?"), { mode: "at-least-once" }), "pending", "ambiguous", null],
      [decide(ambiguous("?"), { mode: "at-least-once", ...last }), "ambiguous", "ambiguous", "no_answer"],
      [decide(ambiguous("?"), { mode: "idempotent", keyUntil: new Date(1_000_001) }), "pending", "ambiguous", null],
      [decide(ambiguous("?"), { mode: "idempotent", keyUntil: now }), "ambiguous", "ambiguous", "no_answer"],
    ] as const;
    for (const [settlement, to, outcome, reason] of table) {
      expect([settlement.to, settlement.outcome, settlement.reason]).toEqual([to, outcome, reason]);
    }
  });

  it("never fails a row that was ever ambiguous: it is unknown", () => {
    expect(decide(refusedPermanent("no"), { wasAmbiguous: true }).to).toBe("unknown");
    expect(decide(refusedTransient("busy"), { wasAmbiguous: true, attempts: 5 }).to).toBe("unknown");
  });

  it("never lets at-most-once repeat what may have been accepted, whatever the row", () => {
    const rows = fc.record({
      attempts: fc.integer({ min: 1, max: 9 }),
      maxAttempts: fc.integer({ min: 1, max: 9 }),
      wasAmbiguous: fc.boolean(),
      keyUntil: fc.option(fc.date({ noInvalidDate: true })),
    });
    fc.assert(fc.property(rows, (change) => decide(ambiguous("?"), change).to !== "pending"));
  });

  it("stores what the other side said on one bounded line", () => {
    const { detail } = decide(refusedPermanent(`550 no\r\n<script>${"x".repeat(1_000_000)}\ud800`));
    expect(detail).toHaveLength(500);
    expect(detail).toMatch(/^550 no <script>x+$/);
  });
});

describe("retryDelay", () => {
  it("doubles up to the cap, half of it at random, and never comes before Retry-After", () => {
    expect([1, 2, 3].map((attempt) => retryDelay(attempt, 0, timing))).toEqual([5_000, 10_000, 20_000]);
    expect([1, 2, 3].map((attempt) => retryDelay(attempt, 1, timing))).toEqual([10_000, 20_000, 40_000]);
    expect(retryDelay(1_000, 1, timing)).toBe(3_600_000);
    expect(retryDelay(1, 0.5, timing, 60_000)).toBe(60_000);
    expect(retryDelay(1, 0.5, timing, Number.POSITIVE_INFINITY)).toBe(30 * 86_400_000);
  });
});

describe("deliveryTiming", () => {
  it("refuses a lease that a call and its result could outlive", () => {
    const refused = (input: object, path: string) =>
      expect(() => deliveryTiming(input)).toThrow(expect.objectContaining({ code: "invalid_options", path }));
    refused({ lease: 40_000 }, "delivery.lease");
    refused({ retryBase: 0 }, "delivery.retryBase");
    refused({ leese: 1 }, "delivery.leese");
  });
});
