import type { Crossing } from "@milepost/core";
import type { RunFigures } from "./run-figures.js";

/** One object a line for each crossing, and a last one for the run. */
export function jsonLines(crossings: readonly Crossing[], run: RunFigures): string {
  const objects = [
    ...crossings.map(({ subject, at, reachedAt }) => ({ subject, threshold: at, reachedAt: reachedAt.toISOString() })),
    run,
  ];
  return objects.map((one) => `${JSON.stringify(one)}\n`).join("");
}
