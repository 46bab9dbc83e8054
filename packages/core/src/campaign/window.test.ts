import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyHours, anyTime, isWithin } from "./hours.sample.js";
import { spanFrom, type Window } from "./window.js";
import { zoneOf } from "./zone.js";
import { clockOf, sampleZones } from "./zones.sample.js";

const minute = 60_000;
const hour = 60 * minute;
const at = (text: string) => Date.parse(text);
const office = { from: "09:00", to: "18:00" };
const text = (instant: number | null) => (instant === null ? null : `${new Date(instant).toISOString().slice(0, 16)}Z`);

/** Not before, open until, expires at. */
function told(window: Window, from: string, own?: string) {
  const { notBefore, openUntil, expiresAt } = spanFrom(window, zoneOf(window, own), at(from));
  return [notBefore, openUntil, expiresAt].map(text);
}

describe("spanFrom", () => {
  test("begins at the start and ends at the end, by the clocks of the named zone", () => {
    const window = { start: "2026-12-01T09:00", end: "2026-12-03T09:00", zone: "Europe/Berlin" };
    const ends = "2026-12-03T08:00Z";
    expect(told(window, "2026-11-20T12:00Z")).toEqual(["2026-12-01T08:00Z", null, ends]);
    expect(told(window, "2026-12-02T12:00Z")).toEqual(["2026-12-02T12:00Z", null, ends]);
    expect(told({ zone: "UTC" }, "2026-12-02T12:00Z")).toEqual(["2026-12-02T12:00Z", null, null]);
  });

  test("goes by each recipient's clocks, by the other zone where that is missing or none, and by UTC without one", () => {
    const window = { start: "2026-12-01T09:00", zone: "recipient", otherwise: "Asia/Tokyo" };
    const begins = (own?: string) => told(window, "2026-11-20T12:00Z", own)[0];
    expect(begins("America/New_York")).toBe("2026-12-01T14:00Z");
    expect([begins(), begins("Nowhere/Land"), begins("recipient")]).toEqual(Array(3).fill("2026-12-01T00:00Z"));
    const { otherwise: _, ...without } = window;
    expect(told(without, "2026-11-20T12:00Z")[0]).toBe("2026-12-01T09:00Z");
  });

  test("with hours begins when those open after the start, and is empty where they do not before the end", () => {
    const window = { start: "2026-12-01T20:00", end: "2026-12-03T08:00", hours: office, zone: "UTC" };
    const ends = "2026-12-03T08:00Z";
    expect(told(window, "2026-11-20T12:00Z")).toEqual(["2026-12-02T09:00Z", "2026-12-02T18:00Z", ends]);
    const [notBefore, , expiresAt] = told(window, "2026-12-02T18:00Z");
    expect([notBefore, expiresAt]).toEqual([ends, ends]);
  });

  test("a start or end that a clock change skips is the moment of the change, and one that is shown twice is its first", () => {
    const starts = (start: string, zone: string) => told({ start, zone }, "2011-01-01T00:00Z")[0];
    const ends = (end: string, zone: string) => told({ end, zone }, "2011-01-01T00:00Z")[2];
    for (const of of [starts, ends]) {
      expect(of("2026-03-29T02:30", "Europe/Berlin")).toBe("2026-03-29T01:00Z");
      expect(of("2026-10-25T02:30", "Europe/Berlin")).toBe("2026-10-25T00:30Z");
      expect(of("2026-10-04T02:15", "Australia/Lord_Howe")).toBe("2026-10-03T15:30Z");
      expect(of("2026-04-05T01:45", "Australia/Lord_Howe")).toBe("2026-04-04T14:45Z");
    }
  });

  test("a start or end on a date that the zone skipped is the moment at which it was skipped", () => {
    const window = { start: "2011-12-30T09:00", end: "2011-12-30T18:00", zone: "Pacific/Apia" };
    expect(told(window, "2011-12-29T00:00Z")).toEqual(["2011-12-30T10:00Z", null, "2011-12-30T10:00Z"]);
    expect(told({ start: "2011-12-30T09:00", hours: office, zone: "Pacific/Apia" }, "2011-12-29T00:00Z")).toEqual([
      "2011-12-30T19:00Z",
      "2011-12-31T04:00Z",
      null,
    ]);
  });

  test("an instant is in one of its spans exactly when the clocks have come to the start, not to the end, and are within the hours", () => {
    // days with a clock change somewhere, and one without
    const days = ["2026-03-28", "2026-10-24", "2026-04-04", "2026-10-03", "2011-12-29", "2026-07-01"].map((date) =>
      at(`${date}T00:00Z`),
    );
    const local = (day: number) =>
      fc
        .tuple(fc.integer({ min: 0, max: 3 }), anyTime)
        .map(([later, time]) => `${new Date(day + later * 24 * hour).toISOString().slice(0, 10)}T${time}`);
    const sample = fc.constantFrom(...days).chain((day) =>
      fc.record({
        day: fc.constant(day),
        zone: fc.constantFrom(...sampleZones),
        named: fc.boolean(),
        start: fc.option(local(day), { nil: undefined }),
        end: fc.option(local(day), { nil: undefined }),
        hours: fc.option(anyHours, { nil: undefined }),
        from: fc.integer({ min: 0, max: 24 * 60 }).map((minutes) => day + minutes * minute),
      }),
    );
    fc.assert(
      fc.property(sample, ({ day, zone, named, start, end, hours, from }) => {
        const limits = { ...(start && { start }), ...(end && { end }), ...(hours && { hours }) };
        const window: Window = { ...limits, zone: named ? zone : "recipient" };
        const where = zoneOf(window, named ? "UTC" : zone);
        const clock = clockOf(zone);
        let latest = "";
        let span = spanFrom(window, where, from);
        // clocks may have come to the start before anybody asked
        for (let time = day - 48 * hour; time < day + 96 * hour; time += 15 * minute) {
          const shown = clock(time);
          // what they came to before they may have been set back at this instant
          for (const each of [clock(time - 1), shown]) if (each > latest) latest = each;
          if (time < from) continue;
          if (span.openUntil !== null && time >= span.openUntil) span = spanFrom(window, where, time);
          const begun = start === undefined || latest >= start;
          const over = end !== undefined && latest >= end;
          const wanted = begun && !over && (hours === undefined || isWithin(hours, shown));
          expect([shown, span.notBefore <= time && time < (span.expiresAt ?? Infinity)]).toEqual([shown, wanted]);
        }
      }),
      { numRuns: 150 },
    );
  });
});
