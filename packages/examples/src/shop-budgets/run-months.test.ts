import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type OwnDatabase, ownDatabase } from "../example-process.js";
import { dateIn } from "./calendar.js";
import { openWorld, spendOn, type World, type WorldOptions } from "./months-under-test.js";

const shops = [
  { id: 1, name: "One", online: true },
  { id: 2, name: "Two", online: false },
];
const june = { shop: 1, month: "2020-06", budget: 10_000, spent: 0 };
const july = { ...june, month: "2020-07" };

describe.each(["SQLite", "Postgres"])(
  "months on %s",
  (kind) => {
    let own: OwnDatabase | undefined;
    let world: World;
    beforeEach(async () => {
      own = kind === "Postgres" ? await ownDatabase(inject("databaseUrl")) : undefined;
    });
    afterEach(async () => {
      await world.close();
      await own?.drop();
    });
    const open = async (options: Partial<WorldOptions> = {}) => {
      world = await openWorld({ url: own?.url, shops, ...options });
    };

    const crossed = async () =>
      (await world.crossings()).map(({ subject, period, threshold, limitVersion, state, reachedAt }) =>
        [subject, period.slice(-7), threshold, limitVersion, state, dateIn("UTC", reachedAt)].join(" "),
      );
    const changes = async () =>
      (await world.database.tables.changes()).map(
        ({ shop, at, online, why }) => `${at.toISOString()} ${shop} ${online ? "online" : "offline"}: ${why}`,
      );
    const told = () => world.notifier.sent.map(({ text }) => text);

    test("take a shop offline with the crossing at 100%, and bring it back when the next one begins", async () => {
      await open();
      const spend = spendOn({
        "1/2020-06": [
          [3, 4_999],
          [4, 1],
          [20, 4_999],
          [30, 1],
        ],
        "1/2020-07": [[31, 5_000]],
      });
      await world.run([june, july], { incrementsOf: spend });
      expect(await crossed()).toEqual([
        "1 2020-06 50% 1 announced 2020-06-04",
        "1 2020-06 100% 1 announced 2020-06-30",
        "1 2020-07 50% 2 announced 2020-07-31",
      ]);
      expect(await changes()).toEqual([
        "2020-06-30T12:00:00.000Z 1 offline: 100% of 100.00",
        "2020-07-01T00:00:00.000Z 1 online: a new month",
      ]);
      expect(told()).toEqual([
        "2020-06-04: One has spent 50.00 of its budget of 100.00 for June 2020, 50.00%.",
        "2020-06-30: One has spent 100.00 of its budget of 100.00 for June 2020, 100.00%. It is offline until the budget is raised or the month ends.",
        "2020-07-31: One has spent 50.00 of its budget of 100.00 for July 2020, 50.00%.",
      ]);
    });

    test("record both thresholds that one step passes, and tell the higher one", async () => {
      await open();
      await world.run([june], { incrementsOf: spendOn({ "1/2020-06": [[3, 10_552]] }) });
      expect(await crossed()).toEqual([
        "1 2020-06 50% 1 superseded 2020-06-03",
        "1 2020-06 100% 1 announced 2020-06-03",
      ]);
      expect(told()).toEqual([expect.stringContaining("2020-06-03: One has spent 105.52 of its budget of 100.00")]);
      expect(await changes()).toEqual(["2020-06-03T12:00:00.000Z 1 offline: 100% of 100.00"]);
    });

    test("bring a shop that starts offline online with its first budget", async () => {
      await open();
      await world.run([{ ...june, shop: 2 }], { incrementsOf: spendOn({}) });
      expect(await changes()).toEqual(["2020-06-01T00:00:00.000Z 2 online: budget 100.00"]);
      expect(await crossed()).toEqual([]);
    });

    test("change nothing when they pass again", async () => {
      await open();
      const how = { incrementsOf: spendOn({ "1/2020-06": [[3, 10_000]] }), raises: [{ shop: 1, budget: 12_000 }] };
      await world.run([june, { ...july, shop: 2 }], how);
      const before = [await crossed(), await changes(), told()];
      expect(before[0]).toHaveLength(2);
      await world.run([june, { ...july, shop: 2 }], how);
      expect([await crossed(), await changes(), told()]).toEqual(before);
      expect(await world.milepost.limits.list({ metric: "ad.spend", subject: "1" })).toHaveLength(2);
    });

    test("arm a raised budget again, tell at once what it has passed already, and bring the shop online below 100%", async () => {
      await open();
      const spend = spendOn({
        "1/2020-06": [
          [3, 10_000],
          [25, 4_000],
        ],
      });
      const raises = [
        { shop: 1, budget: 15_000, date: "2020-06-10" },
        { shop: 1, budget: 14_000, date: "2020-06-05" },
      ];
      await world.run([june], { incrementsOf: spend, raises });
      expect(await crossed()).toEqual([
        "1 2020-06 50% 1 superseded 2020-06-03",
        "1 2020-06 100% 1 announced 2020-06-03",
        "1 2020-06 50% 2 announced 2020-06-05",
        "1 2020-06 50% 3 announced 2020-06-10",
      ]);
      expect(await changes()).toEqual([
        "2020-06-03T12:00:00.000Z 1 offline: 100% of 100.00",
        "2020-06-05T00:00:00.000Z 1 online: budget 140.00",
      ]);
      expect(told().slice(1)).toEqual([
        "2020-06-05: One has spent 100.00 of its budget of 140.00 for June 2020, 71.43%.",
        "2020-06-10: One has spent 100.00 of its budget of 150.00 for June 2020, 66.67%.",
      ]);
    });

    test("raise a budget on a day once, and not on one that is over or that no month has", async () => {
      await open();
      const raised = (date: string) => ({ incrementsOf: spendOn({}), raises: [{ shop: 1, budget: 15_000, date }] });
      for (const _ of ["first", "again"]) await world.run([june], raised("2020-06-10"));
      expect(await world.milepost.limits.list({ metric: "ad.spend", subject: "1" })).toHaveLength(2);
      await expect(world.run([june], raised("2020-06-09"))).rejects.toThrow(
        "@2020-06-09: in this database that day is",
      );
      await expect(world.run([june], raised("2020-07-01"))).rejects.toThrow("@2020-07-01: that day is in none of");
    });

    test("leave a shop offline whose raised budget is spent already", async () => {
      await open();
      const raises = [{ shop: 1, budget: 11_000 }];
      await world.run([june], { incrementsOf: spendOn({ "1/2020-06": [[3, 11_000]] }), raises });
      expect((await crossed()).slice(2)).toEqual([
        "1 2020-06 50% 2 superseded 2020-06-30",
        "1 2020-06 100% 2 announced 2020-06-30",
      ]);
      expect(await changes()).toHaveLength(1);
      await expect(world.run([june], { raises: [{ shop: 1, budget: 9_000 }] })).rejects.toThrow(
        "--raise 1:90.00: shop 1 has a budget of 110.00.",
      );
      await expect(world.run([june], { raises: [{ shop: 2, budget: 9_000 }] })).rejects.toThrow("no budget to raise");
    });

    test("remind a shop every few days, with what it has spent by then, until the month ends", async () => {
      await open({ remindDays: 10 });
      await world.run([june, july], {
        incrementsOf: spendOn({
          "1/2020-06": [
            [3, 6_000],
            [20, 1_000],
          ],
        }),
      });
      expect(told()).toEqual([
        "2020-06-03: One has spent 60.00 of its budget of 100.00 for June 2020, 60.00%.",
        "2020-06-13: One has spent 60.00 of its budget of 100.00 for June 2020, 60.00%.",
        "2020-06-23: One has spent 70.00 of its budget of 100.00 for June 2020, 70.00%.",
      ]);
      expect(world.notifier.sent.at(-1)!.subject).toContain("(reminder 2)");
    });

    test("begin and end at the midnight of their zone", async () => {
      await open({ zone: "America/Los_Angeles" });
      // the evening of June 30th there
      const last = { id: "a", shop: 1, cents: 10_000, at: new Date("2020-07-01T06:59:59.999Z") };
      await world.run([june, july], { incrementsOf: ({ month }) => (month === "2020-06" ? [last] : []) });
      expect(await crossed()).toEqual([
        "1 2020-06 50% 1 superseded 2020-07-01",
        "1 2020-06 100% 1 announced 2020-07-01",
      ]);
      expect(told()[0]).toContain("2020-06-30: One has spent");
      expect(await changes()).toEqual([
        "2020-07-01T06:59:59.999Z 1 offline: 100% of 100.00",
        "2020-07-01T07:00:00.000Z 1 online: a new month",
      ]);
    });

    test("go on where they were cut off", async () => {
      await open();
      const spend = spendOn({
        "1/2020-06": [
          [3, 6_000],
          [20, 6_000],
        ],
      });
      const stop = new AbortController();
      const onProgress = () => stop.abort();
      const how = { incrementsOf: spend, signal: stop.signal, onProgress };
      expect(await world.run([june, july], how)).toBe("stopped");
      expect(dateIn("UTC", (await world.database.tables.clock("UTC")).now!)).toBe("2020-06-03");
      expect(told()).toEqual([]);
      expect(await world.run([june, july], { incrementsOf: spend })).toBe("done");
      expect(told()).toHaveLength(2);
      expect(await changes()).toHaveLength(2);
    });
  },
  120_000,
);
