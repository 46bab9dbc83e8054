import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { spaced } from "./spaced.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("lets the first call through at once, and a flood as one at the end of each gap", () => {
  let through = 0;
  const { call } = spaced(50, () => through++);
  call();
  expect(through).toBe(1);
  for (let i = 0; i < 1_000; i++) call();
  expect(through).toBe(1);
  vi.advanceTimersByTime(50);
  expect(through).toBe(2);
  vi.advanceTimersByTime(500);
  expect(through, "no call, nothing through").toBe(2);
  call();
  expect(through, "at once again").toBe(3);
});

it("lets nothing through once it is cancelled, also not what was held back", () => {
  let through = 0;
  const { call, cancel } = spaced(50, () => through++);
  call();
  call();
  cancel();
  call();
  vi.advanceTimersByTime(1_000);
  expect(through).toBe(1);
});
