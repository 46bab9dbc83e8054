// Money is whole cents, from the first digit read to the last one printed: no amount is ever a fraction.

/** Cents of a text such as `650`, `650.5` or `650.00`; undefined for any other text, and for more than 15 digits. */
export function parseMoney(text: string): number | undefined {
  const [, units, cents = ""] = /^(\d{1,13})(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  return units === undefined ? undefined : Number(`${units}${cents.padEnd(2, "0")}`);
}

/** `650.00` of 65,000 cents. */
export function moneyText(cents: number): string {
  return hundredths(BigInt(cents));
}

/** How much one amount is of another, in percent with two decimals, rounded half up: `105.52`. */
export function percentText(part: number, whole: number): string {
  const doubled = BigInt(part) * 20_000n + BigInt(whole);
  return hundredths(doubled / (2n * BigInt(whole)));
}

function hundredths(value: bigint): string {
  return `${value / 100n}.${String(value % 100n).padStart(2, "0")}`;
}
