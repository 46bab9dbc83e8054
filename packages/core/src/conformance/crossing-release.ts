import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.js";
import {
  about,
  announcement,
  claim,
  crossed,
  crossing,
  giveBack,
  listed,
  milestones,
  stored,
} from "./crossing-samples.js";
import { notification } from "./notification-samples.js";
import { at, minute, start, twoStores } from "./samples.js";

export const crossingReleaseCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a released crossing waits for its retry, keeps the detail and no reason",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = giveBack({
        retryIn: 500,
        reason: "resolver_failed",
        detail: "é: timeout",
        now: at(1000),
      });
      assert.equal(await store.crossings.release(input), true);
      assert.deepEqual(await listed(store), [stored(crossing(), { attempts: 1, detail: "é: timeout" })]);
      assert.equal(await store.crossings.release(input), false, "a repeat does nothing");
      assert.deepEqual(await claim(store, at(1499)), []);
      const [again] = await store.crossings.claim({ milestones, limit: 1, lease: minute, now: at(1500) });
      assert.deepEqual([again?.fence, again?.attempts], [2, 2]);
    },
  },
  {
    about,
    name: "a refund takes back the claim's attempt, not its fence",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      assert.equal(await store.crossings.release(giveBack({ refund: true })), true);
      assert.deepEqual(await listed(store), [stored(crossing())]);
      const [again] = await store.crossings.claim({ milestones, limit: 1, lease: minute, now: start });
      assert.deepEqual([again?.fence, again?.attempts], [2, 1]);
    },
  },
  {
    about,
    name: "a crossing that is given up is failed for good, with reason and detail",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      const input = giveBack({ to: "failed", reason: "resolver_failed", detail: "gone" });
      assert.equal(await store.crossings.release(input), true);
      const end = { state: "failed", reason: "resolver_failed", detail: "gone", attempts: 1 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), end)]);
      assert.deepEqual(await claim(store, at(1000 * minute)), []);
      assert.equal(await store.crossings.release(giveBack()), false);
    },
  },
  {
    about,
    name: "an announcement clears the detail of an earlier failure",
    async run({ store }) {
      await crossed(store, [crossing()]);
      await claim(store);
      await store.crossings.release(giveBack({ detail: "timeout" }));
      await claim(store);
      await store.crossings.announce(announcement({ fence: 2, notifications: [notification()] }));
      const end = { state: "announced", attempts: 2, notifications: 1 } as const;
      assert.deepEqual(await listed(store), [stored(crossing(), end)]);
    },
  },
  {
    about,
    name: "only the holder of the lease can release: another fence, id or tenant changes nothing",
    async run({ store }) {
      await crossed(store, [crossing()]);
      assert.equal(await store.crossings.release(giveBack({ fence: 0 })), false);
      await claim(store);
      for (const wrong of [{ fence: 0 }, { fence: 2 }, { id: "nothing" }, { tenant: "other" }]) {
        assert.equal(await store.crossings.release(giveBack({ ...wrong, to: "failed", reason: "silent" })), false);
      }
      assert.deepEqual(await listed(store), [stored(crossing(), { state: "leased", attempts: 1 })]);
    },
  },
  {
    about,
    name: "of releases at once under one fence one does it",
    async run(opened) {
      const stores = await twoStores(opened);
      for (let round = 0; round < 8; round++) {
        const id = `cro-${round}`;
        await crossed(opened.store, [crossing({ id, threshold: id })]);
        await claim(opened.store);
        const back = giveBack({ id, refund: true, retryIn: minute });
        const answers = await Promise.all([0, 1, 2, 3].map((n) => stores[n % 2]!.crossings.release(back)));
        assert.deepEqual(answers.sort(), [false, false, false, true]);
        const found = (await listed(opened.store)).find((each) => each.id === id);
        assert.equal(found?.attempts, 0);
      }
    },
  },
];
