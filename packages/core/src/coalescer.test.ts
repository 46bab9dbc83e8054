import { describe, expect, it } from "vitest";
import { Coalescer, type CoalescerOptions } from "./coalescer.js";

function doubling(options: Partial<CoalescerOptions<number, number>> = {}) {
  const batches: number[][] = [];
  const coalescer = new Coalescer<number, number>({
    batchSize: 500,
    queueSize: 1_000,
    separable: () => false,
    async run(items) {
      batches.push([...items]);
      await new Promise((resolve) => setImmediate(resolve));
      return items.map((item) => item * 2);
    },
    ...options,
  });
  return { coalescer, batches };
}

describe("Coalescer", () => {
  it("does calls of one moment in one batch and gives each its own answer", async () => {
    const { coalescer, batches } = doubling();
    const answers = await Promise.all([1, 2, 3].map((n) => coalescer.add(n)));
    expect(answers).toEqual([2, 4, 6]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it("has one batch in flight: what arrives meanwhile is the next one, in the order of arrival", async () => {
    const { coalescer, batches } = doubling();
    const first = coalescer.add(1);
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [2, 3, 4].map((n) => coalescer.add(n));
    await Promise.all([first, ...rest]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  it("cuts batches at their size", async () => {
    const { coalescer, batches } = doubling({ batchSize: 2 });
    await Promise.all([1, 2, 3, 4, 5].map((n) => coalescer.add(n)));
    expect(batches).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("refuses a call when too many wait, and takes calls again when they are done", async () => {
    const { coalescer } = doubling({ queueSize: 2 });
    const waiting = [coalescer.add(1), coalescer.add(2)];
    await expect(coalescer.add(3)).rejects.toMatchObject({ code: "queue_full" });
    await Promise.all(waiting);
    await expect(coalescer.add(3)).resolves.toBe(6);
  });

  it("tries a batch that failed for one item's sake item by item", async () => {
    const run = async (items: readonly number[]) => {
      if (items.includes(13)) throw new Error("unlucky");
      return items.map((item) => item * 2);
    };
    const { coalescer } = doubling({ run, separable: () => true });
    const settled = await Promise.allSettled([12, 13, 14].map((n) => coalescer.add(n)));
    expect(settled.map((one) => (one.status === "fulfilled" ? one.value : "refused"))).toEqual([24, "refused", 28]);
  });

  it("fails a whole batch for an error that concerns all of it, and goes on with the next", async () => {
    let away = true;
    const run = async (items: readonly number[]) => {
      if (away) throw new Error("database away");
      return items;
    };
    const { coalescer } = doubling({ run: async (items) => [...(await run(items))] });
    const settled = await Promise.allSettled([1, 2].map((n) => coalescer.add(n)));
    expect(settled.every((one) => one.status === "rejected")).toBe(true);
    away = false;
    await expect(coalescer.add(3)).resolves.toBe(3);
  });
});
