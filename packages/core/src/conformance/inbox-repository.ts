import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import { inboxDrainCases } from "./inbox-drain.js";
import { inboxEnqueueCases } from "./inbox-enqueue.js";
import { inboxRefuseCases } from "./inbox-refuse.js";
import { about, hosted, ids, inboxEvent, refusedRows, waiting } from "./inbox-samples.js";
import { assertRefused } from "./samples.js";

export const inboxCases: readonly ConformanceCase[] = [
  {
    about,
    name: "supports.hostTransactions says whether a host's transaction can record; where not, it is refused and nothing waits",
    async run(opened) {
      const { store } = opened;
      if (store.supports.hostTransactions) {
        await hosted(opened, [inboxEvent()]);
        assert.deepEqual(ids(await waiting(store)), ["evt-1"]);
        return;
      }
      assert.equal(opened.hostTransaction, undefined);
      const recording = async () => store.inbox.enqueue({} as never, [inboxEvent()]);
      await assertRefused(recording(), "unsupported");
      const nothing = { stale: [], duplicates: [], counters: [] };
      assert.deepEqual(await store.counters.add({ events: [], rules: {}, drained: [1] }), nothing);
      await store.inbox.refuse({ number: 1, code: "x", message: "x" });
      assert.equal(await store.inbox.retry({ tenant: "default", by: "ada", why: "asked" }), 0);
      assert.deepEqual([await waiting(store), await refusedRows(store)], [[], []]);
    },
  },
  ...inboxEnqueueCases,
  ...inboxDrainCases,
  ...inboxRefuseCases,
];
