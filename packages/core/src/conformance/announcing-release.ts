import assert from "node:assert/strict";
import type { Announced } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { milestones } from "./crossing-samples.js";
import { at, minute, start, twoStores } from "./samples.js";

/** Giving back what was claimed. */
export function releaseCases(of: Announced): readonly ConformanceCase[] {
  const { about, noun } = of;
  return [
    {
      about,
      name: `a released ${noun} waits for its retry, keeps the detail and no reason`,
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const input = of.giveBack({
          retryIn: 500,
          reason: "resolver_failed",
          detail: "é: timeout",
          now: at(1000),
        });
        assert.equal(await of.steps(store).release(input), true);
        assert.deepEqual(await of.listed(store), [of.stored({}, { attempts: 1, detail: "é: timeout" })]);
        assert.equal(await of.steps(store).release(input), false, "a repeat does nothing");
        assert.deepEqual(await of.claim(store, at(1499)), []);
        const [again] = await of.steps(store).claim({ milestones, limit: 1, lease: minute, now: at(1500) });
        assert.deepEqual([again?.fence, again?.attempts], [2, 2]);
      },
    },
    {
      about,
      name: "a refund takes back the claim's attempt, not its fence",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        assert.equal(await of.steps(store).release(of.giveBack({ refund: true })), true);
        assert.deepEqual(await of.listed(store), [of.stored()]);
        const [again] = await of.steps(store).claim({ milestones, limit: 1, lease: minute, now: start });
        assert.deepEqual([again?.fence, again?.attempts], [2, 1]);
      },
    },
    {
      about,
      name: `a ${noun} that is given up is failed for good, with reason and detail`,
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        const input = of.giveBack({ to: "failed", reason: "resolver_failed", detail: "gone" });
        assert.equal(await of.steps(store).release(input), true);
        const end = { state: "failed", reason: "resolver_failed", detail: "gone", attempts: 1 } as const;
        assert.deepEqual(await of.listed(store), [of.stored({}, end)]);
        assert.deepEqual(await of.claim(store, at(1000 * minute)), []);
        assert.equal(await of.steps(store).release(of.giveBack()), false);
      },
    },
    {
      about,
      name: "an announcement clears the detail of an earlier failure",
      async run({ store }) {
        await of.arise(store);
        await of.claim(store);
        await of.steps(store).release(of.giveBack({ detail: "timeout" }));
        await of.claim(store);
        await of.steps(store).announce(of.announcement({ fence: 2, notifications: [of.notification()] }));
        const end = { state: "announced", attempts: 2, notifications: 1 } as const;
        assert.deepEqual(await of.listed(store), [of.stored({}, end)]);
      },
    },
    {
      about,
      name: "only the holder of the lease can release: another fence, id or tenant changes nothing",
      async run({ store }) {
        await of.arise(store);
        assert.equal(await of.steps(store).release(of.giveBack({ fence: 0 })), false);
        await of.claim(store);
        for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
          assert.equal(await of.steps(store).release(of.giveBack({ ...wrong, to: "failed", reason: "silent" })), false);
        }
        assert.deepEqual(await of.listed(store), [of.stored({}, { state: "leased", attempts: 1 })]);
      },
    },
    {
      about,
      name: "of releases at once under one fence one does it",
      async run(opened) {
        const stores = await twoStores(opened);
        for (let round = 0; round < 8; round++) {
          const id = `cro-${round}`;
          await of.arise(opened.store, [{ id }]);
          await of.claim(opened.store);
          const back = of.giveBack({ id, refund: true, retryIn: minute });
          const answers = await Promise.all([0, 1, 2, 3].map((n) => of.steps(stores[n % 2]!).release(back)));
          assert.deepEqual(answers.sort(), [false, false, false, true]);
          const found = (await of.listed(opened.store)).find((each) => each.id === id);
          assert.equal(found?.attempts, 0);
        }
      },
    },
  ];
}
