import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, counterKey, dueCounter, event, events, record, restless } from "./counter-samples.js";
import { evaluation } from "./crossing-samples.js";
import { at, start, twoStores } from "./samples.js";

export const counterTrailCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a trail row holds only the events of its own counter, in the batch's order",
    async run({ store }) {
      const month = birth({ period: "month:UTC:2026-11", due: true });
      const lifetime = birth({ due: true });
      const batch = [
        event({ id: "z", amount: 5, occurredAt: at(3), feeds: [lifetime, month] }),
        event({ id: "other", amount: 7, subject: "globex", feeds: [lifetime] }),
        event({ id: "a", amount: -2, occurredAt: at(1), feeds: [lifetime] }),
        event({ id: "m", amount: 9, occurredAt: at(2), feeds: [month, lifetime] }),
      ];
      await record(store, batch);
      assert.deepEqual((await dueCounter(store))?.trail, [
        {
          rev: 1,
          generation: 1,
          from: 0,
          limitVersion: null,
          ids: ["z", "a", "m"],
          amounts: [5, -2, 9],
          occurredAts: [at(3), at(1), at(2)],
        },
      ]);
      assert.deepEqual((await dueCounter(store, { period: "month:UTC:2026-11" }))?.trail, [
        {
          rev: 1,
          generation: 1,
          from: 0,
          ids: ["z", "m"],
          limitVersion: null,
          amounts: [5, 9],
          occurredAts: [at(3), at(2)],
        },
      ]);
      assert.deepEqual((await dueCounter(store, { subject: "globex" }))?.trail, [
        { rev: 1, generation: 1, from: 0, ids: ["other"], limitVersion: null, amounts: [7], occurredAts: [start] },
      ]);
    },
  },
  {
    about,
    name: "while a counter is due every batch appends to its trail, also one that moves nothing out of the band",
    async run({ store }) {
      const feeds = [birth({ above: 5 })];
      await record(store, events("a", [1], { feeds }));
      await record(store, events("b", [4], { feeds }));
      await record(store, events("c", [-4], { feeds }));
      await record(store, events("d", [0], { feeds }));
      assert.deepEqual(await dueCounter(store), {
        ...counterKey(),
        folded: 0,
        generation: 1,
        state: {},
        trail: [
          { rev: 2, generation: 1, from: 1, ids: ["b-0"], limitVersion: null, amounts: [4], occurredAts: [at(0)] },
          { rev: 3, generation: 1, from: 5, ids: ["c-0"], limitVersion: null, amounts: [-4], occurredAts: [at(0)] },
          { rev: 4, generation: 1, from: 1, ids: ["d-0"], limitVersion: null, amounts: [0], occurredAts: [at(0)] },
        ],
      });
    },
  },
  {
    about,
    name: "in the band no trail is written: the first row is the batch that left it",
    async run({ store }) {
      const feeds = [birth({ above: 100 })];
      for (let i = 0; i < 5; i++) await record(store, events(`q${i}`, [10], { feeds }));
      assert.equal(await dueCounter(store), undefined);
      await record(store, events("r", [49, 1, -90], { feeds }));
      const due = await dueCounter(store);
      assert.deepEqual(
        due?.trail.map((trail) => [trail.rev, trail.from, trail.amounts]),
        [[6, 50, [49, 1, -90]]],
      );
    },
  },
  {
    about,
    name: "the trails of equal counters in two tenants do not touch each other",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      await record(store, [event({ feeds, amount: 1 }), event({ feeds, amount: 2, tenant: "other" })]);
      await store.crossings.commitEvaluation({ evaluations: [evaluation()] });
      assert.equal(await dueCounter(store), undefined);
      assert.deepEqual((await dueCounter(store, { tenant: "other" }))?.trail, [
        { rev: 1, generation: 1, from: 0, ids: ["evt-1"], limitVersion: null, amounts: [2], occurredAts: [start] },
      ]);
    },
  },
  {
    about,
    name: "many callers at once on one due counter leave the exact total and an unbroken trail",
    async run(opened) {
      const stores = await twoStores(opened);
      await record(opened.store, [event({ id: "first", amount: 0, feeds: [birth(restless)] })]);
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => record(stores[i % 2]!, events(`b${i}`, [1, 2, i]))),
      );
      const total = 40 * 3 + (39 * 40) / 2;
      assert.deepEqual(await counter(opened.store), { value: total, rev: 41, due: true });
      const trail = (await dueCounter(opened.store))!.trail;
      assert.deepEqual(
        trail.map((each) => each.rev),
        Array.from({ length: 41 }, (_, i) => i + 1),
      );
      let value = 0;
      for (const each of trail) {
        assert.equal(each.from, value);
        value = each.amounts.reduce((sum, amount) => sum + amount, value);
      }
      assert.equal(value, total);
      const revs = answers.map((answer) => answer.counters[0]!.rev).sort((a, b) => a - b);
      assert.deepEqual(
        revs,
        Array.from({ length: 40 }, (_, i) => i + 2),
      );
    },
  },
];
