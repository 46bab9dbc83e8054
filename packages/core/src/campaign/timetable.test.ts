import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cronProblem, occurrences } from "./timetable.js";
import { clockOf, sampleZones, unusualZones } from "./zones.sample.js";

const at = (text: string) => Date.parse(text);
const told = (cron: string, zone: string, after: string, until: string) =>
  [...occurrences({ cron, zone }, { after: at(after), until: at(until) })].map(
    ({ key, at: instant }) => `${key} ${new Date(instant).toISOString().slice(0, 16)}Z`,
  );

describe("occurrences", () => {
  test("are those after the one instant, up to and with the other", () => {
    expect(told("0 9 * * 6", "Europe/London", "2026-11-14T09:00:00Z", "2026-11-28T09:00:00Z")).toEqual([
      "2026-11-21T09:00 2026-11-21T09:00Z",
      "2026-11-28T09:00 2026-11-28T09:00Z",
    ]);
  });

  test("a time that a clock change skips is the moment of the change", () => {
    expect(told("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z")).toEqual([
      "2026-03-29T02:30 2026-03-29T01:00Z",
      "2026-03-30T02:30 2026-03-30T00:30Z",
    ]);
    expect(told("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z")).toEqual([
      "2026-10-04T02:15 2026-10-03T15:30Z",
    ]);
  });

  test("a time that is shown twice is its first", () => {
    expect(told("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z")).toEqual([
      "2026-10-25T02:30 2026-10-25T00:30Z",
    ]);
    // also for one who looks between the two
    expect(told("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T12:00:00Z")).toEqual([]);
  });

  test("several that a clock change puts at one instant are one", () => {
    expect(told("*/15 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:15:00Z")).toEqual([
      "2026-03-29T01:45 2026-03-29T00:45Z",
      "2026-03-29T02:00 2026-03-29T01:00Z",
      "2026-03-29T03:15 2026-03-29T01:15Z",
    ]);
  });

  test("there is none on a date that the zone skipped", () => {
    expect(told("0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T00:00:00Z")).toEqual([
      "2011-12-29T09:00 2011-12-29T19:00Z",
      "2011-12-31T09:00 2011-12-30T19:00Z",
    ]);
  });

  test("dittofeed-dst: Monday 05:00 in Tokyo is a Monday there, whatever day it is elsewhere", () => {
    expect(told("0 5 * * 1", "Asia/Tokyo", "2026-11-15T00:00:00Z", "2026-11-17T00:00:00Z")).toEqual([
      "2026-11-16T05:00 2026-11-15T20:00Z",
    ]);
  });

  test.each(["30 2 * * *", "0 0 * * *"])("a daily one, %j, occurs once on each local date", (cron) => {
    for (const zone of unusualZones) {
      const clock = clockOf(zone);
      const [after, until] = [at("2011-01-01T12:00:00Z"), at("2012-01-02T12:00:00Z")];
      const keys = [...occurrences({ cron, zone }, { after, until })].map(({ key }) => key.slice(0, 10));
      const dates = new Set<string>();
      for (let time = after; time <= until; time += 3 * 3_600_000) dates.add(clock(time).slice(0, 10));
      // the first and the last date are cut
      expect(keys.slice(1, -1)).toEqual([...dates].filter((date) => date > keys[0]! && date < keys.at(-1)!));
    }
  });

  test("are the same wherever one starts to look", () => {
    const zone = fc.constantFrom(...sampleZones);
    const cron = fc.constantFrom("*/20 * * * *", "30 2 * * *", "0 0 * * *", "15,45 1-3 * * *");
    const start = fc.constantFrom("2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2011-12-29T12:00:00Z").map(at);
    fc.assert(
      fc.property(zone, cron, start, fc.integer({ min: 0, max: 36 * 60 }), (where, pattern, after, minutes) => {
        const until = after + 48 * 3_600_000;
        const all = [...occurrences({ cron: pattern, zone: where }, { after, until })];
        const middle = after + minutes * 60_000;
        const later = [...occurrences({ cron: pattern, zone: where }, { after: middle, until })];
        expect(later).toEqual(all.filter(({ at: instant }) => instant > middle));
      }),
      { numRuns: 200 },
    );
  });
});

test.each(["", "0 9 * *", "61 * * * *", "0 0 9 * * 6", "2026-11-21T09:00:00", "0 0 31 2 *", "x"])(
  "cronProblem: %j is refused",
  (text) => {
    expect(cronProblem(text)).toBeTypeOf("string");
  },
);
test.each(["0 9 * * 6", "*/5 9-17 * * 1-5", "0 0 29 2 *", "0 9 L * *", "@weekly"])(
  "cronProblem: %j is taken",
  (text) => {
    expect(cronProblem(text)).toBeUndefined();
  },
);
