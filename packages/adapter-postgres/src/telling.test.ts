import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Telling } from "./telling.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function counted() {
  const sent: number[] = [];
  const telling = new Telling(async () => sent.push(Date.now()));
  return { sent, telling };
}

it("lets the first step tell, and tells once at the end of the window for those that follow", () => {
  const { sent, telling } = counted();
  expect(telling.takes()).toBe(true);
  for (let i = 0; i < 100; i++) {
    expect(telling.takes()).toBe(false);
    telling.later();
  }
  expect(sent).toHaveLength(0);
  vi.advanceTimersByTime(20);
  expect(sent).toHaveLength(1);
  expect(telling.takes(), "what was told just now opens a window too").toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(sent).toHaveLength(1);
  expect(telling.takes()).toBe(true);
});

it("tells nothing at the end of a window in which no other step made work", () => {
  const { sent, telling } = counted();
  telling.takes();
  telling.takes();
  vi.advanceTimersByTime(1_000);
  expect(sent).toHaveLength(0);
});

it("tells at once what a step owes that took longer than the window", () => {
  const { sent, telling } = counted();
  telling.takes();
  telling.takes();
  vi.advanceTimersByTime(1_000);
  telling.later();
  expect(sent).toHaveLength(1);
});

it("tells what is owed when it is closed, and survives a database that is away", async () => {
  const { sent, telling } = counted();
  telling.takes();
  telling.later();
  await telling.close();
  await telling.close();
  expect(sent).toHaveLength(1);

  const away = new Telling(() => Promise.reject(new Error("away")));
  away.takes();
  away.later();
  await away.close();
});
