import fc from "fast-check";
import { expect, test } from "vitest";
import { notificationStates } from "../delivery/notification.js";
import { bucketOf, byBucket, figuresOf, timeStep, totalOf } from "./engagement.js";

const message = fc.record({
  key: fc.constantFrom("a", "b"),
  state: fc.constantFrom(...notificationStates),
  redriven: fc.boolean(),
  marks: fc.option(fc.integer({ min: 1, max: 511 }), { nil: null }),
  opens: fc.nat({ max: 5 }),
});
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

const countsOf = (messages: readonly Message[]) => ({
  states: messages.map(({ key, state, redriven }) => ({ key, state, redriven, count: 1 })),
  facts: messages.flatMap(({ key, state, marks, opens }) =>
    marks === null ? [] : [{ key, state, marks, count: 1, opens, clicks: 0 }],
  ),
});

test("every message is in exactly one of queued, sent, failed by its notifier, suppressed, expired, cancelled and unknown", () => {
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const total = totalOf(figuresOf(countsOf(messages)).values());
      const { queued, sent, suppressed, expired, cancelled, unknown } = total;
      const known = 1 | 2 | 4 | 8 | 64 | 128;
      const refused = messages.filter(({ state, marks }) => state === "failed" && ((marks ?? 0) & known) === 0).length;
      expect(queued + sent + suppressed + expired + cancelled + unknown + refused).toBe(messages.length);
      expect(total.recipients).toBe(messages.filter(({ redriven }) => !redriven).length);
      expect(total.opened).toBeLessThanOrEqual(total.readable);
      expect(total.clicked).toBeLessThanOrEqual(total.readable);
      expect(total.delivered).toBeLessThanOrEqual(total.sent);
    }),
  );
});

test("figures of groups add up to those of all, and a rate of nothing is null", () => {
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const together = figuresOf(countsOf(messages.map((each) => ({ ...each, key: "a" })))).get("a");
      expect(totalOf(figuresOf(countsOf(messages)).values())).toEqual(together ?? totalOf([]));
    }),
  );
  expect(totalOf([])).toMatchObject({ openRate: null, clickRate: null, deliveryRate: null });
});

test("a day of a zone begins at its midnight, an hour that is shown twice is two", () => {
  const at = (iso: string) => Date.parse(iso);
  expect(bucketOf(at("2026-11-01T05:59:00Z"), "hour", "America/New_York")).toEqual(new Date("2026-11-01T05:00:00Z"));
  expect(bucketOf(at("2026-11-01T06:10:00Z"), "hour", "America/New_York")).toEqual(new Date("2026-11-01T06:00:00Z"));
  expect(bucketOf(at("2026-11-01T03:59:00Z"), "day", "America/New_York")).toEqual(new Date("2026-10-31T04:00:00Z"));
  expect(bucketOf(at("2026-11-01T20:00:00Z"), "hour", "Asia/Kathmandu")).toEqual(new Date("2026-11-01T19:15:00Z"));
  const step = String(at("2026-11-01T11:45:00Z") / timeStep);
  const counts = { states: [{ key: step, state: "sent" as const, redriven: false, count: 1 }], facts: [] };
  expect(byBucket(counts, "day", "Australia/Lord_Howe").states[0]!.key).toBe("2026-10-31T13:00:00.000Z");
});
