import assert from "node:assert/strict";
import type { CounterState } from "../store/counter-repository.js";
import type { ConformanceCase } from "./case.js";
import { about, birth, counter, counterKey, dueCounter, event, events, record, sorted } from "./counter-samples.js";
import { bytewise, everyPage } from "./samples.js";

export const counterListCases: readonly ConformanceCase[] = [
  {
    about,
    name: "get answers the counters that exist, for keys in any order",
    async run({ store }) {
      await record(store, [event(), event({ id: "evt-2", subject: "globex" }), event({ tenant: "other" })]);
      const keys = [
        counterKey({ subject: "nobody" }),
        counterKey({ subject: "globex" }),
        counterKey({ period: "day:UTC:2026-11-05" }),
        counterKey(),
        counterKey({ metric: "nothing" }),
      ];
      const found = await store.counters.get({ keys });
      assert.deepEqual(
        sorted(found),
        [counterKey(), counterKey({ subject: "globex" })].map((key) => ({
          ...key,
          value: 1,
          rev: 1,
          due: false,
        })),
      );
      assert.deepEqual(sorted(await store.counters.get({ keys: [...keys].reverse() })), sorted(found));
    },
  },
  {
    about,
    name: "list answers a tenant's counters bytewise by metric, subject and period, page by page",
    async run({ store }) {
      const keys = ["a", "Z", "ä", "\uff5e", "\uffff", "\u{1f389}", "a b", "a%"];
      const batch = keys.flatMap((metric) =>
        keys.slice(0, 6).map((subject) =>
          event({
            metric,
            subject,
            id: subject,
            feeds: keys.slice(3, 6).map((period) => birth({ period })),
          }),
        ),
      );
      await record(store, batch);
      await record(store, [event({ tenant: "other" })]);
      const expected = bytewise(keys).flatMap((metric) =>
        bytewise(keys.slice(0, 6)).flatMap((subject) =>
          bytewise(keys.slice(3, 6)).map((period) => ({
            ...counterKey({ metric, subject, period }),
            value: 1,
            rev: 1,
            due: false,
          })),
        ),
      );
      assert.deepEqual(await store.counters.list({ tenant: "default", limit: 1000 }), expected);
      const paged = await everyPage(7, (last: CounterState | undefined, limit) => {
        const after = last && { metric: last.metric, subject: last.subject, period: last.period };
        return store.counters.list({ tenant: "default", limit, ...(after && { after }) });
      });
      assert.deepEqual(paged, expected);
    },
  },
  {
    about,
    name: "list keeps to the metric and subject it is asked for",
    async run({ store }) {
      await record(store, [
        event({ feeds: [birth(), birth({ period: "day" })] }),
        event({ id: "evt-2", subject: "globex" }),
        event({ metric: "ad.spend" }),
        event({ tenant: "other" }),
      ]);
      const tenant = "default";
      const listed = async (filter: { metric?: string; subject?: string }) =>
        (await store.counters.list({ tenant, ...filter, limit: 10 })).map((c) => [c.metric, c.subject, c.period]);
      assert.deepEqual(await listed({ metric: "ad.spend" }), [["ad.spend", "acme", "lifetime"]]);
      assert.deepEqual(await listed({ subject: "globex" }), [["email.delivered", "globex", "lifetime"]]);
      assert.deepEqual(await listed({ metric: "email.delivered", subject: "acme" }), [
        ["email.delivered", "acme", "day"],
        ["email.delivered", "acme", "lifetime"],
      ]);
      assert.deepEqual(await listed({ metric: "ad.spend", subject: "globex" }), []);
      assert.deepEqual(await store.counters.list({ tenant: "nobody", limit: 10 }), []);
    },
  },
  {
    about,
    name: "events, counters and trails are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      const feeds = [birth({ above: 3 })];
      await record(opened.store, events("a", [1, 2], { feeds }));
      const before = await dueCounter(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await dueCounter(again), before);
      assert.deepEqual((await record(again, events("a", [1, 2, 3], { feeds }))).duplicates, [0, 1]);
      assert.deepEqual(await counter(again), { value: 6, rev: 2, due: true });
    },
  },
];
