import { MilepostError } from "@milepost/core/store";

// Encoding of parameters and decoding of columns. Postgres' text format is the same for every driver version, and
// decoding it here keeps the store independent of type parsers that the host may have set.

const bool = 16;
const int8 = 20;
const int2 = 21;
const int4 = 23;
const json = 114;
const timestamptz = 1184;
const jsonb = 3802;

/** The decoder of a column by its type's oid; what is not listed stays text. Counters are safe integers, so int8 fits. */
export function parserOf(oid: number): (text: string) => unknown {
  switch (oid) {
    case bool:
      return (text) => text === "t";
    case int8:
    case int4:
    case int2:
      return Number;
    case json:
    case jsonb:
      return JSON.parse;
    case timestamptz:
      return parseTime;
    default:
      return (text) => text;
  }
}

const iso =
  /^(\d{4,6})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?( BC)?$/;

/** A timestamptz as text or from JSON, to the millisecond. The session's time zone decides its offset, seconds and all. */
export function parseTime(text: string): Date {
  const parts = iso.exec(text);
  if (parts === null) {
    throw new MilepostError(
      "store_failed",
      "Postgres answered a time that is not ISO: set DateStyle to 'ISO' on the pool",
    );
  }
  const [, year, month, day, hour, minute, second, fraction = "", sign, ...offset] = parts;
  const [offsetHours, offsetMinutes = "0", offsetSeconds = "0", bc] = offset;
  const time = new Date(0);
  time.setUTCFullYear(bc === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day));
  time.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, "0").slice(0, 3)));
  const ahead = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60 + Number(offsetSeconds);
  return new Date(time.getTime() + (sign === "-" ? ahead : -ahead) * 1000);
}

/** A Date as a timestamptz parameter; absent = the step takes the database's clock. */
export function time(date: Date): string;
export function time(date: Date | null | undefined): string | null;
export function time(date: Date | null | undefined): string | null {
  if (date === null || date === undefined) return null;
  const text = date.toISOString();
  // Years outside 0001 to 9999: toISOString has six digits and a sign, Postgres wants the plain number.
  return text.startsWith("+") ? text.slice(1) : text;
}

/** An array parameter of numbers or booleans; null elements stay null. */
export function plainArray(items: readonly (number | boolean | null)[]): string {
  // join() would write null as nothing.
  return `{${items.includes(null) ? items.map(String).join(",") : items.join(",")}}`;
}

const special = /["\\]/g;

/** An array parameter of text. Written here because pg's own encoder costs three times as much. */
export function textArray(items: readonly string[]): string {
  if (items.length === 0) return "{}";
  const joined = items.join('","');
  // Hardly any key needs escaping, and to look once is cheaper than to look at each.
  const plain = !joined.includes("\\") && joined.split('"').length === 2 * items.length - 1;
  return `{"${plain ? joined : items.map(escapeElement).join('","')}"}`;
}

function escapeElement(text: string): string {
  return text.replace(special, "\\$&");
}
