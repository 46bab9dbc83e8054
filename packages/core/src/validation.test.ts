import { expect, test } from "vitest";
import { consoleNotifier, createMilepost, MilepostError, memoryStore, milestone, thresholds } from "./index.js";

const milepost = createMilepost({ store: memoryStore(), onUnknownMetric: "count" });
const event = { id: "e", metric: "m", subject: "s" };
const person = { by: "ann", why: "w" };
const said = { name: "n", metric: "m", policy: thresholds(1) };

/** What is refused, and its message: never in the words of the library that looks at it. */
const refused: readonly (readonly [call: (given: never) => unknown, given: unknown, message: string])[] = [
  [milepost.record, null, "Expected an event: an object with id, metric and subject"],
  [milepost.record, [event], "Expected an event: an object with id, metric and subject"],
  [milepost.record, {}, "id: a text"],
  [milepost.record, { ...event, id: "" }, "id: must not be empty"],
  [milepost.record, { ...event, amount: "5" }, "amount: a safe integer; count money in its minor unit"],
  [milepost.record, { ...event, ammount: 5 }, "ammount: no such field"],
  [milepost.record, { ...event, occurredAt: "today" }, "occurredAt: a valid Date"],
  [milepost.recordMany, [event, 5], "events[1]: an event: an object with id, metric and subject"],
  [milepost.definitions.reinstall, { why: "w" }, "by: a text"],
  [milepost.definitions.reinstall, { by: "ann", why: "" }, "why: a text that is not empty"],
  [milepost.definitions.reinstall, { by: "ann", why: "w".repeat(1_001) }, "why: a text of at most 1,000 characters"],
  [milepost.definitions.reinstall, { ...person, remove: "two" }, "remove: an array of at most 10000 items"],
  [milepost.definitions.reinstall, undefined, "Expected an object with the options"],
  [milepost.inbox.list, { limit: 5_000 }, "limit: a whole number up to 1,000"],
  [milepost.inbox.retry, { ...person, numbers: [0] }, "numbers[0]: a whole number, 1 or more"],
  [(options: object) => milepost.consume([], options), { signal: "SIGINT", batchSize: 1 }, "signal: an AbortSignal"],
  [milepost.inbox.list, { limit: 0 }, "limit: a whole number, 1 or more"],
  [milepost.inbox.list, { limit: 1.5 }, "limit: a whole number"],
  [milepost.inbox.list, { refused: "yes" }, "refused: true or false"],
  [milepost.crossings.list, { states: ["sent"] }, expect.stringMatching(/^states\[0\]: one of "pending", "leased"/)],
  [milepost.counters.list, { after: 5 }, "after: an object"],
  [milepost.worker, 5, "worker: an object with the options"],
  [createMilepost, undefined, "Expected an object with the options"],
  [createMilepost, { store: memoryStore(), milestones: said }, "milestones: an array"],
  [createMilepost, { store: memoryStore(), milestones: [said] }, "milestones[0]: made by milestone({ … })"],
  [createMilepost, { store: memoryStore(), clockTolerance: 5 }, "clockTolerance: whole milliseconds, 60,000 or more"],
  [milestone, { ...said, onAdopt: "loud" }, 'onAdopt: one of "silent", "notify"'],
  [milestone, { ...said, maxAttempts: 101, notifier: consoleNotifier() }, "maxAttempts: a whole number up to 100"],
  [milestone, { ...said, message: "text" }, "message: an object"],
];

test.each(refused)("call %# is refused in words that say what is accepted", async (call, given, message) => {
  const error = await (async () => call(given as never))().catch((thrown: unknown) => thrown);
  expect(MilepostError.is(error)).toBe(true);
  const { message: told, expected = "", path = "" } = error as MilepostError;
  expect(told).toEqual(message);
  expect(told).toBe(path === "" ? `Expected ${expected}` : `${path}: ${expected}`);
});
