import assert from "node:assert/strict";
import type { Notice } from "../milestone/notice.js";
import type { NoticeRepository } from "../store/notice-repository.js";
import {
  announcedCrossing,
  announcedNotice,
  evaluated,
  listedNotices,
  notice,
  storedNotice,
} from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { awkwardKeys, bytewise, everyPage, start, twoStores } from "./samples.js";

const { about, arise, claim, announcement, giveBack, notifications } = announcedNotice;

export const noticeListCases: readonly ConformanceCase[] = [
  {
    about,
    name: "notices are listed bytewise by id, page by page, under any key",
    async run(opened) {
      const notices = awkwardKeys.map((key) => notice({ id: key, crossing: key, milestone: key }));
      await evaluated(opened.store, { id: "evt", notices });
      const [, other] = await twoStores(opened);
      const paged = await everyPage(5, (last: Notice | undefined, limit) =>
        other.notices.list({ tenant: "default", limit, ...(last && { after: last.id }) }),
      );
      const byId = new Map(notices.map((each) => [each.id, storedNotice(each)]));
      assert.deepEqual(
        paged,
        bytewise(awkwardKeys).map((id) => byId.get(id)),
      );
      for (const key of awkwardKeys) {
        const found = await other.notices.list({ tenant: "default", crossings: [key], milestone: key, limit: 10 });
        assert.deepEqual(
          found.map((each) => each.id),
          [key],
        );
      }
    },
  },
  {
    about,
    name: "a list of notices keeps to every filter it is given",
    async run({ store }) {
      await evaluated(store, {
        id: "evt",
        notices: [
          notice({ id: "1", crossing: "c1" }),
          notice({ id: "2", crossing: "c1", number: 2 }),
          notice({ id: "3", crossing: "c2", milestone: "budget" }),
        ],
      });
      await arise(store, [{ id: "4", tenant: "other" }]);
      type Filter = Omit<Parameters<NoticeRepository["list"]>[0], "tenant" | "limit">;
      const ids = async (filter: Filter) =>
        (await store.notices.list({ tenant: "default", limit: 10, ...filter })).map((each) => each.id).join("");
      assert.equal(await ids({}), "123");
      assert.equal(await ids({ crossings: ["c1", "nothing"] }), "12");
      assert.equal(await ids({ crossings: [] }), "");
      assert.equal(await ids({ milestone: "budget" }), "3");
      assert.equal(await ids({ crossings: ["c1"], milestone: "budget" }), "");
      assert.equal(await ids({ crossings: ["c1", "c2"], after: "1" }), "23");
      assert.equal(await ids({ ids: ["1", "3", "4", "5"] }), "13");
      assert.equal(await ids({ ids: [], milestone: "budget" }), "");
      assert.deepEqual(await store.notices.list({ tenant: "nobody", limit: 10 }), []);
    },
  },
  {
    about,
    name: "a crossing and a notice of one id are announced apart, to the same recipients",
    async run({ store }) {
      const both = [announcedCrossing, announcedNotice];
      for (const [i, of] of both.entries()) {
        await of.arise(store, [{ id: "same" }]);
        assert.deepEqual(await of.claim(store), ["same"]);
        const source = of.source("same");
        const given = of.notifications(2 - i, { source }).map((each) => ({ ...each, id: `${of.noun}-${each.id}` }));
        const input = of.announcement({ id: "same", notifications: given });
        assert.deepEqual(await of.steps(store).announce(input), { result: "announced", notifications: 2 - i });
        const rows = await store.notifications.list({ tenant: "default", source, limit: 10 });
        assert.deepEqual(
          rows.map((each) => [each.id, each.source]),
          given.map((each) => [each.id, source]),
        );
      }
    },
  },
  {
    about,
    name: "notices, leases and fences are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      await arise(opened.store, [{ id: "not-1" }, { id: "not-2" }, { id: "not-3" }]);
      await claim(opened.store, start, 1);
      await opened.store.notices.announce(announcement({ notifications: notifications(1), last: false }));
      const before = await listedNotices(opened.store);
      const again = await opened.reopen!();
      assert.deepEqual(await listedNotices(again), before);
      assert.equal((await claim(again)).length, 2);
      assert.equal(await again.notices.release(giveBack()), true);
    },
  },
];
