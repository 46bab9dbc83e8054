import assert from "node:assert/strict";
import { type ErrorCode, MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { Store } from "../store/store.js";
import type { OpenedStore } from "./case.js";

// What the cases of every repository start from: times, awkward text and JSON, two stores, refusals.

/** Where the cases' own time starts; its milliseconds are what a coarser column would lose. */
export const start: Date = new Date("2026-11-05T12:00:00.123Z");
export const minute = 60_000;
export const hour = 3_600_000;

/** `milliseconds` after the start. */
export function at(milliseconds: number): Date {
  return new Date(start.getTime() + milliseconds);
}

/** That a store's own clock said `time` during `step`, give or take a minute. */
export async function assertOwnClock(step: () => Promise<Date | null>, ahead = 0): Promise<void> {
  const before = Date.now();
  const time = (await step())?.getTime() ?? Number.NaN;
  const after = Date.now();
  assert.ok(time >= before + ahead - minute && time <= after + ahead + minute, `${time} is not now + ${ahead}`);
}

/** The largest safe integer: amounts, values and spans of time end there. */
export const max: number = Number.MAX_SAFE_INTEGER;

/** Valid text keys, each awkward for some quoting, collation, pattern or driver. */
export const awkwardKeys: readonly string[] = [
  ...[" ", " around ", "it's", '"quoted"', "back\\slash\\", "100%_done", "line\nbreak\ttab\r", "\u0001", "%"],
  ...["null", "NULL", "true", "0", "00", "1e3", "$1", "?", ":name", "-- no", "'; drop", '{"a":[1]}', "{a,b}", "a,b"],
  ...["__proto__", "constructor", "{counters}", "{#counters}", "a", "B", "ä", "Z", "é", "e\u0301", "ß", "\ufeffbom"],
  ...["\uffff", "\uff5e", "\u{1f389}", "\u{10ffff}", "x".repeat(200), "é".repeat(100), "\u{1f389}".repeat(50)],
];

/** Ordered by their UTF-8 bytes. */
export function bytewise(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export const awkwardJson: JsonObject = {
  "": "",
  unicode: "é e\u0301 \u{1f389} \u2028 \ufeff \uffff",
  quotes: "'\"\\%_{counters}$1?",
  "ke'y \"\u{1f389}": {
    nested: { list: [1, [2, [], {}], { deeper: [[[["x"]]]] }], empty: {}, nothing: null },
  },
  numbers: [0, -1, 0.1, 1e21, 1e-7, max, -max],
  booleans: [true, false],
  date: "2026-11-05T12:00:00.123Z",
  long: "x".repeat(20_000),
};

/** Two callers: two independent stores over the same data where that can be, else one twice. */
export async function twoStores(opened: OpenedStore): Promise<readonly [Store, Store]> {
  return [opened.store, opened.reopen === undefined ? opened.store : await opened.reopen()];
}

/** That the step throws a `MilepostError` with this code. */
export async function assertRefused(step: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(step, (error) => {
    assert.ok(MilepostError.is(error), `${String(error)} is no MilepostError`);
    assert.equal(error.code, code);
    return true;
  });
}

/** Every row of a list that is read page by page; fails where a page is too long, or the pages never end. */
export async function everyPage<T>(
  limit: number,
  page: (last: T | undefined, limit: number) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const rows: T[] = [];
  for (let calls = 0; calls < 1_000; calls++) {
    const next = await page(rows.at(-1), limit);
    assert.ok(next.length <= limit, `${next.length} rows in a page of ${limit}`);
    if (next.length === 0) return rows;
    rows.push(...next);
  }
  throw new assert.AssertionError({ message: "the pages never end" });
}
