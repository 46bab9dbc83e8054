import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CountingScenario, checkSequentialCount } from "./conformance/index.js";
import {
  consoleNotifier,
  createMilepost,
  type MilepostOptions,
  type MilestoneOptions,
  membersWithRole,
  memoryNotifier,
  memoryStore,
  milestone,
  thresholds,
} from "./index.js";

const good: MilestoneOptions = {
  name: "m",
  metric: "x",
  policy: thresholds(1),
  recipients: membersWithRole("owner"),
  message: { text: "hello" },
  notifier: memoryNotifier(),
};

describe("milestone", () => {
  it("refuses a definition with the path of the field", () => {
    const refused = (change: object, path: string, code = "invalid_milestone") =>
      expect(() => milestone({ ...good, ...change })).toThrow(expect.objectContaining({ code, path }));
    refused({ name: "" }, "name");
    refused({ policy: {} }, "policy");
    refused({ polcy: 1 }, "polcy");
    refused({ notifier: undefined }, "notifier");
    refused({ message: undefined }, "message");
    refused({ recipients: undefined }, "recipients");
    refused({ mode: "at-least-once" }, "mode");
    refused({ notifier: { ...memoryNotifier(), mode: "sometimes" } }, "notifier.mode");
    refused({ notifier: memoryNotifier({ mode: "idempotent" }) }, "notifier.keyLifetime");
    refused({ message: { text: "{{#x}}" } }, "message.text", "invalid_template");
    refused({ period: "month" }, "period");
  });
});

describe("thresholds", () => {
  it("refuses what is no list of distinct safe integers", () => {
    for (const values of [[], [1.5], [1, 1], [Number.NaN], [2 ** 53]]) {
      expect(() => thresholds(...values)).toThrow(expect.objectContaining({ code: "invalid_milestone" }));
    }
  });
});

describe("createMilepost", () => {
  const create = (options: object) => () => createMilepost(options as MilepostOptions);
  const refused = (options: object, path: string, code = "invalid_options") =>
    expect(create(options)).toThrow(expect.objectContaining({ code, path }));

  it("has no silent default store and refuses misspelt options", () => {
    refused({}, "store");
    refused({ store: memoryStore(), milestone: [] }, "milestone");
    refused({ store: memoryStore(), milestones: [{}] }, "milestones[0]");
    refused({ store: memoryStore(), messageIdDomain: "not a domain" }, "messageIdDomain");
    refused({ store: memoryStore(), delivery: { lease: 1 } }, "delivery.lease");
  });

  it("refuses two milestones or two notifiers of one name", () => {
    const store = memoryStore();
    refused({ store, milestones: [milestone(good), milestone(good)] }, "milestones[1].name");
    refused({ store, milestones: [milestone(good)], notifiers: [memoryNotifier()] }, "notifiers");
  });

  it("refuses at-most-once over a store whose commits a power cut can undo", () => {
    const store = { ...memoryStore(), supports: { persistence: true, durableCommits: false } };
    refused({ store, milestones: [milestone(good)] }, "milestones[0].notifier", "unsafe_durability");
    const repeating = milestone({ ...good, notifier: memoryNotifier({ mode: "at-least-once" }) });
    expect(create({ store, milestones: [repeating] })).not.toThrow();
  });

  it("takes milestones made by milestone() only: another object may lack what it checks", () => {
    const store = memoryStore();
    refused({ store, milestones: [good] }, "milestones[0]");
  });

  it("refuses misspelt and impossible queries and options instead of answering another question", async () => {
    const milepost = createMilepost({ store: memoryStore(), milestones: [milestone(good)] });
    const wrong: readonly (readonly [() => unknown, string])[] = [
      [() => milepost.crossings.list({ state: "pending" } as never), "state"],
      [() => milepost.crossings.list({ limit: 0 }), "limit"],
      [() => milepost.notifications.list({ states: ["snet" as never] }), "states[0]"],
      [() => milepost.notifications.attempts({} as never), "id"],
      [() => milepost.notifications.count({ tenants: "x" } as never), "tenants"],
      [() => milepost.counters.get({ metric: "x" } as never), "subject"],
      [() => milepost.counters.list({ metrics: "x" } as never), "metrics"],
      [() => milepost.subjects.get("acme" as never), ""],
      [() => milepost.subjects.members({ id: "acme" } as never), "subject"],
      [() => milepost.subjects.list({ page: 2 } as never), "page"],
      [() => milepost.lanes.pause({ notifier: "memory", by: "", why: "x" }), "by"],
      [() => milepost.runOnce({ concurrency: "a" as never }), "concurrency"],
      [() => milepost.consume([], { batch: 5 } as never), "batch"],
      [() => milepost.consume(5 as never), "source"],
    ];
    for (const [call, path] of wrong) {
      await expect(call(), path).rejects.toMatchObject({ code: "invalid_options", path });
    }
    expect(() => milepost.on("crosing" as never, () => {})).toThrow(
      expect.objectContaining({ code: "invalid_options" }),
    );
    expect(() => milepost.worker({ concurency: 1 } as never)).toThrow(
      expect.objectContaining({ code: "invalid_options", path: "worker.concurency" }),
    );
  });

  it("installs its milestones at ready(), before anything is recorded", async () => {
    const milepost = createMilepost({ store: memoryStore(), milestones: [milestone(good)] });
    await milepost.ready();
    expect(await milepost.definitions.list()).toMatchObject([
      { metric: "x", generation: 1, milestones: [good.name], evaluated: true, adopted: true },
    ]);
  });

  it("gives two engines in one process nothing in common", async () => {
    const [one, two] = [memoryStore(), memoryStore()].map((store) =>
      createMilepost({ store, milestones: [milestone(good)] }),
    );
    const heard: string[] = [];
    two!.on("crossing", ({ subject }) => heard.push(subject));
    await one!.record({ id: "e1", metric: "x", subject: "a" });
    expect(heard).toEqual([]);
    await two!.record({ id: "e1", metric: "x", subject: "b" });
    expect(heard).toEqual(["b"]);
  });
});

