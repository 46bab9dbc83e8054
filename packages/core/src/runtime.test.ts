import { describe, expect, it } from "vitest";
import { uuidv7Generator } from "./runtime.js";

describe("uuidv7Generator", () => {
  it("gives UUIDs of version 7 that rise strictly, also within a millisecond and when the clock goes back", () => {
    let now = 1_700_000_000_000;
    const id = uuidv7Generator(() => now);
    const ids = Array.from({ length: 20_000 }, (_, i) => {
      if (i === 10_000) now -= 3_600_000;
      return id();
    });
    expect(ids).toEqual([...new Set(ids)].sort());
    for (const one of ids) expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("carries the time in its first 48 bits", () => {
    const id = uuidv7Generator(() => 0x0123_4567_89ab)();
    expect(id.slice(0, 13)).toBe("01234567-89ab");
  });
});
