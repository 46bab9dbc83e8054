import assert from "node:assert/strict";
import type { RetainedEvent } from "../store/event-repository.js";
import type { ConformanceCase } from "./case.js";
import { birth, counter, definition, event, events, record, rules } from "./counter-samples.js";
import { about, keep, kept, retained } from "./event-samples.js";
import { assertRefused, awkwardKeys, everyPage, max, start, twoStores } from "./samples.js";

export const eventRetainCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an event that is retained comes back with every field, its time to the millisecond, and its effect",
    async run(opened) {
      const times = [
        new Date(0),
        new Date("1969-12-31T23:59:59.999Z"),
        new Date("1900-01-01T00:00:00.001Z"),
        new Date("9999-12-31T23:59:59.999Z"),
        start,
      ];
      const batch = times.map((occurredAt, i) => event({ id: `e${i}`, occurredAt, amount: 3 }));
      await keep(opened.store, batch);
      const [, other] = await twoStores(opened);
      assert.deepEqual(
        await kept(other),
        batch.map((each, i) => retained(each, { value: 3 * (i + 1), rev: 1, place: i })),
      );
    },
  },
  {
    about,
    name: "exactly the accepted events are retained, in the order of their effect, each with the value after it",
    async run(opened) {
      const { store } = opened;
      const first = events("z", [5, -7, 0]);
      const second = [event({ id: "z-1", amount: 100 }), event({ id: "m", amount: 10 }), event({ id: "z-0" })];
      second.push(event({ id: "a", amount: -20 }), event({ id: "z-2", amount: -100 }));
      const third = events("b", [1]);
      await keep(store, first);
      assert.deepEqual((await keep(store, second)).duplicates, [0, 2, 4]);
      await keep(store, [...first, ...second]);
      await keep(store, third);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await kept(other), [
        retained(first[0]!, { value: 5, rev: 1, place: 0 }),
        retained(first[1]!, { value: -2, rev: 1, place: 1 }),
        retained(first[2]!, { value: -2, rev: 1, place: 2 }),
        retained(second[1]!, { value: 8, rev: 2, place: 0 }),
        retained(second[3]!, { value: -12, rev: 2, place: 1 }),
        retained(third[0]!, { value: -11, rev: 3, place: 0 }),
      ]);
    },
  },
  {
    about,
    name: "over many batches the amounts add up to each value, and the last value is the counter's",
    async run(opened) {
      const stores = await twoStores(opened);
      const subjects = ["acme", "globex", "initech"];
      const all: string[] = [];
      for (let round = 0; round < 15; round++) {
        const batch = Array.from({ length: 20 }, (_, i) => {
          const n = (round * 7 + i * 3) % 200;
          return event({ id: `e-${n}`, subject: subjects[n % 3]!, amount: (n % 11) - 5 });
        });
        all.push(...batch.map((each) => each.id));
        await keep(stores[round % 2]!, [...new Map(batch.map((each) => [each.id, each])).values()]);
      }
      let count = 0;
      for (const subject of subjects) {
        const list = await kept(opened.store, { subject });
        let value = 0;
        for (const [i, each] of list.entries()) {
          value += each.amount;
          assert.equal(each.value, value);
          const { rev, place } = list[i - 1] ?? { rev: 0, place: 0 };
          const next = each.rev === rev ? [rev, place + 1] : [rev + 1, 0];
          assert.deepEqual([each.rev, each.place], next);
        }
        const state = await counter(opened.store, { subject });
        assert.deepEqual([state?.value, state?.rev], [value, list.at(-1)?.rev]);
        assert.equal(new Set(list.map((each) => each.id)).size, list.length);
        count += list.length;
      }
      assert.equal(count, new Set(all).size);
    },
  },
  {
    about,
    name: "a due counter and one in its band retain alike, and only the lifetime's value is kept",
    async run({ store }) {
      const day = birth({ period: "day:UTC:2026-11-05", due: true });
      await record(store, events("old", [40], { feeds: [birth()] }));
      const batch = [
        event({ id: "quiet", amount: 2, feeds: [day, birth()] }),
        event({ id: "due", amount: 3, subject: "globex", feeds: [birth({ due: true }), day] }),
      ];
      await keep(store, batch);
      assert.deepEqual(await kept(store), [retained(batch[0]!, { value: 42, rev: 2, place: 0 })]);
      assert.deepEqual(await kept(store, { subject: "globex" }), [retained(batch[1]!, { value: 3, rev: 1, place: 0 })]);
    },
  },
  {
    about,
    name: "values and amounts at both ends of the safe integers are retained exactly",
    async run({ store }) {
      const batch = events("e", [max, -max, -max, max, max, -1]);
      await keep(store, batch.slice(0, 3));
      await keep(store, batch.slice(3));
      assert.deepEqual(
        (await kept(store)).map((each) => [each.amount, each.value]),
        [
          [max, max],
          [-max, 0],
          [-max, -max],
          [max, 0],
          [max, max],
          [-1, max - 1],
        ],
      );
    },
  },
  {
    about,
    name: "a metric that remembers ids only retains nothing",
    async run({ store }) {
      await record(store, events("a", [1, 2]));
      await record(store, events("b", [1, 2], { feeds: [birth({ due: true })] }), start, { purged: true });
      assert.deepEqual(await kept(store), []);
    },
  },
  {
    about,
    name: "of two metrics in one batch each is retained by its own rules, the places of each its own",
    async run({ store }) {
      const metrics = ["keeps", "forgets", "keeps.too"];
      await store.definitions.install({ definitions: metrics.map((metric) => definition({ metric })) });
      const batch = [0, 1, 2, 3, 4, 5].map((i) => event({ id: `e${i}`, metric: metrics[i % 3]!, amount: i }));
      const known = { ...rules(metrics, { retain: "events" }), ...rules("forgets") };
      await store.counters.add({ events: batch, rules: known, now: start });
      assert.deepEqual(await kept(store, { metric: "forgets" }), []);
      assert.deepEqual(await kept(store, { metric: "keeps" }), [
        retained(batch[0]!, { value: 0, rev: 1, place: 0 }),
        retained(batch[3]!, { value: 3, rev: 1, place: 1 }),
      ]);
      assert.deepEqual(await kept(store, { metric: "keeps.too" }), [
        retained(batch[2]!, { value: 2, rev: 1, place: 0 }),
        retained(batch[5]!, { value: 7, rev: 1, place: 1 }),
      ]);
    },
  },
  {
    about,
    name: "a metric that begins to retain keeps what comes from then on, and a repeat of what came before nothing",
    async run({ store }) {
      await record(store, events("old", [1, 2]));
      await keep(store, events("old", [1, 2]));
      assert.deepEqual(await kept(store), []);
      const [fresh] = events("new", [4]);
      await keep(store, [fresh!]);
      await record(store, events("unkept", [8]));
      assert.deepEqual(await kept(store), [retained(fresh!, { value: 7, rev: 2, place: 0 })]);
    },
  },
  {
    about,
    name: "events of another tenant, metric or subject are listed apart",
    async run({ store }) {
      await keep(store, [event(), event({ tenant: "other" }), event({ metric: "ad.spend" })]);
      await keep(store, [event({ id: "evt-2", subject: "globex" })]);
      const keys = async (fields: Parameters<typeof kept>[1]) =>
        (await kept(store, fields)).map((each) => [each.tenant, each.metric, each.subject].join("/"));
      assert.deepEqual(await keys({}), ["default/email.delivered/acme"]);
      assert.deepEqual(await keys({ tenant: "other" }), ["other/email.delivered/acme"]);
      assert.deepEqual(await keys({ metric: "ad.spend" }), ["default/ad.spend/acme"]);
      assert.deepEqual(await keys({ subject: "globex" }), ["default/email.delivered/globex"]);
      for (const nobody of [{ tenant: "nobody" }, { subject: "nobody" }, { metric: "nothing" }]) {
        assert.deepEqual(await keys(nobody), []);
      }
    },
  },
  {
    about,
    name: "retained events are listed page by page, under any key",
    async run(opened) {
      const batch = awkwardKeys.flatMap((key) =>
        ["a", "b", "c"].map((id) => event({ tenant: key, metric: key, subject: key, id: key + id })),
      );
      const short = batch.filter((each) => Buffer.byteLength(each.id) <= 200);
      await keep(opened.store, short);
      await keep(
        opened.store,
        short.slice(0, 30).map((each) => ({ ...each, id: `+${each.id}` })),
      );
      const [, other] = await twoStores(opened);
      for (const key of new Set(short.map((each) => each.tenant))) {
        const of = { tenant: key, metric: key, subject: key };
        const all = await kept(other, of);
        for (const limit of [1, 2, 3, 100]) {
          const paged = await everyPage(limit, (last: RetainedEvent | undefined) => {
            const after = last && { rev: last.rev, place: last.place };
            return kept(other, { ...of, limit, ...(after && { after }) });
          });
          assert.deepEqual(paged, all);
        }
        assert.deepEqual(
          all.slice(0, 3).map((each) => each.id),
          ["a", "b", "c"].map((id) => key + id),
        );
      }
    },
  },
  {
    about,
    name: "a refused batch retains nothing",
    async run(opened) {
      const { store } = opened;
      await keep(store, events("full", [max]));
      const before = await kept(store);
      const batch = [event({ id: "fresh", subject: "fresh" }), event({ id: "over", amount: 1 })];
      for (const each of [batch, [...batch].reverse()]) {
        await assertRefused(keep(store, each), "counter_overflow");
      }
      const [, other] = await twoStores(opened);
      assert.deepEqual(await kept(other), before);
      assert.deepEqual(await kept(other, { subject: "fresh" }), []);
    },
  },
  {
    about,
    name: "a batch of 2,000 retained events is one step",
    async run({ store }) {
      const batch = Array.from({ length: 2000 }, (_, i) => event({ id: `e-${i}`, amount: i % 7 }));
      await keep(store, batch);
      const list = await kept(store);
      assert.deepEqual(
        list.map((each) => [each.id, each.place]),
        batch.map((each, i) => [each.id, i]),
      );
      assert.equal(list.at(-1)?.value, (await counter(store))?.value);
    },
  },
  {
    about,
    name: "callers at once retain each event once",
    async run(opened) {
      const stores = await twoStores(opened);
      const batch = Array.from({ length: 60 }, (_, i) => event({ id: `e-${i}`, subject: `s-${i % 3}`, amount: i }));
      const orders = [batch, [...batch].reverse(), [...batch.slice(30), ...batch.slice(0, 30)], batch];
      await Promise.all(orders.map((each, i) => keep(stores[i % 2]!, each)));
      const lists = await Promise.all([0, 1, 2].map((n) => kept(stores[1], { subject: `s-${n}` })));
      assert.deepEqual(
        lists
          .flat()
          .map((each) => each.id)
          .sort(),
        batch.map((each) => each.id).sort(),
      );
      for (const [n, list] of lists.entries()) {
        assert.equal(list.at(-1)?.value, (await counter(opened.store, { subject: `s-${n}` }))?.value);
      }
    },
  },
  {
    about,
    name: "retained events are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await keep(opened.store, events("a", [1, 2]));
      const before = await kept(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await kept(again), before);
      const [next] = events("b", [3]);
      await keep(again, [next!]);
      assert.deepEqual(await kept(opened.store), [...before, retained(next!, { value: 6, rev: 2, place: 0 })]);
    },
  },
];
