import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import { milestone } from "../milestone/milestone.js";
import { thresholds } from "../milestone/policies/thresholds.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import { seeded } from "../seeded.js";
import { keyProblem } from "../text-key.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { metric, owner, refusal, setUp } from "./engine-setup.js";
import { hostileNames } from "./hostile-names.js";
import { awkwardKeys, max } from "./samples.js";

const about = "engine: hostile input";

type Hostile = readonly [what: string, make: () => unknown, path: string];

const event = (fields: object = {}): object => ({ id: "e1", metric, subject: "acme", ...fields });
const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 ? { v: value } : [value];
  return value;
};
const throwing = (field: string, more: object = {}): object =>
  Object.defineProperty({ ...more }, field, {
    enumerable: true,
    get() {
      throw new Error("a getter of the host's");
    },
  });
const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};
const trap = (): never => {
  throw new Error("a trap of the host's");
};
const huge = 2 ** 32 - 1;

/** Holds no time, and says that it does. */
class LyingDate extends Date {
  constructor() {
    super(Number.NaN);
  }
  override getTime(): number {
    return 0;
  }
  override valueOf(): number {
    return 0;
  }
  override getUTCFullYear(): number {
    return 2026;
  }
  override toISOString(): string {
    return "2026-11-01T00:00:00.000Z";
  }
}

/** Made by JSON.parse where that makes a difference: in an object literal `__proto__` is no key. */
const hostileEvents: readonly Hostile[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 1e300, 0.1].map(
    (amount): Hostile => [`the amount ${amount}`, () => event({ amount }), "amount"],
  ),
  ...["1e400", "5", "", null, true, 1n, new Number(5), [5], { valueOf: () => 5 }, Symbol("5")].map(
    (amount): Hostile => [`the amount ${typeof amount} ${String(amount)}`, () => event({ amount }), "amount"],
  ),
  [
    "1e400 in JSON",
    () => JSON.parse('{"id":"e1","metric":"email.delivered","subject":"acme","amount":1e400}'),
    "amount",
  ],
  [
    "a number beyond 2^53 in JSON",
    () => JSON.parse(`{"id":"e1","metric":"${metric}","subject":"s","amount":9007199254740993}`),
    "amount",
  ],
  ["a negative amount", () => event({ amount: -1 }), "amount"],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"].map(
    (key): Hostile => [
      `a key ${key}`,
      () => JSON.parse(`{"${key}":{"amount":5,"polluted":1},"id":"e1","metric":"${metric}","subject":"acme"}`),
      key,
    ],
  ),
  ["a subject that is an object", () => event({ subject: JSON.parse('{"__proto__":{"polluted":1}}') }), "subject"],
  ["10,000 levels in an unknown field", () => event({ data: nested(10_000) }), "data"],
  ["10,000 levels for an id", () => event({ id: nested(10_000) }), "id"],
  ["an id of 10 MB", () => event({ id: "x".repeat(10_000_000) }), "id"],
  ["a subject of 10 MB of lone surrogates", () => event({ subject: "\ud800".repeat(5_000_000) }), "subject"],
  ["a key of 10 MB", () => event({ ["x".repeat(10_000_000)]: 1 }), "x".repeat(80)],
  ["a getter that throws", () => throwing("amount", event()), ""],
  ["a Proxy whose traps throw", () => new Proxy(event(), { get: trap }), ""],
  ["a revoked Proxy", () => revoked({}), ""],
  ["a revoked Proxy of an array", () => revoked([]), ""],
  ["toJSON instead of fields", () => ({ toJSON: () => event() }), "id"],
  ["an array", () => [event()], ""],
  ["an array with nothing in it but length", () => new Array(huge), ""],
  ["a symbol", () => Symbol("event"), ""],
  ["a function", () => () => event(), ""],
  ["a date that is none", () => event({ occurredAt: new Date(Number.NaN) }), "occurredAt"],
  ["a Date that lies", () => event({ occurredAt: new LyingDate() }), "occurredAt"],
  ["what only inherits from Date", () => event({ occurredAt: Object.create(Date.prototype) }), "occurredAt"],
  ["a Proxy of a Date", () => event({ occurredAt: new Proxy(new Date(), {}) }), "occurredAt"],
];

const cyclic = (): object => {
  const value: Record<string, unknown> = {};
  value.self = [value];
  return value;
};

