import { memoryNotifier, memoryStore } from "@milepost/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { byCount, byLongestRun, longestRun, type PausedWeeks } from "./segments.js";
import { toldIn } from "./sent.js";
import { weeksAfter } from "./weeks.js";
import { createWinback } from "./winback.js";

const fourWeeks = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });

/** By a text, as a person would look for it. */
function slowRun(paused: PausedWeeks): number {
  const text = paused.map((week) => (week ? "P" : "-")).join("");
  return ["PPPP", "PPP", "PP", "P"].find((run) => text.includes(run))?.length ?? 0;
}
const slowSegment = (paused: PausedWeeks) => (paused[0] ? [null, "low", "mid", "mid", "high"][slowRun(paused)]! : null);

test("the longest run of paused weeks is what a slow look at them finds", () => {
  fc.assert(
    fc.property(fourWeeks, (paused) => {
      expect(longestRun(paused)).toBe(slowRun(paused));
      expect(byLongestRun(paused)).toBe(slowSegment(paused));
    }),
  );
});

test("another grouping is another function", () => {
  const apart = [true, false, true, true];
  expect([byLongestRun(apart), byCount(apart)]).toEqual(["mid", "mid"]);
  const alone = [true, false, true, false];
  expect([byLongestRun(alone), byCount(alone)]).toEqual(["low", "mid"]);
  expect([byLongestRun([false, true, true, true]), byCount([false, true, true, true])]).toEqual([null, null]);
});

test("winback-shift: each customer is told once, by the segment of their own weeks, the last one too", async () => {
  const saturday = new Date("2026-12-26T09:00:00Z");
  const weeks = weeksAfter(saturday, 4);
  await fc.assert(
    fc.asyncProperty(fc.array(fourWeeks, { maxLength: 25 }), async (customers) => {
      let now = new Date(saturday.getTime() - 3_600_000);
      const notifier = memoryNotifier({ name: "mail" });
      const milepost = createWinback({ store: memoryStore({ now: () => now }), notifier, now: () => now });
      const contacts = customers.map((paused, i) => ({
        id: `c${i}`,
        address: `c${i}@acme.example`,
        name: `C${i}`,
        fields: Object.fromEntries(weeks.map((week, w) => [week, paused[w] ? "paused" : "active"])),
      }));
      if (contacts.length > 0) await milepost.contacts.put(contacts);
      await milepost.runOnce();
      now = saturday;
      await milepost.runOnce();
      const expected = customers.flatMap((paused, i) => {
        const segment = slowSegment(paused);
        return segment === null ? [] : [[`c${i}`, segment]];
      });
      const told = await toldIn(milepost, weeks[0]);
      expect(told.map(({ customer, segment }) => [customer, segment])).toEqual(expected);
      expect(notifier.sent.length).toBe(expected.length);
      await milepost.close();
    }),
    { numRuns: 60 },
  );
}, 60_000);
