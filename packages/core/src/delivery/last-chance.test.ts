import { expect, it } from "vitest";
import { lastChanceAlone } from "./last-chance.js";
import type { Reason } from "./reason.js";

const row = (claims: number, attempts: number = 0, reason: Reason | null = null) => ({
  ...{ claims, attempts, reason },
  maxAttempts: 3,
});

it("starts rows together that nobody died of, or that have more chances", () => {
  const rows = [row(1), row(2), row(1, 1, "lease_over"), row(1, 2), row(1, 2, "no_answer")];
  expect(lastChanceAlone(rows, 3)).toEqual({ start: rows, back: [], alone: false });
});

it.each([
  ["claim that may die unmarked", row(3)],
  ["attempt of a row whose worker did not come back", row(1, 2, "lease_over")],
])("starts alone what has its last %s, and gives the others back", (_, last) => {
  const [first, other] = [row(1), row(3)];
  expect(lastChanceAlone([first, last, other], 3)).toEqual({ start: [last], back: [first, other], alone: true });
});

it("knows no last chance of a row that is claimed for the first time, where one claim is all there is", () => {
  expect(lastChanceAlone([row(1), row(1)], 1)).toMatchObject({ back: [], alone: false });
});
