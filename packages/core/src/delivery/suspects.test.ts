import { expect, it } from "vitest";
import type { Reason } from "./reason.js";
import { suspectAlone } from "./suspects.js";

const row = (claims: number, reason: Reason | null = null) => ({ claims, reason });

it("starts rows together that nobody has died of", () => {
  const rows = [row(1), row(1, "no_answer"), row(1)];
  expect(suspectAlone(rows)).toEqual({ start: rows, back: [] });
});

it.each([
  ["was claimed before by a worker that did not mark it", row(2)],
  ["was marked by a worker that did not come back", row(1, "lease_over")],
])("starts a row alone that %s, and gives the others back", (_, suspect) => {
  const [first, other] = [row(1), row(3)];
  expect(suspectAlone([first, suspect, other])).toEqual({ start: [suspect], back: [first, other] });
});
