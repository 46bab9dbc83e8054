import { expect, test } from "vitest";
import { lastSaturday } from "./once.js";
import { isWeek, weeksAfter } from "./weeks.js";

/** The week of the Thursday, counted from its year's begin: ISO 8601 said otherwise. */
function slowWeek(day: number): string {
  const date = new Date(day);
  const thursday = new Date(day + (4 - (date.getUTCDay() || 7)) * 86_400_000);
  const year = thursday.getUTCFullYear();
  const count = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * 86_400_000)) + 1;
  return `${year}-W${String(count).padStart(2, "0")}`;
}

test("the week after each day of 28 years, after which the calendar repeats, is that of ISO 8601", () => {
  for (let day = Date.UTC(2015, 0, 1); day < Date.UTC(2043, 0, 1); day += 86_400_000) {
    expect(weeksAfter(new Date(day), 1)).toEqual([slowWeek(day + 7 * 86_400_000)]);
  }
}, 60_000);

test("years have 52 weeks or 53, and a year's last days may be in the next one's first week", () => {
  expect(weeksAfter(new Date("2026-12-19T09:00:00Z"), 4)).toEqual(["2026-W52", "2026-W53", "2027-W01", "2027-W02"]);
  expect(weeksAfter(new Date("2025-12-20T09:00:00Z"), 3)).toEqual(["2025-W52", "2026-W01", "2026-W02"]);
  const known = ["2026-W53", "2025-W52", "2020-W53", "2027-W01"];
  const unknown = ["2025-W53", "2026-W54", "2026-W00", "2026-W1", "2026-53", "", "next"];
  expect([...known, ...unknown].filter(isWeek)).toEqual(known);
});

test("the last Saturday 09:00 GMT is this one from 09:00 on", () => {
  const last = (at: string) => lastSaturday(new Date(at)).toISOString();
  expect(last("2026-12-26T09:00:00Z")).toBe("2026-12-26T09:00:00.000Z");
  expect(last("2026-12-26T08:59:59.999Z")).toBe("2026-12-19T09:00:00.000Z");
  expect(last("2026-12-27T00:00:00Z")).toBe("2026-12-26T09:00:00.000Z");
  expect(last("2027-01-01T23:59:00Z")).toBe("2026-12-26T09:00:00.000Z");
});
