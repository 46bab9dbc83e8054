import { describe, expect, it } from "vitest";
import type { Limit } from "../store/limit-repository.js";
import { limitPlaces, type Past } from "./limit-places.js";

const at = (time: number) => new Date(time);
const event = (rev: number, time = 0) => ({ rev, occurredAt: at(time) });
const limit = (version: number, time = 0, fields: Partial<Limit> = {}): Limit => ({
  ...{ tenant: "t", metric: "m", subject: "s", version, amount: 1, applied: true, by: "b", why: "w" },
  ...{ effectiveFrom: at(time), createdAt: at(time), ...fields },
});
const places = (events: Past["events"], limits: readonly Limit[], rev: number, unbroken = true) =>
  limitPlaces({ events, rev, unbroken }, limits).map(({ limit: { version }, before }) => [version, before]);

describe("limitPlaces", () => {
  it("finds versions where the revs have gaps, whatever the times say", () => {
    const events = [event(1, 50), event(1, 60), event(3, 10), event(4, 20)];
    expect(places(events, [limit(1, 999), limit(2, 1_000)], 5)).toEqual([
      [1, 2],
      [2, 4],
    ]);
  });

  it("puts versions for which there is no gap before the first event: they came before the counter", () => {
    expect(places([event(1), event(3)], [limit(1), limit(2), limit(3)], 3)).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
    ]);
    expect(places([event(7), event(8)], [limit(1)], 8)).toEqual([[1, 0]]);
    expect(places([], [limit(1)], 0)).toEqual([[1, 0]]);
  });

  it("orders them by when they came into force, not by their versions, and leaves out what is not in force yet", () => {
    const later = limit(1, 0, { effectiveFrom: at(30) });
    expect(places([event(1), event(4)], [later, limit(2, 20), limit(3, 40, { applied: false })], 4)).toEqual([
      [2, 1],
      [1, 1],
    ]);
  });

  it("goes by the times where events are missing", () => {
    expect(places([event(1, 10), event(3, 30)], [limit(1, 20), limit(2, 40)], 3, false)).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it("goes by the times where revs are missing for other reasons", () => {
    const events = [event(1, 10), event(5, 20), event(6, 15), event(9, 40)];
    expect(places(events, [limit(1, 5), limit(2, 20), limit(3, 21), limit(4, 41)], 9)).toEqual([
      [1, 0],
      [2, 1],
      [3, 3],
      [4, 4],
    ]);
  });
});
