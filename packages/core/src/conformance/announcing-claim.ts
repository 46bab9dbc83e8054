import assert from "node:assert/strict";
import type { Announced } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { milestones } from "./crossing-samples.js";
import { assertOwnClock, at, minute, start, twoStores } from "./samples.js";

/** Claiming what is to be announced. */
export function claimCases(of: Announced): readonly ConformanceCase[] {
  const { about, noun } = of;
  return [
    {
      about,
      name: `a claim leases pending ${noun}s with a new fence and one more attempt`,
      async run(opened) {
        const { store } = opened;
        await of.arise(store);
        const leases = await of.steps(store).claim({ milestones, limit: 10, lease: minute, now: start });
        const leasedRow = of.stored({}, { attempts: 1, state: "leased" });
        assert.deepEqual(leases, [{ ...leasedRow, fence: 1 }]);
        const [, other] = await twoStores(opened);
        assert.deepEqual(await of.listed(other), [leasedRow]);
        assert.deepEqual(await of.claim(other), []);
      },
    },
    {
      about,
      name: "a claim takes the oldest first, at most limit",
      async run({ store }) {
        const ids = ["d", "c", "b", "a"];
        for (const [i, id] of ids.entries()) await of.arise(store, [{ id }], at(i * 10));
        assert.deepEqual(await of.claim(store, at(100), 3), ["d", "c", "b"]);
        assert.deepEqual(await of.claim(store, at(100), 3), ["a"]);
        assert.deepEqual(await of.claim(store, at(100), 3), []);
      },
    },
    {
      about,
      name: "a claim keeps to the milestones it is given",
      async run({ store }) {
        const names = ["a", "b", "c"];
        await of.arise(
          store,
          names.map((milestone) => ({ id: milestone, milestone })),
        );
        const take = async (wanted: readonly string[]) =>
          (await of.steps(store).claim({ milestones: wanted, limit: 10, lease: minute, now: start })).map((c) => c.id);
        assert.deepEqual(await take([]), []);
        assert.deepEqual(await take(["nothing"]), []);
        assert.deepEqual((await take(["a", "c"])).sort(), ["a", "c"]);
        assert.deepEqual(await take(names), ["b"]);
      },
    },
    {
      about,
      name: `a ${noun} is not claimed before its time`,
      async run({ store }) {
        await of.arise(store, [{}], at(1000));
        assert.deepEqual(await of.claim(store, at(999)), []);
        assert.deepEqual(await of.claim(store, at(1000)), [of.id]);
      },
    },
    {
      about,
      name: "a lease that is over may be claimed anew, with a higher fence, and not before",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        assert.deepEqual(await of.claim(store, at(minute - 1)), []);
        const [again] = await of.steps(store).claim({ milestones, limit: 10, lease: minute, now: at(minute) });
        assert.deepEqual([again?.fence, again?.attempts, again?.state], [2, 2, "leased"]);
        assert.deepEqual(await of.claim(store, at(2 * minute - 1)), []);
        assert.deepEqual(await of.steps(store).announce(of.announcement({ fence: 1, now: at(minute) })), {
          result: "lost",
          notifications: 0,
        });
        assert.equal(await of.steps(store).release(of.giveBack({ fence: 1, now: at(minute) })), false);
        assert.deepEqual((await of.listed(store))[0]?.state, "leased");
        assert.equal(await of.steps(store).release(of.giveBack({ fence: 2, now: at(minute) })), true);
      },
    },
    {
      about,
      name: `callers at once never get the same ${noun}`,
      async run(opened) {
        const stores = await twoStores(opened);
        for (let round = 0; round < 5; round++) {
          const milestone = `round-${round}`;
          const rows = Array.from({ length: 40 }, (_, i) => ({ id: `${milestone}-${i}`, milestone }));
          await of.arise(opened.store, rows);
          const take = { milestones: [milestone], limit: 30, lease: minute, now: start };
          const got = await Promise.all(Array.from({ length: 8 }, (_, i) => of.steps(stores[i % 2]!).claim(take)));
          const ids = [...got.flat(), ...(await of.steps(opened.store).claim({ ...take, limit: 100 }))].map(
            (each) => each.id,
          );
          assert.equal(new Set(ids).size, ids.length, "nobody got one twice");
          assert.deepEqual(ids.sort(), rows.map((each) => each.id).sort());
        }
      },
    },
    {
      about,
      name: "without a given time the store's own clock decides creation, claim and lease",
      async run({ store }) {
        await assertOwnClock(async () => {
          await of.arise(store, [{}], null);
          return (await of.listed(store))[0]!.createdAt;
        });
        const input = { milestones, limit: 1, lease: minute };
        assert.equal((await of.steps(store).claim(input)).length, 1);
        assert.equal((await of.steps(store).claim(input)).length, 0);
        const release = of.giveBack({ retryIn: minute });
        const { now: _, ...byOwnClock } = release;
        assert.equal(await of.steps(store).release(byOwnClock), true);
        assert.equal((await of.steps(store).claim(input)).length, 0);
      },
    },
  ];
}
