import type { Hours } from "@milepost/core";
import type { Verdict } from "../scenario/verdict.js";

/** One message: that a date has begun in a zone. */
export interface ToldDate {
  readonly zone: string;
  readonly date: string;
  /** Of its hours: `office` or `night`. */
  readonly name: string;
  /** Calls that are refused for now before one is accepted. */
  readonly refusals: number;
  /** What the zone's clocks showed at each call. */
  readonly calls: string[];
  accepted: number;
}

/** A day's work, and hours that some clock changes skip, shorten or repeat. */
export const toldHours: Readonly<Record<string, Hours>> = {
  office: { from: "09:00", to: "18:00" },
  night: { from: "02:15", to: "02:45" },
};

/** By the text that a clock shows, and no arithmetic. */
export function isWithin(name: string, shown: string): boolean {
  const { from, to } = toldHours[name]!;
  const time = shown.slice(11, 16);
  return from <= time && time < to;
}

/** Each was accepted once, within its hours, and on its date; `changed`: `<zone> <date>` where clocks were changed. */
export function checkToldDates(told: readonly ToldDate[], changed: ReadonlySet<string>, verdict: Verdict): void {
  verdict.note("messages", told.length);
  const outside = told.flatMap(({ name, calls }) => calls.filter((shown) => !isWithin(name, shown)));
  verdict.exactly("outsideOfTheirHours", outside.length, 0);
  verdict.exactly("notSentOnce", told.filter(({ accepted }) => accepted !== 1).length, 0);
  const dateOf = (shown: string | undefined) => shown?.slice(0, 10);
  const moved = told.filter(({ refusals, calls, date }) => refusals === 0 && dateOf(calls[0]) !== date);
  // only a clock change can take all of a night's hours, and none takes a day's
  const taken = moved.filter(({ name, zone, date }) => name === "night" && changed.has(`${zone} ${date}`));
  verdict.note("nightsTakenByAClockChange", taken.length);
  verdict.exactly("notOnTheirDate", moved.length - taken.length, 0);
  const carried = told.filter(({ calls }) => dateOf(calls[0]) !== dateOf(calls.at(-1)));
  verdict.atLeast("carriedOver", carried.length, 1);
}
