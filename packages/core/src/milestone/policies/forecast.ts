import * as z from "zod";
import { type Agrees, parseInput } from "../../validation.js";
import type { Level, LevelLabels, MilestonePolicy, SpanSoFar } from "../policy.js";
import { keyOf, labelFields, present, refused } from "./level-spec.js";
import { isPercent } from "./percent.js";

export interface ForecastOptions extends LevelLabels {
  /** The part of the period, in percent, before which its pace says too little: 10 unless said; 0 to below 100. */
  readonly after?: number;
}

const percentage = (holds: (percent: number) => boolean, expected: string) =>
  z.custom<number>((value) => isPercent(value) && holds(value), `${expected}, with at most 4 decimals`);

const percentSchema = percentage((percent) => percent > 0, "a percentage above 0 and up to 1000000");

const optionsSchema = z.strictObject({
  after: percentage((percent) => percent < 100, "a percentage from 0 to below 100").default(10),
  ...labelFields,
});

true satisfies Agrees<typeof optionsSchema, ForecastOptions>;

const whole = 1_000_000n;
const parts = (percent: number): bigint => BigInt(Math.round(percent * 10_000));

/**
 * One level, once in a period: the value will come to this part of the limit by the period's end, if it goes on at its
 * pace. It is passed at an event at the time `t` where `value * span >= percent * limit * (t - start)`, exactly, or by
 * itself when the first part of the period is over. A calendar counter that began in mid-period is measured from there.
 *
 * | `forecast(100)` in a month of 30 days with a limit of 3,000, at an event that brings the value to | on | |
 * | --- | --- | --- |
 * | 900 | the 2nd, 12:00 | nothing is said before 10% of the month are over |
 * | 900, or less by then | the 4th, 00:00, by itself | passed if the value is 300 or more |
 * | 600 | the 7th, 00:00 | passed: 100 a day come to 3,000 |
 * | 599 | the 7th, 00:00 | not passed |
 * | 1,500 | the 16th, 00:00 | passed |
 *
 * An event whose time lies before the latest one that was looked at is taken at that one. A wake-up that comes late looks
 * at what the pace is then; one that comes after the period's end does nothing. The crossing's `at` is what the pace comes
 * to at that moment, and `reachedAt` the moment; `eventId` is `""` where it was passed by itself.
 *
 * Needs a calendar period and a limit.
 */
export function forecast(percent: number, options: ForecastOptions = {}): MilestonePolicy {
  const part = parseInput(percentSchema, percent, "invalid_milestone", "forecast");
  const { after, ...labels } = parseInput(optionsSchema, options, "invalid_milestone", "forecast.options");
  if (!(part > 0)) throw refused("forecast", "a percentage above 0");
  const firstAt = ({ from, end }: SpanSoFar) => from + Number((BigInt(end - from) * parts(after) + whole - 1n) / whole);
  const named = { threshold: `forecast:${part}%`, direction: "rising", ...present(labels) } as const;
  return {
    key: keyOf("forecast", [part, { after, ...present(labels) }]),
    needs: ["limit", "span"],
    moving: true,
    levels(_, { limit, span }): readonly Level[] {
      const { from, end, at } = span!;
      if (at < firstAt(span!) || end <= from) return [];
      const elapsed = BigInt(Math.min(at, end) - from);
      const [amount, length] = [parts(part) * BigInt(limit!) * elapsed, whole * BigInt(end - from)];
      const place = (amount + length - 1n) / length;
      // the first unit reaches any part of nothing
      return place > BigInt(Number.MAX_SAFE_INTEGER) ? [] : [{ ...named, at: Math.max(1, Number(place)) }];
    },
    wakeAt({ span }) {
      const first = firstAt(span!);
      return span!.at < first ? first : undefined;
    },
  };
}
