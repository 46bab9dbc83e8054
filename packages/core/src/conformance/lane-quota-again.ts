import assert from "node:assert/strict";
import type { Lane } from "../delivery/lane.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { leased, mark, notifications, settlement, transient } from "./notification-samples.js";
import { at, minute } from "./samples.js";

const about = "lanes";
const quotaOfOne = { count: 1, per: "24h" } as const;

async function limit(store: Store, quota: Lane["quota"]): Promise<void> {
  await store.lanes.limit({ tenant: "default", notifier: "smtp", quota, by: "ada", why: "agreed", now: at(0) });
}

/** A quota that was another one, or none, for a while: found by a random walk. */
export const laneQuotaAgainCases: readonly ConformanceCase[] = ([null, { count: 9, per: "day:UTC" }] as const).map(
  (between) => ({
    about,
    name: `a refused call gives back its own place, also if its quota was ${between?.per ?? "taken away"} for a while`,
    async run({ store }) {
      const rows = await leased(store, notifications(3));
      const answer = async (place: number) => {
        const marks = [mark(rows[place]!)];
        return (await store.notifications.mark({ marks, lease: minute, now: at(0) }))[0]!;
      };
      await limit(store, quotaOfOne);
      const first = await answer(0);
      assert.equal(first.result, "marked");
      await limit(store, between);
      await limit(store, { ...quotaOfOne, count: 2 });
      assert.equal((await answer(1)).result, "marked");
      // the first one's place is free again, the second one's is not
      const refusal = { ...transient, slot: first.slot };
      await store.notifications.settle({ settlements: [settlement(rows[0]!, refusal)], now: at(0) });
      await limit(store, quotaOfOne);
      assert.equal((await answer(2)).result, "deferred");
    },
  }),
);
