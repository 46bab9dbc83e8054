import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dueAt, firstAfter, putMove } from "./recurrence.js";
import { occurrences } from "./timetable.js";

const at = (text: string) => Date.parse(text);
const hour = 3_600_000;
const weekly = { cron: "0 9 * * 6", zone: "Europe/London", catchUp: 6 * hour, last: null };
const saturday = new Date("2026-11-21T09:00:00Z");

describe("dueAt", () => {
  test("sends what is due, and says when the next one is", () => {
    expect(dueAt({ ...weekly, nextAt: saturday }, at("2026-11-21T09:00:01Z"))).toEqual({
      run: { key: "2026-11-21T09:00", at: saturday.getTime() },
      skipped: [],
      nextAt: new Date("2026-11-28T09:00:00Z"),
      last: "2026-11-21T09:00",
    });
  });

  test("is nothing before its time", () => {
    const { run, skipped, nextAt } = dueAt({ ...weekly, nextAt: saturday }, saturday.getTime() - 1);
    expect([run, skipped, nextAt]).toEqual([null, [], saturday]);
  });

  test("one that was missed is caught up while it is not too late, and skipped after that", () => {
    expect(dueAt({ ...weekly, nextAt: saturday }, at("2026-11-21T15:00:00Z")).run?.key).toBe("2026-11-21T09:00");
    const late = dueAt({ ...weekly, nextAt: saturday }, at("2026-11-21T15:00:00.001Z"));
    expect(late.run).toBeNull();
    expect(late.skipped).toEqual([{ occurrence: "2026-11-21T09:00", at: saturday, reason: "missed" }]);
    expect(late.nextAt).toEqual(new Date("2026-11-28T09:00:00Z"));
  });

  test("of several that were missed the last one is sent, and those before it are superseded", () => {
    const hourly = { ...weekly, cron: "0 * * * *", nextAt: new Date("2026-11-21T01:00:00Z"), catchUp: 2 * hour };
    const { run, skipped } = dueAt(hourly, at("2026-11-21T04:30:00Z"));
    expect(run?.key).toBe("2026-11-21T04:00");
    expect(skipped.map(({ occurrence, reason }) => [occurrence, reason])).toEqual([
      ["2026-11-21T01:00", "missed"],
      ["2026-11-21T02:00", "missed"],
      ["2026-11-21T03:00", "superseded"],
    ]);
  });

  test("winback-year: a year with 53 ISO weeks has 53 Saturdays, each once", () => {
    // 2026 has 53 weeks; ISO week 53 ends on Sunday 2027-01-03
    const keys: string[] = [];
    let nextAt: Date | null = firstAfter(weekly, at("2025-12-28T23:59:59Z"));
    while (nextAt !== null && nextAt.getTime() <= at("2027-01-03T23:59:59Z")) {
      const due = dueAt({ ...weekly, nextAt }, nextAt.getTime());
      keys.push(due.run!.key);
      nextAt = due.nextAt;
    }
    expect(keys).toHaveLength(53);
    expect([keys[0], keys.at(-1)]).toEqual(["2026-01-03T09:00", "2027-01-02T09:00"]);
  });

  test("by the recipients' clocks it begins with the earliest of them", () => {
    const nextAt = firstAfter({ ...weekly, zone: "recipient" }, at("2026-11-16T00:00:00Z"));
    expect(nextAt).toEqual(new Date("2026-11-20T19:00:00Z"));
  });

  test("looked at whenever and however often, each date is sent or skipped exactly once", () => {
    const cron = fc.constantFrom("*/30 * * * *", "30 2 * * *", "15,45 1-3 * * *");
    const zone = fc.constantFrom("Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "recipient");
    const begin = fc.constantFrom("2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2011-12-28T12:00:00Z").map(at);
    const looks = fc.array(fc.integer({ min: 1, max: 20 * hour }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(cron, zone, begin, looks, fc.integer({ min: 1, max: 5 }), (pattern, where, from, gaps, most) => {
        const times = { cron: pattern, zone: where, catchUp: 2 * hour };
        let row = { ...times, nextAt: firstAfter(times, from), last: null as string | null };
        const met: string[] = [];
        let now = from;
        for (const gap of gaps) {
          now += gap;
          while (row.nextAt !== null && row.nextAt.getTime() <= now) {
            const { run, skipped, nextAt, last } = dueAt(row, now, most);
            met.push(...skipped.map(({ occurrence }) => occurrence), ...(run ? [run.key] : []));
            if (run) expect(now - run.at).toBeLessThanOrEqual(times.catchUp);
            row = { ...row, nextAt, last };
          }
        }
        const clocks = where === "recipient" ? "Etc/GMT-14" : where;
        const all = [...occurrences({ cron: pattern, zone: clocks }, { after: from, until: now })];
        expect(met).toEqual(all.map(({ key }) => key));
      }),
      { numRuns: 200 },
    );
  });
});

describe("putMove", () => {
  const given = {
    ...{ tenant: "default", id: "weekly", code: "news", definition: {}, otherwise: null },
    ...{ cron: weekly.cron, zone: weekly.zone, catchUp: hour, nextAt: saturday },
  };
  const now = new Date("2026-11-20T00:00:00Z");
  const stored = putMove(null, given, now)!;

  test("a new text keeps when it is due, and that it is paused", () => {
    const paused = { ...stored, state: "paused" as const, nextAt: new Date("2026-11-14T09:00:00Z") };
    const { state, nextAt, catchUp } = putMove(paused, { ...given, catchUp: 2 * hour }, now)!;
    expect([state, nextAt, catchUp]).toEqual(["paused", paused.nextAt, 2 * hour]);
  });

  test("other times are due anew", () => {
    const next = new Date("2026-11-22T10:00:00Z");
    expect(putMove(stored, { ...given, cron: "0 10 * * 7", nextAt: next }, now)!.nextAt).toEqual(next);
  });

  test("the same again is no change", () => {
    expect(putMove(stored, { ...given, nextAt: new Date("2026-11-28T09:00:00Z") }, now)).toBeNull();
  });
});
