import { expect, test } from "vitest";
import { createMilepost } from "../engine.js";
import { memoryStore } from "../store/memory/memory-store.js";

test.each([
  [-600_000, 600_000],
  [600_000, -600_000],
])("a database whose clock is %i ms from the process' is told of", async (apart, milliseconds) => {
  const store = memoryStore({ now: () => new Date(Date.now() + apart) });
  const milepost = createMilepost({ store });
  const skew = new Promise<{ readonly milliseconds: number }>((resolve) => {
    milepost.on("clock_skew", resolve);
  });
  const worker = milepost.worker();
  await worker.start();
  expect(Math.abs((await skew).milliseconds - milliseconds)).toBeLessThan(1_000);
  await milepost.close();
  expect(await store.workers.list({})).toMatchObject({ workers: [] });
});
