import { expect, test } from "vitest";
import type { Json } from "../json.js";
import type { Crossing } from "../milestone/crossing.js";
import { levelsOfCrossing } from "./levels-of-crossing.js";

const day = (date: number) => new Date(Date.UTC(2026, 10, date));

/** A version that was set on that day of November. */
function set(on: number, subject: "" | "acme", version: number, levels: Json | null, applied = true) {
  return { tenant: "t", milestone: "m", subject, version, levels, applied, by: "b", why: "w", createdAt: day(on) };
}

/** A crossing of the level at 50 that was recorded on that day. */
function named(on: number, ...versions: readonly ReturnType<typeof set>[]): string {
  const crossing = { threshold: "50", at: 50, createdAt: day(on) } as Crossing;
  const found = levelsOfCrossing([...versions].reverse(), crossing);
  return found === null ? "none" : `${found.subject || "tenant"} ${found.version}`;
}

test("a level is one of the latest version that held when its crossing was recorded", () => {
  const versions = [set(1, "acme", 1, [50]), set(3, "acme", 2, [50, 60]), set(5, "acme", 3, [60])];
  expect(named(2, ...versions)).toBe("acme 1");
  expect(named(4, ...versions)).toBe("acme 2");
  expect(named(0, ...versions)).toBe("none");
});

test("what was set between an event and its evaluation is passed over if it has not the level", () => {
  expect(named(6, set(1, "acme", 1, [50]), set(5, "acme", 2, [60]))).toBe("acme 1");
  expect(named(6, set(1, "acme", 1, [50]), set(5, "acme", 2, []))).toBe("acme 1");
});

test("the subject's own come before the tenant's, which hold again once it has none", () => {
  const tenant = set(1, "", 1, [50, 70]);
  expect(named(6, tenant)).toBe("tenant 1");
  expect(named(6, tenant, set(2, "acme", 1, [50]))).toBe("acme 1");
  expect(named(6, tenant, set(2, "acme", 1, [50]), set(3, "acme", 2, null))).toBe("tenant 1");
  expect(named(6, set(1, "", 1, null), set(2, "acme", 1, null))).toBe("none");
});

test("a level of another place, or of a version that counters were not told of, is not it", () => {
  expect(named(6, set(1, "acme", 1, [500]))).toBe("none");
  expect(named(6, set(1, "acme", 1, [50], false))).toBe("none");
});
