import { createMilepost } from "@milepost/core";
import { expect, it } from "vitest";
import { openSqliteStore } from "./sqlite-harness.js";

it("consumes what a source has ready in full batches, and lets timers run between them", async () => {
  const opened = await openSqliteStore();
  try {
    const milepost = createMilepost({ store: opened.store, onUnknownMetric: "count" });
    const sizes: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    async function* ready() {
      for (let i = 0; i < 5_000; i++) yield { id: `e${i}`, metric: "x", subject: "acme" };
    }
    await milepost.consume(ready(), {
      batchSize: 500,
      acknowledge: (items) => {
        sizes.push(items.length);
      },
    });
    clearInterval(timer);
    expect(sizes).toEqual(Array.from({ length: 10 }, () => 500));
    expect(turns).toBeGreaterThan(1);
  } finally {
    await opened.dispose();
  }
});
