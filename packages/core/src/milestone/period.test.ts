import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calendarUnits, periodOf, periodProblem, spanAt, spanOf } from "./period.js";

/** Zones with whole and odd offsets, clock changes of an hour and of half an hour, at midnight and not, either hemisphere. */
const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Sao_Paulo",
  "America/Havana",
  "America/St_Johns",
  "Africa/Casablanca",
  "Africa/Cairo",
  "Asia/Beirut",
  "Asia/Kathmandu",
  "Asia/Tehran",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
];
const period = fc.tuple(fc.constantFrom(...calendarUnits), fc.constantFrom(...zones)).map((parts) => parts.join(":"));
const instant = fc.date({ min: new Date("1970-01-01"), max: new Date("2040-01-01"), noInvalidDate: true });

const spanText = (name: string, at: string) => {
  const { key, start, end } = spanAt(name, new Date(at));
  return [key, new Date(start).toISOString(), new Date(end).toISOString()].join(" ");
};

describe("the span of an instant", () => {
  test("has it in it, also where the clock is set back after midnight and shows the day before again", () => {
    // 00:01 became 23:01, the day before
    const sunday = "2010-11-07T02:30:00.000Z 2010-11-08T03:30:00.000Z";
    for (const at of ["2010-11-07T02:31:00Z", "2010-11-07T03:29:59.999Z", "2010-11-07T02:30:00Z"]) {
      expect(spanText("day:America/St_Johns", at)).toBe(`day:America/St_Johns:2010-11-07 ${sunday}`);
    }
    const october = "month:America/Goose_Bay:1993-10 1993-10-01T03:00:00.000Z 1993-11-01T04:00:00.000Z";
    expect(spanText("month:America/Goose_Bay", "1993-10-31T03:30:00Z")).toBe(october);
  });

  test.each([
    ["day:UTC", "2026-11-21T23:59:59.999Z", "day:UTC:2026-11-21 2026-11-21T00:00:00.000Z 2026-11-22T00:00:00.000Z"],
    ["week:UTC", "2027-01-01T12:00:00Z", "week:UTC:2026-W53 2026-12-28T00:00:00.000Z 2027-01-04T00:00:00.000Z"],
    ["week:UTC", "2024-12-31T12:00:00Z", "week:UTC:2025-W01 2024-12-30T00:00:00.000Z 2025-01-06T00:00:00.000Z"],
    ["month:UTC", "2024-02-29T12:00:00Z", "month:UTC:2024-02 2024-02-01T00:00:00.000Z 2024-03-01T00:00:00.000Z"],
    ["quarter:UTC", "2026-11-21T00:00:00Z", "quarter:UTC:2026-Q4 2026-10-01T00:00:00.000Z 2027-01-01T00:00:00.000Z"],
    ["year:UTC", "2026-11-21T00:00:00Z", "year:UTC:2026 2026-01-01T00:00:00.000Z 2027-01-01T00:00:00.000Z"],
  ])("%s at %s", (name, at, expected) => {
    expect(spanText(name, at)).toBe(expected);
  });

  test.each([
    [
      "a month begins by its zone's clock",
      "month:Europe/Berlin",
      "2026-10-31T23:00:00Z",
      "month:Europe/Berlin:2026-11",
    ],
    [
      "a millisecond before it does not",
      "month:Europe/Berlin",
      "2026-10-31T22:59:59.999Z",
      "month:Europe/Berlin:2026-10",
    ],
    ["Apia had no 2011-12-30", "day:Pacific/Apia", "2011-12-30T10:00:00Z", "day:Pacific/Apia:2011-12-31"],
    ["its clock changed from the 29th", "day:Pacific/Apia", "2011-12-30T09:59:59Z", "day:Pacific/Apia:2011-12-29"],
    ["Kathmandu is ahead by 5:45", "day:Asia/Kathmandu", "2026-01-01T18:15:00Z", "day:Asia/Kathmandu:2026-01-02"],
  ])("%s", (_, name, at, key) => {
    expect(spanAt(name, new Date(at)).key).toBe(key);
  });

  test("a day whose midnight a clock change skips begins with its first instant", () => {
    expect(spanText("day:America/Sao_Paulo", "2018-11-04T12:00:00Z")).toBe(
      "day:America/Sao_Paulo:2018-11-04 2018-11-04T03:00:00.000Z 2018-11-05T02:00:00.000Z",
    );
  });

  test("everything is in the lifetime", () => {
    expect(spanAt("lifetime", new Date(0))).toEqual({
      key: "lifetime",
      start: Number.NEGATIVE_INFINITY,
      end: Number.POSITIVE_INFINITY,
    });
    expect(spanOf("lifetime")).toBe(spanAt("lifetime", new Date(0)));
  });

  test("property: it holds the instant, the next one begins where it ends, and its key names it", () => {
    fc.assert(
      fc.property(period, instant, (name, at) => {
        const span = spanAt(name, at);
        expect(span.start).toBeLessThanOrEqual(at.getTime());
        expect(span.end).toBeGreaterThan(at.getTime());
        expect(spanAt(name, new Date(span.end)).start).toBe(span.end);
        expect(spanAt(name, new Date(span.start - 1)).end).toBe(span.start);
        expect(spanOf(span.key)).toEqual(span);
        expect(periodOf(span.key)).toBe(name);
      }),
      { numRuns: 2_000 },
    );
  });

  test("property: days agree with the calendar that Intl writes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, (timeZone, at) => {
        const written = new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(at);
        expect(spanAt(`day:${timeZone}`, at).key).toBe(`day:${timeZone}:${written}`);
      }),
      { numRuns: 1_000 },
    );
  });

  test("the ends of the calendar that events may have", () => {
    for (const at of ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"]) {
      for (const unit of calendarUnits) {
        for (const zone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
          const span = spanAt(`${unit}:${zone}`, new Date(at));
          expect(spanOf(span.key)).toEqual(span);
        }
      }
    }
  });
});

test.each(["lifetime", "day:UTC", "week:Asia/Kathmandu", "month:Europe/Kiev", "quarter:+05:30"])(
  "%s is a period",
  (name) => {
    expect(periodProblem(name)).toBeUndefined();
  },
);

test.each([
  ["month", /a zone that this machine knows/],
  ["hour:UTC", /one of day, week/],
  ["", /"lifetime"/],
  ["month:", /a zone that this machine knows/],
  ["month:Berlin", /a zone that this machine knows/],
  ["month:europe/berlin", /"month:Europe\/Berlin"/],
  ["month:utc", /"month:UTC"/],
])("%j is none", (name, expected) => {
  expect(periodProblem(name)).toMatch(expected);
});
