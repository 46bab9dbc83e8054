import { expect, it } from "vitest";
import { MilepostError } from "./errors.js";
import type { Emit } from "./events.js";
import { reportingOutagesOnce } from "./outage-report.js";

const away = new MilepostError("store_unavailable", "away");
const failed = new MilepostError("store_failed", "refused");

it("tells of a store that is away once in five seconds, and of everything else each time", () => {
  let now = 0;
  const heard: string[] = [];
  const emit = reportingOutagesOnce(((_, { where }: { where: string }) => heard.push(where)) as Emit, () => now);
  for (let i = 0; i < 1_000; i++) {
    emit("error", { where: `away ${i}`, error: away });
    now += 10;
  }
  expect(heard).toEqual(["away 0", "away 500"]);
  heard.length = 0;
  emit("error", { where: "failed", error: failed });
  emit("error", { where: "failed", error: failed });
  emit("error", { where: "thrown", error: new Error("no MilepostError") });
  expect(heard).toEqual(["failed", "failed", "thrown"]);
});
