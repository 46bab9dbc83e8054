import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Hours, openingAt } from "./hours.js";
import { anyHours, isWithin } from "./hours.sample.js";
import { clockOf, sampleZones, unusualZones } from "./zones.sample.js";

const minute = 60_000;
const day = 24 * 60 * minute;
const at = (text: string) => Date.parse(text);
const told = (hours: Hours, zone: string, time: string) => {
  const { opens, closes } = openingAt(hours, zone, at(time));
  return [new Date(opens).toISOString(), new Date(closes).toISOString()];
};

describe("openingAt", () => {
  const office: Hours = { from: "09:00", to: "18:00" };

  test("answers the span from now on while it is open, and the next one while it is not", () => {
    expect(told(office, "Europe/Berlin", "2026-11-20T10:00:00Z")).toEqual([
      "2026-11-20T10:00:00.000Z",
      "2026-11-20T17:00:00.000Z",
    ]);
    expect(told(office, "Europe/Berlin", "2026-11-20T17:00:00Z")).toEqual([
      "2026-11-21T08:00:00.000Z",
      "2026-11-21T17:00:00.000Z",
    ]);
  });

  test("goes on into the next day where it ends before it begins, by the weekday on which it begins", () => {
    const night: Hours = { from: "22:00", to: "06:00", days: [5] };
    expect(told(night, "UTC", "2026-11-21T03:00:00Z")).toEqual([
      "2026-11-21T03:00:00.000Z",
      "2026-11-21T06:00:00.000Z",
    ]);
    expect(told(night, "UTC", "2026-11-21T06:00:00Z")).toEqual([
      "2026-11-27T22:00:00.000Z",
      "2026-11-28T06:00:00.000Z",
    ]);
  });

  test("is shorter where a clock change skips a part, and open twice where it repeats one", () => {
    // Berlin: 02:00 to 03:00 is missing on 29 March 2026 and there twice on 25 October
    const early: Hours = { from: "01:30", to: "02:30" };
    expect(told(early, "Europe/Berlin", "2026-03-29T00:00:00Z")).toEqual([
      "2026-03-29T00:30:00.000Z",
      "2026-03-29T01:00:00.000Z",
    ]);
    const late: Hours = { from: "02:30", to: "03:30" };
    expect(told(late, "Europe/Berlin", "2026-10-25T00:00:00Z")).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
    ]);
    expect(told(late, "Europe/Berlin", "2026-10-25T01:00:00Z")).toEqual([
      "2026-10-25T01:30:00.000Z",
      "2026-10-25T02:30:00.000Z",
    ]);
  });

  test("there is none on a date that the zone skipped", () => {
    expect(told(office, "Pacific/Apia", "2011-12-30T05:00:00Z")).toEqual([
      "2011-12-30T19:00:00.000Z",
      "2011-12-31T04:00:00.000Z",
    ]);
  });

  test("an instant is within it exactly when the zone's clocks show a time within the hours", () => {
    const begin = fc.integer({ min: at("2009-01-01T00:00:00Z") / minute, max: at("2030-01-01T00:00:00Z") / minute });
    // a clock change now and then; elsewhere most are far from one
    const changes = [at("2026-03-29T00:50:00Z"), at("2026-10-24T14:40:00Z"), at("2011-12-30T09:30:00Z")];
    const start = fc.oneof(begin, ...changes.map((change) => fc.constant(Math.floor(change / minute))));
    fc.assert(
      fc.property(anyHours, fc.constantFrom(...sampleZones), start, (open, zone, first) => {
        const clock = clockOf(zone);
        let { opens, closes } = openingAt(open, zone, first * minute);
        for (let time = first * minute; time < first * minute + 3 * day; time += 15 * minute) {
          if (time >= closes) ({ opens, closes } = openingAt(open, zone, time));
          expect([clock(time), opens <= time]).toEqual([clock(time), isWithin(open, clock(time))]);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("is open on each date that has such a time, and its bounds are exact", () => {
    for (const zone of unusualZones) {
      const clock = clockOf(zone);
      const begin = at("2011-01-01T00:00:00Z");
      const dates = new Set<string>();
      let time = begin;
      while (time < at("2012-01-02T00:00:00Z")) {
        const { opens, closes } = openingAt(office, zone, time);
        expect([isWithin(office, clock(opens)), isWithin(office, clock(closes - 1))]).toEqual([true, true]);
        expect(isWithin(office, clock(closes))).toBe(false);
        if (opens > time) expect(isWithin(office, clock(opens - 1))).toBe(false);
        dates.add(clock(opens).slice(0, 10));
        time = closes;
      }
      const wanted = new Set<string>();
      for (let passed = begin; passed < time; passed += 2 * 3_600_000) {
        if (isWithin(office, clock(passed))) wanted.add(clock(passed).slice(0, 10));
      }
      expect([...dates]).toEqual([...wanted]);
    }
  });
});
