import { type Crossing, createMilepost, memoryStore, type Notification } from "@milepost/core";
import { expect, test } from "vitest";
import { Verdict } from "../scenario/verdict.js";
import type { SinkLine } from "../sink/sink-log.js";
import { announcedMilestone } from "../workload/announced-milestone.js";
import { eventAt, eventsBySubject, type StreamShape } from "../workload/event-streams.js";
import { type AnswerLine, answersIn, checkAnswers } from "./answers.js";
import { checkCounting } from "./counting.js";
import { checkDelivery } from "./delivery.js";
import { readTables, type Tables } from "./tables.js";

// A checker that finds nothing proves nothing: each test spoils one thing in a sound run, and names what must be told.

const shape: StreamShape = { seed: 7, streams: 1, events: 40, subjects: 2 };
const levels = [1, 5, 10];

interface Run {
  readonly tables: Tables;
  readonly lines: readonly SinkLine[];
  readonly answers: readonly AnswerLine[];
}

async function soundRun(): Promise<Run> {
  const lines: SinkLine[] = [];
  const store = memoryStore();
  const milepost = createMilepost({
    store,
    milestones: [
      announcedMilestone(levels, {
        name: "sink",
        channel: "email",
        mode: "at-most-once",
        send: async (message, { notification, attempt, messageId, idempotencyKey: key }) => {
          const [to, payload] = [message.to.address, String(message.text)];
          lines.push({ notification, attempt, messageId, to, key, payload, caller: "test", at: 0 });
        },
      }),
    ],
  });
  const answers: AnswerLine[] = [];
  for (let n = 0; n < shape.events; n++) {
    const { value, crossings } = await milepost.record(eventAt(shape, 0, n));
    const crossed = crossings.map(({ at }) => [n, at] as const);
    answers.push({ from: n, to: n + 1, values: [value], crossed });
  }
  await milepost.runOnce();
  return { tables: await readTables(store), lines, answers };
}

function broken({ tables, lines, answers }: Run, mode: "at-most-once" | "at-least-once" = "at-most-once"): string[] {
  const verdict = new Verdict();
  checkCounting(tables, { events: eventsBySubject(shape), levels }, verdict);
  checkAnswers(tables, shape, new Map([[0, answers]]), verdict);
  checkDelivery(tables, lines, { mode, recipients: 1, inFlightAtKills: 0, maxAttempts: 5 }, verdict);
  return verdict.broken.map((why) => why.split(" ")[0]!);
}

test("a sound run breaks no expectation", async () => {
  expect(broken(await soundRun())).toEqual([]);
});

type Spoil = (run: Run) => Run;

const withTables = (change: (tables: Tables) => Partial<Tables>): Spoil => {
  return (run) => ({ ...run, tables: { ...run.tables, ...change(run.tables) } });
};
const withCrossing = (change: (first: Crossing, second: Crossing) => Crossing[]): Spoil =>
  withTables(({ crossings: [first, second, ...rest] }) => ({ crossings: [...change(first!, second!), ...rest] }));
const withNotification = (change: (first: Notification) => Notification[]): Spoil =>
  withTables(({ notifications: [first, ...rest] }) => ({ notifications: [...change(first!), ...rest] }));
const withLine = (change: (first: SinkLine) => SinkLine[]): Spoil => {
  return ({ lines: [first, ...rest], ...run }) => ({ ...run, lines: [...change(first!), ...rest] });
};
const withValue = (difference: number): Spoil =>
  withTables(({ counters: [first, ...rest] }) => ({
    counters: [{ ...first!, value: first!.value + difference }, ...rest],
  }));

const spoiled: readonly (readonly [title: string, spoil: Spoil, told: string])[] = [
  ["an event that was not counted", withValue(-1), "lostEvents"],
  ["an event that was counted twice", withValue(1), "surplusEvents"],
  ["a crossing that is missing", withCrossing((_, second) => [second]), "missingCrossings"],
  ["a crossing that is there twice", withCrossing((a, b) => [a, { ...a, id: "other" }, b]), "duplicateCrossings"],
  ["a crossing of no level", withCrossing((a, b) => [{ ...a, threshold: "7" }, b]), "unexpectedCrossings"],
  [
    "a crossing that names another crossing's event",
    withCrossing((a, b) => [{ ...a, eventId: b.eventId }, b]),
    "crossingsOfWrongEvent",
  ],
  [
    "a crossing that names an event of nobody",
    withCrossing((a, b) => [{ ...a, eventId: "x" }, b]),
    "crossingsOfWrongEvent",
  ],
  [
    "a crossing whose values do not pass its level",
    withCrossing((a, b) => [{ ...a, previous: a.at }, b]),
    "crossingsOfWrongEvent",
  ],
  [
    "an answer that claims another crossing",
    (run) => ({ ...run, answers: [{ ...run.answers[0]!, crossed: [[0, 99]] }, ...run.answers.slice(1)] }),
    "answersAgainstTables",
  ],
  [
    "an answer that leaves out its crossing",
    (run) => ({ ...run, answers: run.answers.map((line) => ({ ...line, crossed: [] })) }),
    "answersAgainstTables",
  ],
  [
    "one value answered to two events",
    (run) => ({ ...run, answers: run.answers.map((line) => ({ ...line, values: [3] })) }),
    "answersAgainstTables",
  ],
  ["a crossing without a notification", withNotification(() => []), "orphans"],
  ["a crossing with two notifications", withNotification((a) => [a, { ...a, id: "other" }]), "orphans"],
  ["a crossing nobody announced", withCrossing((a, b) => [{ ...a, state: "pending" }, b]), "unannounced"],
  ["a notification that is still held", withNotification((a) => [{ ...a, state: "sending" }]), "unfinished"],
  ["a message that the sink never had", withLine(() => []), "lost"],
  ["a sent notification that the sink never had", withLine(() => []), "sentNotInSink"],
  ["a message of no notification", withLine((a) => [a, { ...a, notification: "x" }]), "unexpected"],
  ["a message that came twice", withLine((a) => [a, a]), "duplicated"],
  ["a message under another Message-ID", withLine((a) => [{ ...a, messageId: "<x>" }]), "otherMessageId"],
  ["a notification that failed", withNotification((a) => [{ ...a, state: "failed" }]), "failed"],
  ["an unknown outcome that no kill explains", withNotification((a) => [{ ...a, state: "unknown" }]), "ambiguous"],
];

test.each(spoiled)("%s is told", async (_, spoil, told) => {
  expect(broken(spoil(await soundRun()))).toContain(told);
});

test("at least once, a message that the sink never had is lost even if its row says unknown", async () => {
  const silent = withNotification((a) => [{ ...a, state: "unknown", reason: "no_answer" }]);
  const unsent = withLine(() => []);
  const run = unsent(silent(await soundRun()));
  expect(broken(run)).not.toContain("lost");
  expect(broken(run, "at-least-once")).toContain("lost");
});

test("at least once, more copies than attempts are told", async () => {
  const run = withLine((a) => [a, a])(await soundRun());
  expect(broken(run, "at-least-once")).toContain("copiesWithoutAttempt");
});

test("a line that a kill cut in two is no answer", () => {
  const whole = '{"from":0,"to":1,"values":[1],"crossed":[]}';
  expect(answersIn(`${whole}\n{"from":1,"to":2,"val\n${whole}\n`)).toHaveLength(2);
});