describe("a message's data", () => {
  it("knows what a reminder is told of, and that a first message is none", async () => {
    let now = new Date("2026-01-01T00:00:00Z");
    const notifier = memoryNotifier();
    const reminded = milestone({
      ...good,
      recipients: { resolve: async () => [{ address: "a@b.example" }] },
      notifier,
      remindEvery: 60_000,
      message: {
        text: "{{said}}",
        data: ({ value }, _, notice) => ({
          said: notice ? `${notice.kind} ${notice.number}: ${notice.value} instead of ${value}` : `first: ${value}`,
        }),
      },
    });
    const milepost = createMilepost({ store: memoryStore(), milestones: [reminded], runtime: { now: () => now } });
    await milepost.record({ id: "e1", metric: "x", subject: "s", amount: 3 });
    await milepost.runOnce();
    await milepost.record({ id: "e2", metric: "x", subject: "s", amount: 4 });
    now = new Date("2026-01-01T00:01:00Z");
    await milepost.runOnce();
    expect(notifier.sent.map(({ text }) => text)).toEqual(["first: 3", "reminder 1: 7 instead of 3"]);
  });
});

describe("record", () => {
  const scenario: fc.Arbitrary<CountingScenario> = fc.record({
    thresholds: fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 }),
    events: fc
      .array(fc.tuple(fc.nat(60), fc.integer({ min: -20, max: 60 })), { minLength: 1, maxLength: 80 })
      .map((drawn) => {
        const amounts = new Map<number, number>();
        return drawn.map(([n, amount]) => {
          if (!amounts.has(n)) amounts.set(n, amount);
          return { id: `e${n}`, subject: `s${n % 3}`, amount: amounts.get(n)! };
        });
      }),
    calls: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 40 }),
    callers: fc.constantFrom(1, 1, 3, 10),
  });

  it("gives the crossings of a plain sequential count for any amounts, batch split and number of callers", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, (drawn) => checkSequentialCount(memoryStore(), drawn)),
      { numRuns: 300 },
    );
  });
});

describe("consoleNotifier", () => {
  it("prints who is told what", async () => {
    let printed = "";
    const notifier = consoleNotifier({
      write: (text) => {
        printed += text;
      },
    });
    const message = { to: { address: "a@b.example", firstName: "Ann" }, subject: "Hi", text: "one\ntwo", html: null };
    await notifier.send(message, {} as never);
    expect(printed).toBe("To: Ann <a@b.example>\nSubject: Hi\n  one\n  two\n");
  });
});

describe("memoryNotifier", () => {
  it("counts what matches and lists what was sent when the count is wrong", async () => {
    const notifier = memoryNotifier();
    await notifier.send({ to: { address: "a@b.example" }, subject: "Hi", text: "t", html: null }, {} as never);
    notifier.expectSent(1, { to: "a@b.example", subject: /^H/ });
    notifier.expectSent(0, { subject: "Hello" });
    expect(() => notifier.expectSent(0, { too: "x" } as never)).toThrow(
      expect.objectContaining({ code: "invalid_options", path: "too" }),
    );
    expect(() => notifier.expectSent(2)).toThrow(/found 1 of:\n {2}a@b\.example: Hi/);
    expect(() => notifier.expectSent(1, { text: "other" })).toThrow(
      expect.objectContaining({ code: "expectation_failed" }),
    );
  });
});
