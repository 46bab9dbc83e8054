import { describe, expect, it } from "vitest";
import { keyOf } from "../store/memory/tables.js";
import { Turns } from "./turns.js";

const a = { tenant: "a", notifier: "smtp" };
const b = { tenant: "b", notifier: "smtp" };

describe("turns", () => {
  it("count what a lane was given, half as much after each half minute, and forget it in the end", () => {
    const turns = new Turns();
    expect(turns.served(0)).toEqual([]);
    turns.took(a, 100, 0);
    expect(turns.served(0)).toEqual([{ ...a, count: 100 }]);
    expect(turns.served(30_000)).toEqual([{ ...a, count: 50 }]);
    turns.took(a, 10, 60_000);
    turns.took(b, 1, 60_000);
    expect(turns.served(60_000)).toEqual([
      { ...a, count: 35 },
      { ...b, count: 1 },
    ]);
    expect(turns.served(60_001)).toEqual([{ ...a, count: 34 }]);
    expect(turns.served(600_000)).toEqual([]);
  });

  it("tell lanes apart whose names run into each other", () => {
    const turns = new Turns();
    turns.took({ tenant: "a", notifier: "bc" }, 1, 0);
    turns.took({ tenant: "ab", notifier: "c" }, 2, 0);
    expect(turns.served(0).map(({ count }) => count)).toEqual([1, 2]);
  });

  it("name only the lanes that had most, so that 100,000 tenants do not make a claim long", () => {
    const turns = new Turns();
    for (let i = 0; i < 20_000; i++) turns.took({ tenant: `t${i}`, notifier: "smtp" }, 1 + (i % 50), 0);
    const served = turns.served(0);
    expect(served.length).toBe(1_000);
    expect(Math.min(...served.map(({ count }) => count))).toBe(48);
  });

  /** What a store does: the n-th of a lane comes after the m-th of another if n plus what it was served is more. */
  function claim(turns: Turns, waiting: Map<string, number>, limit: number, now: number): string[] {
    const served = new Map(turns.served(now).map((s) => [keyOf(s.tenant, s.notifier), s.count]));
    const rows = [...waiting].flatMap(([tenant, count]) =>
      Array.from({ length: Math.min(count, limit) }, (_, i) => {
        return { tenant, turn: i + 1 + (served.get(keyOf(tenant, "smtp")) ?? 0) };
      }),
    );
    const taken = rows.sort((x, y) => x.turn - y.turn).slice(0, limit);
    for (const { tenant } of taken) {
      turns.took({ tenant, notifier: "smtp" }, 1, now);
      waiting.set(tenant, waiting.get(tenant)! - 1);
    }
    return taken.map(({ tenant }) => tenant);
  }

  it("let a newcomer's hundred go before the crowd that was served for long", () => {
    const turns = new Turns();
    const waiting = new Map([["crowd", 1_000_000]]);
    let now = 0;
    for (; now < 300_000; now += 1_000) claim(turns, waiting, 10, now);
    waiting.set("newcomer", 100);
    const order: string[] = [];
    for (; order.length < 120; now += 1_000) order.push(...claim(turns, waiting, 10, now));
    expect(order.slice(0, 100)).toEqual(Array(100).fill("newcomer"));
    expect(order.slice(100)).toEqual(Array(20).fill("crowd"));
  });

  it("share evenly between two that are both busy, whoever was first", () => {
    const turns = new Turns();
    const waiting = new Map([["first", 1_000_000]]);
    let now = 0;
    for (; now < 60_000; now += 1_000) claim(turns, waiting, 10, now);
    waiting.set("second", 1_000_000);
    for (; now < 300_000; now += 1_000) claim(turns, waiting, 10, now);
    const before = new Map(waiting);
    for (; now < 400_000; now += 1_000) claim(turns, waiting, 10, now);
    const given = [...waiting].map(([tenant, left]) => before.get(tenant)! - left);
    expect(Math.abs(given[0]! - given[1]!)).toBeLessThanOrEqual(20);
  });
});
