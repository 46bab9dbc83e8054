import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, dueCounter, event, events, record } from "./counter-samples.js";
import { assertRefused, max, twoStores } from "./samples.js";

export const counterOverflowCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an overflow refuses the whole batch and leaves no id, no counter and no trail",
    async run(opened) {
      const { store } = opened;
      await record(store, [event({ id: "full", amount: max, feeds: [birth()] })]);
      const batch = [
        event({ id: "fresh", subject: "fresh", feeds: [birth({ due: true })] }),
        event({ id: "over", amount: 1 }),
        event({ id: "zeta", subject: "zeta" }),
      ];
      await assertRefused(record(store, batch), "counter_overflow");
      await assertRefused(record(store, [...batch].reverse()), "counter_overflow");
      const [, other] = await twoStores(opened);
      assert.deepEqual(await counter(other), { value: max, rev: 1, due: false });
      assert.equal(await counter(other, { subject: "fresh" }), undefined);
      assert.equal(await counter(other, { subject: "zeta" }), undefined);
      const again = await record(other, [batch[0]!, batch[2]!, event({ id: "over", amount: -1 })]);
      assert.deepEqual(again.duplicates, []);
      assert.deepEqual(await counter(other), { value: max - 1, rev: 2, due: false });
    },
  },
  {
    about,
    name: "a value that leaves the safe integers on the way overflows, also when it would return",
    async run({ store }) {
      await record(store, events("top", [max]));
      await assertRefused(record(store, events("up", [1, -1])), "counter_overflow");
      await record(store, events("bottom", [-max], { subject: "low" }));
      await assertRefused(record(store, events("down", [-1, 1], { subject: "low" })), "counter_overflow");
      await assertRefused(record(store, events("born", [max, 1], { subject: "new" })), "counter_overflow");
      assert.equal(await counter(store, { subject: "new" }), undefined);
      assert.deepEqual(await counter(store, { subject: "low" }), { value: -max, rev: 1, due: false });
    },
  },
  {
    about,
    name: "values and amounts at both ends of the safe integers stay exact",
    async run(opened) {
      const feeds = [birth({ below: -max, above: max })];
      await record(opened.store, events("up", [max - 1], { feeds }));
      assert.deepEqual(await counter(opened.store), { value: max - 1, rev: 1, due: false });
      await record(opened.store, events("one", [1], { feeds }));
      await record(opened.store, events("down", [-max, -max], { feeds }));
      const [, other] = await twoStores(opened);
      assert.deepEqual(await counter(other), { value: -max, rev: 3, due: true });
      assert.deepEqual(
        (await dueCounter(other))?.trail.map((trail) => [trail.from, ...trail.amounts]),
        [
          [max - 1, 1],
          [max, -max, -max],
        ],
      );
    },
  },
  {
    about,
    name: "a batch whose amounts add up beyond the safe integers counts exactly, if no value on the way does",
    async run({ store }) {
      await record(store, events("low", [-max]));
      await record(store, events("far", [max, max, -1]));
      assert.deepEqual(await counter(store), { value: max - 1, rev: 2, due: false });
      await record(store, events("back", [-max, 1 - max, 3, -1]));
      assert.deepEqual(await counter(store), { value: 2 - max, rev: 3, due: false });
      await assertRefused(record(store, events("over", [max, max, -max, -max, -2])), "counter_overflow");
    },
  },
];
