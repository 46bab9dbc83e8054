import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import type { MilestoneEvent } from "../recording/event.js";
import type { ConformanceCase } from "./case.js";
import { rules } from "./counter-samples.js";
import { count, metric, putAcme, refusal, setUp } from "./engine-setup.js";
import { checkSequentialCount, randomScenario } from "./sequential-count.js";

const about = "engine: recording";
const event = (fields: object = {}): MilestoneEvent => ({ id: "e1", metric, subject: "acme", ...fields });

/** What is refused, with its code and path. */
const badEvents: readonly (readonly [what: string, event: unknown, code: string, path: string])[] = [
  ["a missing id", { metric, subject: "acme" }, "invalid_event", "id"],
  ["an empty id", event({ id: "" }), "invalid_event", "id"],
  ["an id with NUL", event({ id: "a\0b" }), "invalid_event", "id"],
  ["a lone surrogate", event({ subject: "\ud800" }), "invalid_event", "subject"],
  ["a key of 201 bytes", event({ subject: "é".repeat(101) }), "invalid_event", "subject"],
  ["a 10 MB string", event({ id: "x".repeat(10_000_000) }), "invalid_event", "id"],
  ["a fraction", event({ amount: 1.5 }), "invalid_event", "amount"],
  ["NaN", event({ amount: Number.NaN }), "invalid_event", "amount"],
  ["an infinite amount", event({ amount: Number.POSITIVE_INFINITY }), "invalid_event", "amount"],
  ["an unsafe amount", event({ amount: 2 ** 53 }), "invalid_event", "amount"],
  ["an amount as text", event({ amount: "1e400" }), "invalid_event", "amount"],
  ["a negative amount", event({ amount: -1 }), "invalid_event", "amount"],
  ["a date that is none", event({ occurredAt: new Date("never") }), "invalid_event", "occurredAt"],
  ["a date as text", event({ occurredAt: "2026-11-01" }), "invalid_event", "occurredAt"],
  ["a year beyond 9999", event({ occurredAt: new Date(Date.UTC(12_026, 1)) }), "invalid_event", "occurredAt"],
  ["a misspelt field", event({ ammount: 5 }), "invalid_event", "ammount"],
  ["an unknown metric", event({ metric: "sms.delivered" }), "unknown_metric", "metric"],
  ["no object", null, "invalid_event", ""],
];