/** Fields of a subject, or data of a message, with the path within them. */
const hostileData: readonly Hostile[] = [
  ["a key __proto__", () => JSON.parse('{"a":{"__proto__":{"polluted":1}}}'), ".a.__proto__"],
  ["10,000 levels", () => ({ a: nested(10_000) }), ".a"],
  ["data that contains itself", cyclic, ".self"],
  ["a text of 10 MB", () => ({ a: "x".repeat(10_000_000) }), ".a"],
  ["a key of 10 MB", () => ({ ["x".repeat(10_000_000)]: 1 }), `.${"x".repeat(80)}`],
  ["64 kB in many small values", () => ({ a: Array.from({ length: 9_000 }, () => 1) }), ".a[8191]"],
  ["64 kB in 4-byte characters", () => ({ a: "\u{1f98a}".repeat(16_400) }), ".a"],
  ["5,000,000 items", () => ({ a: new Array(5_000_000).fill(0) }), ".a"],
  ["an array with nothing in it but length", () => ({ a: new Array(huge) }), ".a"],
  // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
  ["an array with a hole", () => ({ a: [1, , 3] }), ".a[1]"],
  [
    "an array that says another length",
    () => ({ a: new Proxy([], { get: (_, key) => (key === "length" ? 1e9 : 1) }) }),
    ".a",
  ],
  ["NaN", () => ({ a: Number.NaN }), ".a"],
  ["an infinite number", () => JSON.parse('{"a":1e400}'), ".a"],
  ["a bigint", () => ({ a: 1n }), ".a"],
  ["a symbol", () => ({ a: Symbol("a") }), ".a"],
  ["toJSON", () => ({ a: { toJSON: () => 1 } }), ".a.toJSON"],
  ["a getter that throws", () => ({ a: throwing("b") }), ".a.b"],
  ["a Proxy whose traps throw", () => ({ a: new Proxy({}, { ownKeys: trap }) }), ".a"],
  ["a revoked Proxy", () => ({ a: revoked({}) }), ".a"],
  ["a revoked Proxy of an array", () => ({ a: revoked([]) }), ".a"],
  ["a Date that lies", () => ({ a: new LyingDate() }), ".a"],
  ["what only inherits from Date", () => ({ a: Object.create(Date.prototype) }), ".a"],
  ["a Proxy of a Date", () => ({ a: new Proxy(new Date(), {}) }), ".a"],
  ["a lone surrogate", () => ({ a: "\ud800" }), ".a"],
];

/** Every other call that takes data from outside, given the same two bombs. */
const bombs: readonly unknown[] = [new Array(huge), new Array(5_000_000).fill("pending")];
const hostileCalls: readonly (readonly [what: string, call: (milepost: Milepost, bomb: never) => unknown])[] = [
  ["recordMany", (milepost, bomb) => milepost.recordMany(bomb)],
  ["subjects.put", (milepost, bomb) => milepost.subjects.put(bomb)],
  ["subjects.put with members", (milepost, members) => milepost.subjects.put({ id: "a", members })],
  ["contacts.put", (milepost, bomb) => milepost.contacts.put(bomb)],
  ["contacts.put with tags", (milepost, tags) => milepost.contacts.put({ address: "a@b.example", tags })],
  ["contacts.list", (milepost, all) => milepost.contacts.list({ filter: { all } })],
  ["contacts.list by ids", (milepost, ids) => milepost.contacts.list({ filter: { ids } })],
  ["contacts.list by a field", (milepost, is) => milepost.contacts.list({ filter: { field: "a", in: is } })],
  ["contacts.tag", (milepost, add) => milepost.contacts.tag({ filter: { all: [] }, add, by: "ann", why: "w" })],
  ["subjects.members", (milepost, roles) => milepost.subjects.members({ subject: "a", roles })],
  ["crossings.list", (milepost, states) => milepost.crossings.list({ states })],
  ["notifications.list", (milepost, states) => milepost.notifications.list({ states })],
  ["counters.get", (milepost, subject) => milepost.counters.get({ metric, subject })],
  ["notifications.cancel", (milepost, id) => milepost.notifications.cancel({ id, by: "ann", why: "w" })],
  ["lanes.pause", (milepost, notifier) => milepost.lanes.pause({ notifier, by: "ann", why: "w" })],
];

