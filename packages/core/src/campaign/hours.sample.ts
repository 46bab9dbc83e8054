import fc from "fast-check";
import type { Hours } from "./hours.js";

const day = 86_400_000;

/** Whether a clock that shows `shown` is within the hours. Written down once more, by text alone. */
export function isWithin({ from, to, days }: Hours, shown: string): boolean {
  const [date, time] = shown.split("T") as [string, string];
  const begins = (daysBack: number) => {
    const weekday = new Date(Date.parse(`${date}T12:00:00Z`) - daysBack * day).getUTCDay() || 7;
    return days === undefined || days.includes(weekday);
  };
  const hour = time.slice(0, 5);
  if (from < to) return begins(0) && from <= hour && hour < to;
  return (begins(0) && from <= hour) || (begins(1) && hour < to);
}

/** `"00:00"` to `"23:59"`. */
export const anyTime: fc.Arbitrary<string> = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));

export const anyHours: fc.Arbitrary<Hours> = fc
  .record(
    { from: anyTime, to: anyTime, days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }) },
    { requiredKeys: ["from", "to"] },
  )
  .filter(({ from, to }) => from !== to);
