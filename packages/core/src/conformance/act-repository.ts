import assert from "node:assert/strict";
import { created } from "./campaign-samples.js";
import type { ConformanceCase } from "./case.js";
import { at, minute, start, twoStores } from "./samples.js";

const about = "acts";
const lane = { tenant: "default", notifier: "mail", paused: true, why: "spring sale" } as const;

export const actCases: readonly ConformanceCase[] = [
  {
    about,
    name: "acts on all things of a tenant are listed in the order they were recorded, page by page",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      await store.lanes.setPaused({ ...lane, by: "ada", now: start });
      await created(other, {}, at(minute));
      await other.lanes.setPaused({ ...lane, by: "bob", paused: false, now: at(2 * minute) });
      await store.lanes.setPaused({ ...lane, by: "ada", tenant: "other", now: start });
      const list = async (query: object) =>
        (await store.acts.list({ tenant: "default", limit: 10, ...query })).map(({ entity, act, by }) => [
          entity,
          act,
          by,
        ]);
      const all = [
        ["lane", "pause", "ada"],
        ["campaign", "create", "ada"],
        ["lane", "resume", "bob"],
      ];
      assert.deepEqual(await list({}), all);
      assert.deepEqual(await list({ entity: "lane" }), [all[0], all[2]]);
      assert.deepEqual(await list({ entity: "lane", entityId: "mail", by: "bob" }), [all[2]]);
      assert.deepEqual(await list({ entity: "lane", entityId: "sms" }), []);
      assert.deepEqual(await list({ by: "ada" }), all.slice(0, 2));
      const [first] = await store.acts.list({ tenant: "default", limit: 1 });
      assert.deepEqual(first, {
        ...{ tenant: "default", number: first!.number, entity: "lane", entityId: "mail", act: "pause" },
        ...{ by: "ada", why: lane.why, at: start },
      });
      assert.deepEqual(await list({ after: first!.number, limit: 1 }), [all[1]]);
      assert.deepEqual(await list({ after: first!.number }), all.slice(1));
    },
  },
];