/** Far above the few milliseconds that a refusal takes, and far below what walking over such input would. */
const patience = 1_000;

/** The refusal of `work`, which must not take long. */
async function quickRefusal(what: string, work: () => unknown): Promise<{ code: string; path: string }> {
  const begun = performance.now();
  const { code, path, message } = await refusal(work).catch((error) => assert.fail(`${what}: ${String(error)}`));
  const took = performance.now() - begun;
  assert.ok(took < patience, `${what}: refused after ${took} ms only`);
  assert.ok(message.length < 1_000, `${what}: the message does not echo the input`);
  return { code, path: path ?? "" };
}

async function unpolluted(work: () => Promise<void>): Promise<void> {
  const before = Object.getOwnPropertyNames(Object.prototype);
  await work();
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
}

export const engineHostileInputCases: readonly ConformanceCase[] = [
  {
    about,
    name: "refuses numbers, objects and dates that are not what they seem, at once, and counts nothing of them",
    async run({ store }) {
      const { milepost } = setUp(store);
      await milepost.record({ id: "before", metric, subject: "acme" });
      const before = await milepost.counters.list();
      await unpolluted(async () => {
        for (const [what, make, path] of hostileEvents) {
          const input = make();
          const single = await quickRefusal(what, () => milepost.record(input as never));
          assert.deepEqual(single, { code: "invalid_event", path }, what);
          const many = await quickRefusal(what, () => milepost.recordMany([event({ id: "good" }), input] as never));
          assert.equal(many.code, "invalid_event", what);
          assert.ok(many.path.startsWith("events[1]"), `${what}: ${many.path}`);
        }
      });
      assert.deepEqual(await milepost.counters.list(), before);
      const { counted } = await milepost.record({ id: "good", metric, subject: "acme", amount: -0 });
      assert.equal(counted, true, "no id of a refused call was remembered");
    },
  },
  {
    about,
    name: "refuses subjects' fields and messages' data that are not plain, bounded JSON, at once, with their path",
    async run({ store }) {
      let data: () => unknown = () => ({});
      const { milepost, notifier, clock } = setUp(store, {
        values: hostileData.map((_, i) => i + 1),
        milestone: {
          recipients: owner,
          message: { text: "{{value}}", data: () => data() as Record<string, unknown> },
        },
      });
      await unpolluted(async () => {
        for (const [i, [what, make, path]] of hostileData.entries()) {
          const fields = make();
          const put = await quickRefusal(what, () => milepost.subjects.put({ id: "acme", fields } as never));
          assert.equal(put.code, "invalid_subject", what);
          assert.ok(put.path.startsWith(`subject.fields${path}`), `${what}: ${put.path}`);

          data = () => fields;
          await milepost.record({ id: `e${i}`, metric, subject: "acme" });
          await milepost.runOnce();
          const [crossing] = (await milepost.crossings.list()).slice(-1);
          assert.equal(crossing?.state, "pending", what);
          assert.ok(crossing?.detail?.startsWith(`data${path.slice(0, 20)}`), `${what}: ${crossing?.detail}`);
        }
      });
      assert.equal(await store.subjects.get({ tenant: "default", id: "acme" }), null);
      assert.deepEqual(await milepost.notifications.list(), []);
      data = () => ({});
      clock.advance(24 * 3_600_000);
      await milepost.runOnce();
      notifier.expectSent(hostileData.length);
    },
  },
  {
    about,
    name: "keeps constructor and prototype as what they are in data: ordinary keys",
    async run({ store }) {
      const { milepost } = setUp(store);
      const fields = JSON.parse('{"constructor":{"prototype":{"polluted":1}},"prototype":1,"toString":"x"}');
      await unpolluted(() => milepost.subjects.put({ id: "acme", fields }));
      assert.deepEqual((await milepost.subjects.get({ id: "acme" }))?.fields, fields);
    },
  },
  {
    about,
    name: "refuses lists without end in every other call, before it looks at their items",
    async run({ store }) {
      const { milepost } = setUp(store);
      for (const bomb of bombs) {
        for (const [what, call] of hostileCalls) {
          const { code } = await quickRefusal(what, () => call(milepost, bomb as never));
          assert.match(code, /^invalid_/, what);
        }
        for (const [what, call] of hostileCalls) {
          const { code } = await quickRefusal(`${what}, a revoked Proxy`, () => call(milepost, revoked([]) as never));
          assert.match(code, /^invalid_/, what);
        }
      }
      assert.deepEqual(await milepost.counters.list(), []);
      assert.deepEqual(await milepost.subjects.list(), []);
    },
  },
  {
    about,
    name: "keeps every safe integer exactly, in counters, crossings and messages",
    async run({ store }) {
      const random = seeded(17);
      const values = new Set([max, max - 1, 2 ** 52, 2 ** 52 + 1, 2 ** 31, 2 ** 32 + 1, 10 ** 15 + 1]);
      while (values.size < 60) values.add(1 + random(2 ** 21) * 2 ** 32 + random(2 ** 31));
      const notifier = memoryNotifier();
      const milepost = createMilepost({
        store,
        milestones: [...values].map((value) =>
          milestone({
            name: `at-${value}`,
            metric: `m-${value}`,
            policy: thresholds(value),
            recipients: owner,
            message: { text: "{{previous}} {{value}}" },
            notifier,
          }),
        ),
        metrics: { down: { decrements: true } },
      });
      const events = [...values].flatMap((value) => [
        { id: `a${value}`, metric: `m-${value}`, subject: "acme", amount: value - 1 },
        { id: `b${value}`, metric: `m-${value}`, subject: "acme" },
        { id: `c${value}`, metric: "down", subject: `s${value}`, amount: -value },
      ]);
      await milepost.recordMany(events);
      for (const value of values) {
        const key = { tenant: "default", metric: `m-${value}`, subject: "acme" };
        assert.equal((await milepost.counters.get(key))?.value, value);
        assert.equal((await milepost.counters.get({ metric: "down", subject: `s${value}` }))?.value, -value);
        const [crossing] = await milepost.crossings.list({ milestone: `at-${value}` });
        assert.deepEqual(
          [crossing?.at, crossing?.value, crossing?.previous, crossing?.threshold],
          [value, value, value - 1, String(value)],
        );
      }
      const beyond = { metric: `m-${max}`, subject: "acme", id: "beyond" };
      assert.equal((await refusal(() => milepost.record(beyond))).code, "counter_overflow");
      assert.equal((await milepost.counters.get({ metric: `m-${max}`, subject: "acme" }))?.value, max);
      await milepost.runOnce();
      for (const value of values) notifier.expectSent(1, { text: `${value - 1} ${value}` });
    },
  },
  {
    about,
    name: "takes any text as the name of a tenant, metric, subject, milestone, notifier, channel or event, and only that",
    async run({ store }) {
      const joined = hostileNames.map((name, i) => name + hostileNames[(i * 7 + 3) % hostileNames.length]);
      const names = [...new Set([...awkwardKeys, ...hostileNames, ...joined])].filter(
        (name) => keyProblem(name) === undefined,
      );
      const notifiers = names.map((name) => memoryNotifier({ name, channel: name }));
      const milepost = createMilepost({
        store,
        milestones: names.map((name, i) =>
          milestone({
            name,
            metric: name,
            policy: thresholds(1),
            recipients: owner,
            message: { text: "{{subject.id}}" },
            notifier: notifiers[i]!,
          }),
        ),
      });
      await milepost.recordMany(names.map((name) => ({ tenant: name, id: name, metric: name, subject: name })));
      for (let pass = 0; pass < 3; pass++) await milepost.runOnce();
      for (const [i, name] of names.entries()) {
        const [counter, ...others] = await milepost.counters.list({ tenant: name });
        assert.deepEqual([counter?.metric, counter?.subject, counter?.value, others], [name, name, 1, []]);
        const query = { tenant: name, subject: name, milestone: name, metric: name };
        const [crossing] = await milepost.crossings.list(query);
        assert.deepEqual([crossing?.eventId, crossing?.state], [name, "announced"], name);
        const [sent] = await milepost.notifications.list({ tenant: name });
        assert.deepEqual([sent?.notifier, sent?.channel, sent?.state], [name, name, "sent"], name);
        notifiers[i]!.expectSent(1, { text: name });
        await milepost.lanes.pause({ tenant: name, notifier: name, by: name, why: name });
        assert.deepEqual(
          await actsOf(store, { tenant: name, entity: "lane", entityId: name }).then((a) => a.length),
          1,
        );
      }
    },
  },
];