export const engineRecordingCases: readonly ConformanceCase[] = [
  {
    about,
    name: "refuses bad input with a code and the path of the field, and stores nothing of it",
    async run({ store }) {
      const { milepost } = setUp(store);
      for (const [what, input, code, path] of badEvents) {
        const single = await refusal(() => milepost.record(input as MilestoneEvent));
        assert.deepEqual([single.code, single.path], [code, path], what);
        assert.ok(single.message.length < 400, `${what}: the message does not echo the input`);
        const many = await refusal(() => milepost.recordMany([event({ id: "good" }), input as MilestoneEvent]));
        assert.deepEqual([many.code, many.path], [code, path === "" ? "events[1]" : `events[1].${path}`], what);
      }
      assert.deepEqual(await store.counters.list({ tenant: "default", limit: 10 }), []);
      assert.equal((await milepost.record(event({ id: "good" }))).counted, true, "no id was remembered either");
    },
  },
  {
    about,
    name: "answers the value directly after each event, and the crossings it caused, in one batch or in many",
    async run({ store }) {
      const { milepost } = setUp(store, { values: [2, 3] });
      const together = await Promise.all(["e1", "e2", "e3", "e4"].map((id) => milepost.record(event({ id }))));
      assert.deepEqual(
        together.map(({ counted, duplicate, value, crossings }) => [
          counted,
          duplicate,
          value,
          crossings.map((c) => c.threshold),
        ]),
        [
          [true, false, 1, []],
          [true, false, 2, ["2"]],
          [true, false, 3, ["3"]],
          [true, false, 4, []],
        ],
      );
      assert.equal((await milepost.record(event({ id: "e5", amount: 10 }))).value, 14);
    },
  },
  {
    about,
    name: "counts an id once per tenant and metric, says duplicate, and tells a retry what the first call caused",
    async run({ store }) {
      const { milepost } = setUp(store);
      const first = await milepost.record(event());
      const again = await milepost.record(event({ amount: 7 }));
      assert.deepEqual([again.counted, again.duplicate, again.value], [false, true, 1]);
      assert.deepEqual(
        again.crossings.map((c) => c.id),
        first.crossings.map((c) => c.id),
      );
      assert.equal((await milepost.record(event({ tenant: "other" }))).counted, true);
      const [one, two] = await Promise.all([
        milepost.record(event({ id: "e2" })),
        milepost.record(event({ id: "e2" })),
      ]);
      assert.deepEqual([one?.duplicate, two?.duplicate], [false, true]);
      const many = await milepost.recordMany([event({ id: "e3" }), event({ id: "e3" }), event({ id: "e1" })]);
      assert.deepEqual([many.counted, many.duplicates], [1, 2]);
    },
  },
  {
    about,
    name: "evaluates a counter that a crash left due when its event is recorded again, and in the worker's sweep",
    async run({ store }) {
      const { milepost, clock } = setUp(store);
      await milepost.record(event({ id: "warm-up", subject: "other" }));
      const [definition] = await store.definitions.list();
      for (const subject of ["acme", "brand"]) {
        const recorded = {
          tenant: "default",
          metric,
          id: subject,
          subject,
          amount: 1,
          occurredAt: clock.now(),
        };
        await store.counters.add({
          events: [{ ...recorded, feeds: definition!.births }],
          rules: rules(metric, { generation: definition!.generation, bandsSince: 1 }),
        });
      }
      const retried = await milepost.record(event({ id: "acme" }));
      assert.deepEqual([retried.duplicate, retried.crossings.map((c) => c.threshold)], [true, ["1"]]);
      const { evaluated } = await milepost.runOnce();
      assert.equal(evaluated, 1);
      assert.deepEqual(
        (await milepost.crossings.list({ subject: "brand" })).map((c) => c.eventId),
        ["brand"],
      );
    },
  },
  {
    about,
    name: "refuses the one call that would overflow its counter and counts those beside it",
    async run({ store }) {
      const { milepost } = setUp(store);
      await milepost.record(event({ amount: Number.MAX_SAFE_INTEGER }));
      const [fits, overflows] = await Promise.allSettled([
        milepost.record(event({ id: "e2", subject: "brand" })),
        milepost.record(event({ id: "e3" })),
      ]);
      assert.equal(fits?.status, "fulfilled");
      assert.equal(overflows?.status === "rejected" && overflows.reason.code, "counter_overflow");
      assert.equal((await milepost.counters.get({ metric, subject: "acme" }))?.value, Number.MAX_SAFE_INTEGER);
      assert.equal((await milepost.counters.get({ metric, subject: "brand" }))?.value, 1);
    },
  },
  {
    about,
    name: "counts a metric without milestones where the host says so",
    async run({ store }) {
      const milepost = createMilepost({ store, onUnknownMetric: "count" });
      assert.equal((await milepost.record(event({ metric: "page.view" }))).value, 1);
      assert.equal((await milepost.record(event({ metric: "page.view", id: "e2" }))).value, 2);
    },
  },
  {
    about,
    name: "consumes a source in batches: acknowledged after their commit, refused and skipped items told apart",
    async run({ store }) {
      const { milepost } = setUp(store);
      let pulled = 0;
      let acknowledged = 0;
      let furthest = 0;
      async function* source() {
        for (let i = 1; i <= 100; i++) {
          pulled = i;
          furthest = Math.max(furthest, pulled - acknowledged);
          yield i === 50 ? { id: "", n: i } : { id: i === 60 ? "e1" : `e${i}`, n: i };
        }
      }
      const refused: unknown[] = [];
      const result = await milepost.consume(source(), {
        batchSize: 10,
        toEvent: ({ id, n }) => (n === 70 ? null : event({ id })),
        onRefused: ({ n }, { code, path }) => void refused.push([n, code, path]),
        async acknowledge(items) {
          const value = (await milepost.counters.get({ metric, subject: "acme" }))?.value ?? 0;
          acknowledged += items.length;
          assert.ok(value >= acknowledged - 3, "what is acknowledged was committed");
        },
      });
      assert.deepEqual(result, { pulled: 100, counted: 97, duplicates: 1, skipped: 1, refused: 1 });
      assert.deepEqual(refused, [[50, "invalid_event", "event.id"]]);
      assert.equal(acknowledged, 100);
      assert.ok(furthest <= 20, `backpressure: at most two batches are out, but ${furthest} items were`);
    },
  },
  {
    about,
    name: "lets a consumption pass the one event that would overflow its counter, and commits nothing after its source failed",
    async run({ store }) {
      const { milepost } = setUp(store);
      const events = [
        event({ id: "max", amount: Number.MAX_SAFE_INTEGER }),
        event({ id: "over" }),
        event({ id: "b", subject: "b" }),
      ];
      const refused: string[] = [];
      const result = await milepost.consume(events, {
        onRefused: ({ id }, { code }) => void refused.push(`${id} ${code}`),
      });
      assert.deepEqual([result.counted, result.refused, refused], [2, 1, ["over counter_overflow"]]);
      async function* failing() {
        yield event({ id: "c", subject: "c" });
        throw new Error("source away");
      }
      let acknowledged = 0;
      const consuming = milepost.consume(failing(), { acknowledge: () => void acknowledged++ });
      await assert.rejects(consuming, /source away/);
      const before = acknowledged;
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(acknowledged, before);
    },
  },
  {
    about,
    name: "answers exact values for amounts whose sum no number holds",
    async run({ store }) {
      const { milepost } = setUp(store, { decrements: true });
      const max = Number.MAX_SAFE_INTEGER;
      const amounts = [max - 1, 1 - max, -max, max, max];
      const answers = await Promise.all(amounts.map((amount, i) => milepost.record(event({ id: `e${i}`, amount }))));
      assert.deepEqual(
        answers.map(({ value }) => value),
        [max - 1, 0, -max, 0, max],
      );
    },
  },
  {
    about,
    name: "ends a consumption at the first refusal, a failing acknowledgement or an abort, and can be run again",
    async run({ store }) {
      const { milepost } = setUp(store);
      const events = Array.from({ length: 30 }, (_, i) => event({ id: `e${i}` }));
      const bad = await refusal(() => milepost.consume([...events, event({ id: "" })]));
      assert.equal(bad.code, "invalid_event");
      async function* endless() {
        for (const one of events) yield one;
        await new Promise(() => {});
      }
      await assert.rejects(
        () => milepost.consume(endless(), { acknowledge: () => Promise.reject(new Error("broker away")) }),
        /broker away/,
      );
      const stop = new AbortController();
      const run = milepost.consume(endless(), { signal: stop.signal, acknowledge: () => stop.abort() });
      assert.equal((await run).pulled <= 30, true);
      let closed = false;
      async function* watched() {
        try {
          for (;;) yield event({ id: "" });
        } finally {
          closed = true;
        }
      }
      await refusal(() => milepost.consume(watched()));
      assert.equal(closed, true, "the source is told that nobody wants more");
      const result = await milepost.consume(events);
      assert.equal(result.counted + result.duplicates, 30);
      assert.equal((await milepost.counters.get({ metric, subject: "acme" }))?.value, 30);
    },
  },
  {
    about,
    name: "records nothing more once it is closed, and what was under way is there",
    async run({ store }) {
      const { milepost } = setUp(store);
      await putAcme(milepost);
      async function* endless() {
        yield event({ id: "streamed" });
        await new Promise(() => {});
      }
      const underWay = milepost.record(event());
      const consuming = milepost.consume(endless());
      await milepost.close();
      assert.equal((await underWay).counted, true);
      assert.equal((await consuming).pulled <= 1, true);
      for (const late of [() => count(milepost, 1), () => putAcme(milepost), () => milepost.notifications.list()]) {
        assert.equal((await refusal(late)).code, "closed");
      }
    },
  },
];

/** Any amounts, any batch split and any number of callers; each scenario on a store of its own. */
export const sequentialCountCases: readonly ConformanceCase[] = Array.from({ length: 25 }, (_, i) => ({
  about,
  name: `gives the crossings of a plain sequential count (seed ${i + 1})`,
  run: ({ store }) => checkSequentialCount(store, randomScenario(i + 1)),
}));
