import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accepted,
  ambiguous,
  type Outcome,
  outcomeOf,
  refusedPermanent,
  refusedTransient,
  unavailable,
} from "../notifier/notifier.js";
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

describe("settlementOf of a way out that is unavailable", () => {
  const since = (milliseconds: number) => ({ firstMarkedAt: new Date(now.getTime() - milliseconds) });
  const day = 86_400_000;

  it("parks the lane and excuses the attempt, whatever number it is, for three days after the first", () => {
    for (const [attempts, excused] of [
      [1, 0],
      [5, 0],
      [9, 4],
      [500, 495],
    ] as const) {
      for (const first of [{ firstMarkedAt: null }, since(0), since(3 * day - 1)]) {
        const settlement = decide(unavailable("down"), { attempts, excused, ...first });
        expect(settlement).toMatchObject({ to: "pending", outcome: "refused_transient", excused: true, reason: null });
        expect(settlement.parkIn).toBe(settlement.retryIn);
      }
    }
  });

  it("after three days counts as any refusal for now, and parks nothing", () => {
    expect(decide(unavailable("down"), since(3 * day))).toMatchObject({ to: "pending", excused: false, parkIn: null });
    expect(decide(unavailable("down"), { ...since(3 * day), attempts: 5 })).toMatchObject({
      to: "failed",
      reason: "attempts_used_up",
      excused: false,
      parkIn: null,
    });
    const wasAmbiguous = { ...since(3 * day), attempts: 5, wasAmbiguous: true };
    expect(decide(unavailable("down"), wasAmbiguous).to).toBe("unknown");
  });

  it("asks again after 5 to 10 seconds, doubled up to a minute, and not before the other side asked", () => {
    const parked = (excused: number, random: number, retryAfter?: number) =>
      settlementOf({ ...row, attempts: excused + 1, excused }, unavailable("down", retryAfter), {
        ...{ now, random, timing, payload: null },
      }).parkIn;
    expect([0, 1, 2, 3, 9].map((excused) => parked(excused, 0))).toEqual([5_000, 10_000, 20_000, 30_000, 30_000]);
    expect([0, 1, 2, 3, 9].map((excused) => parked(excused, 1))).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
    expect(parked(0, 0, 600_000)).toBe(600_000);
  });

  it("leaves as many attempts for what comes after as there were before", () => {
    const afterOutage = { attempts: 104, excused: 100 };
    expect(decide(refusedTransient("busy"), afterOutage).to).toBe("pending");
    expect(decide(refusedTransient("busy"), { ...afterOutage, attempts: 105 }).to).toBe("failed");
    expect(decide(refusedTransient("busy"), afterOutage).retryIn).toBe(retryDelay(4, 0.5, timing));
  });

  it("is told by nothing but unavailable(): other outcomes park no lane and excuse nothing", () => {
    const outcomes = [accepted(), refusedTransient("busy", 1), refusedPermanent("no"), ambiguous("?")];
    for (const { parkIn, excused } of outcomes.map((outcome) => decide(outcome))) {
      expect([parkIn, excused]).toEqual([null, false]);
    }
    expect(outcomeOf({ ...unavailable("down", 5) })).toEqual(unavailable("down", 5));
    for (const nearly of ["yes", 1, null, {}]) {
      expect(outcomeOf({ ...refusedTransient("busy"), unavailable: nearly })).toEqual(refusedTransient("busy"));
    }
    expect(outcomeOf({ ...refusedPermanent("no"), unavailable: true })).toEqual(refusedPermanent("no"));
  });

  it("says of every settlement which place in the quota it is about, so that a refusal gives it back", () => {
    const outcomes = [
      accepted(),
      refusedTransient("busy"),
      unavailable("down"),
      refusedPermanent("no"),
      ambiguous("?"),
    ];
    for (const outcome of outcomes) expect(decide(outcome, { slot: "s-1" }).slot).toBe("s-1");
  });
});

describe("retryDelay", () => {
  it("doubles up to the cap, half of it at random, and never comes before Retry-After", () => {
    expect([1, 2, 3].map((attempt) => retryDelay(attempt, 0, timing))).toEqual([5_000, 10_000, 20_000]);
    expect([1, 2, 3].map((attempt) => retryDelay(attempt, 1, timing))).toEqual([10_000, 20_000, 40_000]);
    expect(retryDelay(1_000, 1, timing)).toBe(3_600_000);
    expect(retryDelay(1, 0.5, timing, 60_000)).toBe(60_000);
    expect(retryDelay(1, 0.5, timing, 60_000.2), "whole milliseconds, as stores keep them").toBe(60_001);
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
