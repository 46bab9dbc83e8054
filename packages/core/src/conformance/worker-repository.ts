import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import type { WorkerRecord, WorkerRepository } from "../store/worker-repository.js";
import type { ConformanceCase } from "./case.js";
import { assertOwnClock, at, awkwardKeys, bytewise, hour, minute, start, twoStores } from "./samples.js";

const about = "workers";

type Beat = Parameters<WorkerRepository["beat"]>[0];
function beat(fields: Partial<Beat> = {}): Beat {
  return {
    id: "w-1",
    host: "host-1",
    pid: 4711,
    version: "1.2.3",
    concurrency: 10,
    inFlight: 3,
    notifiers: ["smtp", "sms"],
    beatsEvery: 5_000,
    keep: 24 * hour,
    now: start,
    ...fields,
  };
}

function record(fields: Partial<WorkerRecord> = {}): WorkerRecord {
  const { keep: _, now: __, ...told } = beat();
  return { ...told, startedAt: start, seenAt: start, ...fields };
}

async function listed(store: Store): Promise<readonly WorkerRecord[]> {
  return (await store.workers.list({ now: start })).workers;
}

export const workerCases: readonly ConformanceCase[] = [
  {
    about,
    name: "the first beat lists a worker, and a later one keeps when it was started",
    async run(opened) {
      const { store } = opened;
      assert.deepEqual(await store.workers.beat(beat()), { now: start });
      assert.deepEqual(await listed(store), [record()]);
      const changed = { inFlight: 0, concurrency: 4, notifiers: [], host: "host-2", pid: 1, version: "2.0.0" };
      assert.deepEqual(await store.workers.beat(beat({ ...changed, beatsEvery: 7, now: at(minute) })), {
        now: at(minute),
      });
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [record({ ...changed, beatsEvery: 7, seenAt: at(minute) })]);
    },
  },
  {
    about,
    name: "a worker that leaves is listed no more, and a repeat does nothing",
    async run({ store }) {
      await store.workers.beat(beat());
      await store.workers.beat(beat({ id: "w-2" }));
      await store.workers.leave({ id: "w-1" });
      await store.workers.leave({ id: "w-1" });
      await store.workers.leave({ id: "nobody" });
      assert.deepEqual(
        (await listed(store)).map(({ id }) => id),
        ["w-2"],
      );
    },
  },
  {
    about,
    name: "a beat forgets workers that were not seen for too long, and never its own",
    async run({ store }) {
      await store.workers.beat(beat({ id: "old" }));
      await store.workers.beat(beat({ id: "edge", now: at(1) }));
      await store.workers.beat(beat({ id: "own" }));
      await store.workers.beat(beat({ id: "own", keep: minute, now: at(minute + 1) }));
      assert.deepEqual(
        (await listed(store)).map(({ id, startedAt }) => [id, startedAt]),
        [
          ["own", start],
          ["edge", at(1)],
        ],
      );
    },
  },
  {
    about,
    name: "workers are listed by when they were started, then bytewise by id, under any name",
    async run({ store }) {
      for (const id of awkwardKeys) await store.workers.beat(beat({ id, host: id, version: id, notifiers: [id, id] }));
      await store.workers.beat(beat({ id: "first", now: at(-1) }));
      const all = await listed(store);
      assert.deepEqual(
        all.map(({ id }) => id),
        ["first", ...bytewise(awkwardKeys)],
      );
      for (const { id, host, version, notifiers } of all.slice(1)) {
        assert.deepEqual([host, version, notifiers], [id, id, [id, id]]);
      }
    },
  },
  {
    about,
    name: "without a now, beats and lists go by the database's own clock and answer it",
    async run({ store }) {
      const { now: _, ...own } = beat();
      await assertOwnClock(async () => (await store.workers.beat(own)).now);
      await assertOwnClock(async () => (await store.workers.list({})).now);
      await assertOwnClock(async () => (await store.workers.list({})).workers[0]!.seenAt);
    },
  },
  {
    about,
    name: "the clock is answered where no worker is",
    async run({ store }) {
      assert.deepEqual(await store.workers.list({ now: start }), { now: start, workers: [] });
    },
  },
  {
    about,
    name: "any number beat, leave and forget at once",
    async run(opened) {
      const stores = await twoStores(opened);
      await Promise.all(Array.from({ length: 10 }, (_, i) => stores[i % 2]!.workers.beat(beat({ id: `gone-${i}` }))));
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const store = stores[i % 2]!;
          await store.workers.beat(beat({ id: `w-${i}`, keep: 1, now: at(minute) }));
          if (i >= 5) await store.workers.leave({ id: `w-${i}` });
        }),
      );
      const ids = (await listed(opened.store)).map(({ id }) => id);
      assert.deepEqual(ids, ["w-0", "w-1", "w-2", "w-3", "w-4"]);
    },
  },
];
