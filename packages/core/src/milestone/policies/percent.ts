/** Above it a double no longer holds four decimals of every percentage. */
const highest = 1_000_000;
/** Percentages are reckoned in whole parts: 12.5% is 125,000 of 1,000,000. */
const partsPerPercent = 10_000;
const whole = 1_000_000n;

/** Whether a number is a percentage that is reckoned exactly: 0 to 1,000,000, with at most 4 decimals. */
export function isPercent(value: unknown): value is number {
  if (typeof value !== "number" || !(value >= 0 && value <= highest)) return false;
  // a whole number of parts divided back gives the very double that the decimals are written as, and no other one
  return Math.round(value * partsPerPercent) / partsPerPercent === value;
}

/** The largest integer `v` with `v * 100 <= percent * amount`, for an amount of 0 or more. */
export function percentDown(percent: number, amount: number): bigint {
  return partsOf(percent, amount) / whole;
}

/** The smallest integer `v` with `v * 100 >= percent * amount`, for an amount of 0 or more. */
export function percentUp(percent: number, amount: number): bigint {
  return (partsOf(percent, amount) + whole - 1n) / whole;
}

function partsOf(percent: number, amount: number): bigint {
  return BigInt(Math.round(percent * partsPerPercent)) * BigInt(amount);
}

/**
 * How many percent of an amount above 0 a value is, with two decimals, rounded down: `100.00` is not said before the whole
 * is reached. Reckoned in integers, so it is exact for all safe ones.
 */
export function percentText(value: number, amount: number): string {
  const [of, hundredths] = [BigInt(amount), BigInt(value) * 10_000n];
  const down = hundredths / of - (hundredths < 0n && hundredths % of !== 0n ? 1n : 0n);
  const digits = String(down < 0n ? -down : down).padStart(3, "0");
  return `${down < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
