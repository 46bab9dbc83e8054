import assert from "node:assert/strict";
import type { Crossing } from "../milestone/crossing.js";
import type { CrossingRepository } from "../store/crossing-repository.js";
import type { ConformanceCase } from "./case.js";
import { about, claim, crossed, crossing, giveBack, listed, stored } from "./crossing-samples.js";
import { awkwardKeys, bytewise, everyPage, start, twoStores } from "./samples.js";

export const crossingListCases: readonly ConformanceCase[] = [
  {
    about,
    name: "crossings are listed bytewise by id, page by page, under any key",
    async run(opened) {
      const crossings = awkwardKeys.map((key) =>
        crossing({ id: key, subject: key, period: key, milestone: key, threshold: key, eventId: key }),
      );
      await crossed(opened.store, crossings);
      const [, other] = await twoStores(opened);
      const paged = await everyPage(5, (last: Crossing | undefined, limit) =>
        other.crossings.list({ tenant: "default", limit, ...(last && { after: last.id }) }),
      );
      const byId = new Map(crossings.map((each) => [each.id, stored(each)]));
      assert.deepEqual(
        paged,
        bytewise(awkwardKeys).map((id) => byId.get(id)),
      );
      for (const key of awkwardKeys) {
        const filter = { subject: key, milestone: key, period: key, ids: [key], eventIds: [key] };
        const found = await other.crossings.list({ tenant: "default", ...filter, limit: 10 });
        assert.deepEqual(
          found.map((each) => each.id),
          [key],
        );
      }
    },
  },
  {
    about,
    name: "a list keeps to every filter it is given",
    async run({ store }) {
      await crossed(store, [
        crossing({ id: "1", eventId: "e1" }),
        crossing({ id: "2", eventId: "e2", threshold: "2000", state: "silent" }),
        crossing({ id: "3", eventId: "e3", subject: "globex" }),
        crossing({ id: "4", eventId: "e1", metric: "ad.spend", milestone: "budget" }),
        crossing({ id: "5", eventId: "e1", tenant: "other" }),
      ]);
      type Filter = Omit<Parameters<CrossingRepository["list"]>[0], "tenant" | "limit">;
      const ids = async (filter: Filter) =>
        (await store.crossings.list({ tenant: "default", limit: 10, ...filter })).map((each) => each.id).join("");
      assert.equal(await ids({}), "1234");
      assert.equal(await ids({ subject: "acme" }), "124");
      assert.equal(await ids({ milestone: "budget" }), "4");
      assert.equal(await ids({ metric: "email.delivered" }), "123");
      assert.equal(await ids({ period: "lifetime" }), "1234");
      assert.equal(await ids({ period: "month:UTC:2026-11" }), "");
      assert.equal(await ids({ ids: ["2", "4", "5", "nothing"] }), "24");
      assert.equal(await ids({ ids: [], subject: "acme" }), "");
      assert.equal(await ids({ eventIds: ["e1", "e3", "nothing"] }), "134");
      assert.equal(await ids({ eventIds: [] }), "");
      assert.equal(await ids({ states: ["silent", "announced"] }), "2");
      assert.equal(await ids({ states: [] }), "");
      assert.equal(await ids({ subject: "acme", metric: "email.delivered", states: ["pending"] }), "1");
      assert.equal(await ids({ after: "2" }), "34");
      assert.equal(await ids({ after: "1", eventIds: ["e1"], subject: "acme" }), "4");
      assert.deepEqual(await store.crossings.list({ tenant: "nobody", limit: 10 }), []);
      const eventIds = Array.from({ length: 2000 }, (_, i) => `e${i}`);
      assert.equal(await ids({ eventIds }), "1234");
    },
  },
  {
    about,
    name: "crossings, leases and fences are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await crossed(opened.store, [crossing(), crossing({ id: "cro-2", threshold: "2" })]);
      await claim(opened.store, start, 1);
      const before = await listed(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await listed(again), before);
      assert.equal((await claim(again)).length, 1);
      const [leased] = before.filter((each) => each.state === "leased");
      assert.equal(await again.crossings.release(giveBack({ id: leased!.id })), true);
    },
  },
];
