import { expect, test } from "vitest";
import { KeyMemory, keyLifetime } from "./key-memory.js";

test("a key is new once, under way until it is accepted, and then known for 24 hours", () => {
  const keys = new KeyMemory();
  expect(keys.ask("k", "hello", 0)).toBe("new");
  expect(keys.ask("k", "hello", 1)).toBe("under way");
  keys.done("k", 2);
  expect(keys.ask("k", "hello", 1 + keyLifetime)).toBe("accepted");
  expect(keys.ask("k", "hello", 2 + keyLifetime)).toBe("new");
});

test("another message under a known key is told", () => {
  const keys = new KeyMemory();
  keys.ask("k", "hello", 0);
  expect(keys.ask("k", "goodbye", 1)).toBe("other payload");
});
