import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { counter, event, events, record } from "./counter-samples.js";
import { about } from "./event-samples.js";
import { at, awkwardKeys, bytewise, hour, start, twoStores } from "./samples.js";

const of = { tenant: "default", metric: "email.delivered" };

export const eventKnownCases: readonly ConformanceCase[] = [
  {
    about,
    name: "known answers the ids that are remembered, each once, however often they are asked for",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      assert.deepEqual(await store.events.known({ ...of, ids: ["a-0"] }), []);
      await record(store, events("a", [1, 2, 3]));
      const found = await other.events.known({ ...of, ids: ["a-2", "b-0", "a-0", "a-2", "a"] });
      assert.deepEqual([...found].sort(), ["a-0", "a-2"]);
      assert.deepEqual(await other.events.known({ ...of, ids: [] }), []);
    },
  },
  {
    about,
    name: "ids of another tenant or metric are known apart, of any subject together",
    async run({ store }) {
      await record(store, [
        event(),
        event({ id: "evt-2", subject: "globex" }),
        event({ id: "evt-3", tenant: "other" }),
      ]);
      await record(store, [event({ id: "evt-4", metric: "ad.spend" })]);
      const ids = ["evt-1", "evt-2", "evt-3", "evt-4"];
      const known = async (fields: Partial<typeof of>) =>
        [...(await store.events.known({ ...of, ...fields, ids }))].sort();
      assert.deepEqual(await known({}), ["evt-1", "evt-2"]);
      assert.deepEqual(await known({ tenant: "other" }), ["evt-3"]);
      assert.deepEqual(await known({ metric: "ad.spend" }), ["evt-4"]);
      assert.deepEqual(await known({ metric: "unknown" }), []);
    },
  },
  {
    about,
    name: "any id is known under its own name only",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const [first, ...rest] = awkwardKeys;
      await record(
        store,
        rest.map((id) => event({ id })),
      );
      const found = await other.events.known({ ...of, ids: awkwardKeys });
      assert.deepEqual(bytewise(found), bytewise(rest));
      assert.ok(!found.includes(first!));
    },
  },
  {
    about,
    name: "an id that was purged is known no longer",
    async run({ store }) {
      const batch = [event({ id: "old" }), event({ id: "young", occurredAt: at(hour) })];
      await record(store, batch, start, { purged: true });
      await store.events.purge({ metric: of.metric, generation: 1, age: hour, limit: 10, now: at(hour + 1) });
      assert.deepEqual(await store.events.known({ ...of, ids: ["old", "young"] }), ["young"]);
    },
  },
  {
    about,
    name: "asking remembers nothing: an id that was asked for counts afterwards",
    async run({ store }) {
      const ids = Array.from({ length: 2_000 }, (_, i) => `e-${i}`);
      assert.deepEqual(await store.events.known({ ...of, ids }), []);
      await record(
        store,
        ids.map((id) => event({ id })),
      );
      assert.deepEqual(await counter(store), { value: 2_000, rev: 1, due: false });
      assert.equal((await store.events.known({ ...of, ids: [...ids, "more"] })).length, 2_000);
    },
  },
];
