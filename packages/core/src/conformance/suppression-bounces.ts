import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { queued } from "./notification-samples.js";
import { at, start, twoStores } from "./samples.js";
import {
  about,
  act,
  acts,
  ada,
  assertStates,
  bouncing,
  releasing,
  suppressing,
  suppression,
  suppressions,
  toAda,
} from "./suppression-samples.js";

const counted = (bounces: number) => ({ bounces, suppression: null, stopped: 0 });
const bounce = (store: Store, fields: Parameters<typeof bouncing>[0] = {}) =>
  store.suppressions.bounced(bouncing(fields));

/** Soft bounces in a row. */
export const suppressionBounceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "the last of so many soft bounces in a row forbids the address everything, and the count begins anew",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await queued(one, [toAda("of-any-scope", { scope: "news" })]);
      assert.deepEqual(await bounce(one), counted(1));
      assert.deepEqual(await bounce(two, { now: at(1000) }), counted(2));
      assert.deepEqual([await suppressions(one), await acts(one)], [[], []]);
      await assertStates(one, { "of-any-scope": "pending" });
      const stored = suppression({ reason: "soft_bounces", detail: "452 still full", by: "smtp", at: at(2000) });
      const third = { now: at(2000), by: "smtp", why: "it bounced", detail: "452 still full" };
      assert.deepEqual(await bounce(one, third), { bounces: 3, suppression: stored, stopped: 1 });
      assert.deepEqual(await suppressions(two), [stored]);
      assert.deepEqual(await acts(two), [act({ by: "smtp", why: "it bounced", at: at(2000) })]);
      await assertStates(two, { "of-any-scope": "suppressed" });
      const next = { bounces: 1, suppression: stored, stopped: 0 };
      assert.deepEqual(await bounce(two, { now: at(2001) }), next);
    },
  },
  {
    about,
    name: "a bounce after a longer gap begins a new row, one at its end does not",
    async run({ store }) {
      const counts: number[] = [];
      for (const time of [0, 1000, 2001, 3001, 3500]) {
        counts.push((await bounce(store, { limit: 9, now: at(time) })).bounces);
      }
      assert.deepEqual(counts, [1, 2, 1, 2, 3]);
    },
  },
  {
    about,
    name: "bounces are counted address by address, tenant by tenant, whatever limit each bounce names",
    async run({ store }) {
      assert.deepEqual(await bounce(store), counted(1));
      assert.deepEqual(await bounce(store, { tenant: "other" }), counted(1));
      assert.deepEqual(await bounce(store, { recipientKey: "max@example.com" }), counted(1));
      assert.deepEqual(await bounce(store, { limit: 9 }), counted(2));
      assert.equal((await bounce(store, { limit: 2 })).suppression?.reason, "soft_bounces");
      assert.equal((await bounce(store, { limit: 1, recipientKey: "eve@example.com" })).bounces, 1);
      assert.deepEqual(
        (await suppressions(store)).map(({ recipientKey }) => recipientKey),
        [ada, "eve@example.com"],
      );
      assert.deepEqual(await suppressions(store, "other"), []);
    },
  },
  {
    about,
    name: "bounces of an address that is forbidden already keep the heavier reason",
    async run({ store }) {
      await store.suppressions.add(suppressing({ reason: "unsubscribed" }));
      const answer = await bounce(store, { limit: 1 });
      assert.deepEqual(answer, { bounces: 1, suppression: suppression({ reason: "unsubscribed" }), stopped: 0 });
      assert.equal((await acts(store)).length, 2);
    },
  },
  {
    about,
    name: "a bounce answers the suppression of everything that stands, and none of a scope",
    async run({ store }) {
      await store.suppressions.add(suppressing({ scope: "news" }));
      await store.suppressions.add(suppressing({ tenant: "other", reason: "complaint" }));
      assert.deepEqual(await bounce(store), counted(1));
      await store.suppressions.add(suppressing({ reason: "hard_bounce" }));
      const standing = suppression({ reason: "hard_bounce" });
      assert.deepEqual(await bounce(store), { bounces: 2, suppression: standing, stopped: 0 });
      assert.equal((await acts(store)).length, 2);
    },
  },
  {
    about,
    name: "a release forgets the bounces; of an address that was not forbidden it forgets none",
    async run({ store }) {
      await bounce(store);
      assert.equal(await store.suppressions.release(releasing()), false);
      assert.deepEqual(await bounce(store), counted(2));
      await store.suppressions.add(suppressing({ scope: "news" }));
      assert.equal(await store.suppressions.release(releasing({ scope: "news" })), true);
      assert.deepEqual(await bounce(store), counted(1));
    },
  },
  {
    about,
    name: "bounces at once are counted one by one: each limit is reached once",
    async run(opened) {
      const stores = await twoStores(opened);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => bounce(stores[i % 2]!, { limit: 10, now: start, why: `${i}` })),
      );
      const counts = answers.map(({ bounces }) => bounces).sort((a, b) => a - b);
      assert.deepEqual(counts, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10]);
      assert.equal(answers.filter(({ suppression: forbidden }) => forbidden === null).length, 9);
      assert.equal((await acts(opened.store)).length, 2);
    },
  },
];
