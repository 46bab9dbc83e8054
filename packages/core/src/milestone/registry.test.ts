import { expect, it } from "vitest";
import { createMilepost, memoryStore, milestone, thresholds } from "../index.js";

const withCode = milestone({ name: "m", metric: "x", policy: thresholds(1) });

it("lets a process without a milestone's code record its metric, and leaves the evaluation to one that has it", async () => {
  const store = memoryStore();
  const owner = createMilepost({ store, milestones: [withCode] });
  await owner.runOnce();
  const recorder = createMilepost({ store, onUnknownMetric: "count" });
  const answer = await recorder.record({ id: "e1", metric: "x", subject: "acme" });
  expect(answer).toMatchObject({ counted: true, value: 1, crossings: [] });
  expect((await recorder.runOnce()).evaluated).toBe(0);
  expect((await recorder.counters.get({ metric: "x", subject: "acme" }))?.due).toBe(true);
  expect((await owner.runOnce()).evaluated).toBe(1);
  expect(await owner.crossings.list()).toMatchObject([{ threshold: "1", eventId: "e1" }]);
});

it("installs definitions again after a failed try", async () => {
  const store = memoryStore();
  let away = true;
  const definitions = {
    ...store.definitions,
    install: (input: Parameters<typeof store.definitions.install>[0]) =>
      away ? Promise.reject(new Error("away")) : store.definitions.install(input),
  };
  const milepost = createMilepost({ store: { ...store, definitions }, milestones: [withCode] });
  await expect(milepost.record({ id: "e1", metric: "x", subject: "acme" })).rejects.toThrow("away");
  away = false;
  await expect(milepost.record({ id: "e1", metric: "x", subject: "acme" })).resolves.toMatchObject({ counted: true });
});

it("tells of ready() in a refusal only before it has read what is stored, also where nothing is", async () => {
  const milepost = createMilepost({ store: memoryStore() });
  const record = () => milepost.in(undefined as never).record({ id: "e1", metric: "x", subject: "acme" });
  const none = "metric: a known metric (none is configured";
  const count = ', or onUnknownMetric: "count"';
  expect(record).toThrow(`${none}; stored ones are known after ready())${count}`);
  await milepost.ready();
  expect(record).toThrow(`${none})${count}`);
});
