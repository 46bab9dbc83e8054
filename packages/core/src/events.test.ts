import { afterEach, expect, it, vi } from "vitest";
import { createMilepost, memoryStore, milestone, thresholds } from "./index.js";

const one = milestone({ name: "one", metric: "x", policy: thresholds(1) });
const two = milestone({ name: "two", metric: "x", policy: thresholds(2) });

afterEach(() => vi.restoreAllMocks());

it("warns of being behind with the call that helps: milestones the code lacks go under remove", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockReturnValue();
  const store = memoryStore();
  await createMilepost({ store, milestones: [one, two] }).ready();
  await createMilepost({ store, milestones: [one] }).ready();
  expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining('definitions.reinstall({ remove: ["two"], by, why })'),
  ]);
});

it("warns of a replaced version without remove, which would refuse a milestone of the code's own", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockReturnValue();
  const store = memoryStore();
  const edited = milestone({ name: "one", metric: "x", policy: thresholds(5) });
  await createMilepost({ store, milestones: [one] }).ready();
  await createMilepost({ store, milestones: [edited] }).ready();
  await createMilepost({ store, milestones: [one] }).ready();
  expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining("definitions.reinstall({ by, why })"),
  ]);
});
