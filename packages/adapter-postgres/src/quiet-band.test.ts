import { createMilepost, membersWithRole, memoryNotifier, milestone, thresholds } from "@milepost/core";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { Sandbox, watched } from "./postgres-harness.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(inject("databaseUrl"));
});
afterEach(() => sandbox.dispose());

async function runningEngine() {
  const texts: string[] = [];
  const milepost = createMilepost({
    store: sandbox.store(
      {},
      watched(sandbox.pool(), (text) => texts.push(text)),
    ),
    milestones: [
      milestone({
        name: "m",
        metric: "x",
        policy: thresholds(1, 1_000_000),
        recipients: membersWithRole("owner"),
        message: { text: "hello" },
        notifier: memoryNotifier(),
      }),
    ],
  });
  await milepost.migrate();
  const subjects = Array.from({ length: 20 }, (_, i) => `s${i}`);
  await milepost.recordMany(subjects.map((subject) => ({ id: `first-${subject}`, metric: "x", subject })));
  texts.length = 0;
  return { milepost, texts, subjects };
}

it("stores a batch of known subjects within their quiet band with one statement and no transaction around it", async () => {
  const { milepost, texts, subjects } = await runningEngine();
  await milepost.recordMany(subjects.map((subject) => ({ id: `second-${subject}`, metric: "x", subject })));
  expect(texts).toHaveLength(1);
  expect(texts[0]).toMatch(/^\s*WITH .* INSERT INTO/s);
  expect(texts[0]).not.toMatch(/\bBEGIN\b/);
});

it("stores 100 concurrent calls of record() in at most 5 transactions, each with its own answer", async () => {
  const { milepost, texts, subjects } = await runningEngine();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => milepost.record({ id: `e${i}`, metric: "x", subject: subjects[i % 20]! })),
  );
  expect(texts.length).toBeLessThanOrEqual(5);
  expect(answers.map(({ value }) => value)).toEqual(Array.from({ length: 100 }, (_, i) => 2 + Math.floor(i / 20)));
});
