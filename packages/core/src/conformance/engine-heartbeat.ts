import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { MilepostError } from "../errors.js";
import type { Store } from "../store/store.js";
import { version } from "../version.js";
import type { ConformanceCase } from "./case.js";
import { count, heldNotifier, owner, setUp } from "./engine-setup.js";

const about = "engine: heartbeats";

/** The store, with each heartbeat told of once it is written, and `before` it. */
function watched(
  store: Store,
  before: () => Promise<void> = async () => {},
): { store: Store; beats: () => Promise<void> } {
  let told: (() => void)[] = [];
  const beat: Store["workers"]["beat"] = async (input) => {
    try {
      await before();
      return await store.workers.beat(input);
    } finally {
      for (const tell of told) tell();
      told = [];
    }
  };
  return {
    store: { ...store, workers: { ...store.workers, beat } },
    beats: () => new Promise((resolve) => void told.push(resolve)),
  };
}

/** A case in which `before` is done before each heartbeat is written, and `told` are the errors that are told of. */
function undisturbed(name: string, told: readonly string[], before: () => Promise<void>): ConformanceCase {
  return {
    about,
    name,
    async run(opened) {
      const { store } = watched(opened.store, before);
      const { milepost, notifier } = setUp(store, { milestone: { recipients: owner } });
      const errors: string[] = [];
      milepost.on("error", ({ where }) => void errors.push(where));
      const sent = new Promise((resolve) => milepost.on("sent", resolve));
      const worker = milepost.worker({ pollInterval: 20 });
      await worker.start();
      await count(milepost, 1);
      await sent;
      await worker.stop();
      notifier.expectSent(1);
      assert.deepEqual([...new Set(errors)], told);
    },
  };
}

export const engineHeartbeatCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a started worker is listed with its load until it stops",
    async run(opened) {
      const { store, beats } = watched(opened.store);
      const { notifier, inside, release } = heldNotifier();
      const { milepost } = setUp(store, { notifier, milestone: { recipients: owner } });
      assert.deepEqual(await milepost.workers.list(), []);
      const worker = milepost.worker({ concurrency: 7, pollInterval: 20, heartbeatInterval: 5 });
      assert.deepEqual(await milepost.workers.list(), [], "it was not started yet");
      await worker.start();
      await count(milepost, 1);
      await inside;
      await beats();
      await beats();
      const [listed, ...others] = await milepost.workers.list();
      assert.deepEqual(others, []);
      const { concurrency, inFlight, notifiers, pid, gone, version: told } = listed!;
      assert.deepEqual([concurrency, inFlight, notifiers, gone], [7, 1, ["memory"], false]);
      assert.deepEqual([pid, told], [process.pid, version]);
      release();
      await worker.stop();
      assert.deepEqual(await milepost.workers.list(), []);
    },
  },
  {
    about,
    name: "a worker that beats no more is listed as gone",
    async run({ store }) {
      const { milepost, clock } = setUp(store);
      const dead = {
        id: "dead",
        host: "h",
        pid: 1,
        version,
        concurrency: 1,
        inFlight: 1,
        notifiers: [],
        beatsEvery: 5_000,
      };
      await store.workers.beat({ ...dead, keep: 86_400_000, now: clock.now() });
      clock.advance(15_000);
      assert.deepEqual(
        (await milepost.workers.list()).map(({ gone }) => gone),
        [false],
      );
      clock.advance(1);
      assert.deepEqual(
        (await milepost.workers.list()).map(({ id, gone }) => [id, gone]),
        [["dead", true]],
      );
    },
  },
  undisturbed("heartbeats that fail hold up no delivery and no stop", ["heartbeat"], async () => {
    throw new MilepostError("store_unavailable", "away");
  }),
  undisturbed("a heartbeat that is never answered holds up no delivery and no stop", [], () => new Promise(() => {})),
  {
    about,
    name: "a clock of the process that agrees with the database's is not reported",
    async run(opened) {
      const { store, beats } = watched(opened.store);
      const milepost = createMilepost({ store });
      const skews: number[] = [];
      milepost.on("clock_skew", ({ milliseconds }) => void skews.push(milliseconds));
      const worker = milepost.worker({ heartbeatInterval: 5 });
      await worker.start();
      for (let n = 0; n < 3; n++) await beats();
      await worker.stop();
      assert.deepEqual(skews, []);
    },
  },
];
