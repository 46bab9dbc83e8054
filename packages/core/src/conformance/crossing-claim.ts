import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  announcement,
  claim,
  crossed,
  crossing,
  due,
  evaluation,
  giveBack,
  listed,
  milestones,
  stored,
} from "./crossing-samples.js";
import { assertOwnClock, at, minute, start, twoStores } from "./samples.js";

export const crossingClaimCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a claim leases pending crossings with a new fence and one more attempt",
    async run(opened) {
      const { store } = opened;
      await crossed(store, [crossing()]);
      const leases = await store.crossings.claim({ milestones, limit: 10, lease: minute, now: start });
      const leasedRow = stored(crossing(), { attempts: 1, state: "leased" });
      assert.deepEqual(leases, [{ ...leasedRow, fence: 1 }]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [leasedRow]);
      assert.deepEqual(await claim(other), []);
    },
  },
  {
    about,
    name: "a claim takes the oldest first, at most limit",
    async run({ store }) {
      const ids = ["d", "c", "b", "a"];
      for (const [i, id] of ids.entries()) await crossed(store, [crossing({ id, threshold: id })], at(i * 10));
      assert.deepEqual(await claim(store, at(100), 3), ["d", "c", "b"]);
      assert.deepEqual(await claim(store, at(100), 3), ["a"]);
      assert.deepEqual(await claim(store, at(100), 3), []);
    },
  },
  {
    about,
    name: "a claim keeps to the milestones it is given",
    async run({ store }) {
      const names = ["a", "b", "c"];
      await crossed(
        store,
        names.map((milestone) => crossing({ id: milestone, milestone })),
      );
      const take = async (wanted: readonly string[]) =>
        (await store.crossings.claim({ milestones: wanted, limit: 10, lease: minute, now: start })).map((c) => c.id);
      assert.deepEqual(await take([]), []);
      assert.deepEqual(await take(["nothing"]), []);
      assert.deepEqual((await take(["a", "c"])).sort(), ["a", "c"]);
      assert.deepEqual(await take(names), ["b"]);
    },
  },
  {
    about,
    name: "a crossing is not claimed before its time",
    async run({ store }) {
      await crossed(store, [crossing()], at(1000));
      assert.deepEqual(await claim(store, at(999)), []);
      assert.deepEqual(await claim(store, at(1000)), ["cro-1"]);
    },
  },
  {
    about,
    name: "a lease that is over may be claimed anew, with a higher fence, and not before",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      assert.deepEqual(await claim(store, at(minute - 1)), []);
      const [again] = await store.crossings.claim({ milestones, limit: 10, lease: minute, now: at(minute) });
      assert.deepEqual([again?.fence, again?.attempts, again?.state], [2, 2, "leased"]);
      assert.deepEqual(await claim(store, at(2 * minute - 1)), []);
      assert.deepEqual(await store.crossings.announce(announcement({ fence: 1, now: at(minute) })), {
        result: "lost",
        notifications: 0,
      });
      assert.equal(await store.crossings.release(giveBack({ fence: 1, now: at(minute) })), false);
      assert.deepEqual((await listed(store))[0]?.state, "leased");
      assert.equal(await store.crossings.release(giveBack({ fence: 2, now: at(minute) })), true);
    },
  },
  {
    about,
    name: "callers at once never get the same crossing",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 5; round++) {
        const milestone = `round-${round}`;
        const crossings = Array.from({ length: 40 }, (_, i) =>
          crossing({ id: `${milestone}-${i}`, milestone, threshold: String(i), subject: milestone }),
        );
        await due(opened.store, milestone, milestone);
        const evaluations = [evaluation({ subject: milestone, crossings })];
        await opened.store.crossings.commitEvaluation({ evaluations, now: start });
        const take = { milestones: [milestone], limit: 30, lease: minute, now: start };
        const got = await Promise.all(Array.from({ length: 8 }, (_, i) => stores[i % 2]!.crossings.claim(take)));
        const ids = [...got.flat(), ...(await opened.store.crossings.claim({ ...take, limit: 100 }))].map(
          (each) => each.id,
        );
        assert.equal(new Set(ids).size, ids.length, "nobody got one twice");
        assert.deepEqual(ids.sort(), crossings.map((each) => each.id).sort());
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides creation, claim and lease",
    async run({ store }) {
      await due(store);
      await assertOwnClock(async () => {
        await store.crossings.commitEvaluation({ evaluations: [evaluation({ crossings: [crossing()] })] });
        return (await listed(store))[0]!.createdAt;
      });
      const input = { milestones, limit: 1, lease: minute };
      assert.equal((await store.crossings.claim(input)).length, 1);
      assert.equal((await store.crossings.claim(input)).length, 0);
      const release = giveBack({ retryIn: minute });
      const { now: _, ...byOwnClock } = release;
      assert.equal(await store.crossings.release(byOwnClock), true);
      assert.equal((await store.crossings.claim(input)).length, 0);
    },
  },
];
