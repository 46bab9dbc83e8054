import assert from "node:assert/strict";
import { createMilepost } from "../engine.js";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { ConformanceCase } from "./case.js";
import { count, metric, owner, setUp } from "./engine-setup.js";
import { hour, twoStores } from "./samples.js";

const about = "engine: wake-ups";
const requires = "wakeUps";

/** A worker that looks for nothing by itself once it has begun. */
const neverPolls = { pollInterval: hour, sweepInterval: hour };

export const engineWakeUpCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a worker that does not poll sends what another engine records, as soon as it is there",
    requires,
    async run(opened) {
      const [here, there] = await twoStores(opened);
      const notifier = memoryNotifier();
      const { milepost, clock } = setUp(here, { notifier, milestone: { recipients: owner } });
      const recording = setUp(there, { clock, milestone: { recipients: owner } }).milepost;
      const worker = milepost.worker(neverPolls);
      for (const [i, threshold] of [1, 10].entries()) {
        if (i === 0) await worker.start();
        const sent = new Promise((resolve) => milepost.on("sent", resolve));
        await count(recording, threshold);
        await sent;
        notifier.expectSent(i + 1);
      }
      await worker.stop();
    },
  },
  {
    about,
    name: "a worker that does not poll evaluates what a process without the code has left due",
    requires,
    async run(opened) {
      const [here, there] = await twoStores(opened);
      const { milepost, clock } = setUp(here, { milestone: { recipients: owner } });
      await milepost.ready();
      const recording = createMilepost({ store: there, runtime: { now: clock.now } });
      await recording.ready();
      const worker = milepost.worker(neverPolls);
      // the first look is over when something was sent
      const first = new Promise((resolve) => milepost.on("sent", resolve));
      await worker.start();
      await recording.record({ id: "a", metric, subject: "first" });
      await first;
      const second = new Promise((resolve) => milepost.on("sent", resolve));
      await recording.record({ id: "b", metric, subject: "second" });
      await second;
      assert.equal((await milepost.crossings.list({ states: ["announced"] })).length, 2);
      await worker.stop();
    },
  },
  {
    about,
    name: "a worker goes on with a lane as soon as another engine resumes it",
    requires,
    async run(opened) {
      const [here, there] = await twoStores(opened);
      const { milepost, notifier, clock } = setUp(here, { milestone: { recipients: owner } });
      const other = setUp(there, { clock, milestone: { recipients: owner } }).milepost;
      const act = { notifier: notifier.name, by: "ann", why: "test" };
      await other.lanes.pause(act);
      const announced = new Promise((resolve) => milepost.on("announced", resolve));
      const worker = milepost.worker(neverPolls);
      await worker.start();
      await count(other, 1);
      await announced;
      notifier.expectSent(0);
      const sent = new Promise((resolve) => milepost.on("sent", resolve));
      await other.lanes.resume(act);
      await sent;
      await worker.stop();
    },
  },
  {
    about,
    name: "a worker that has stopped hears nothing, and may be stopped before it was started",
    requires,
    async run({ store }) {
      let listening = 0;
      const watched = {
        ...store,
        listen(listener: Parameters<typeof store.listen>[0]) {
          listening++;
          const heard = store.listen(listener);
          return {
            async close() {
              listening--;
              await heard.close();
            },
          };
        },
      };
      const { milepost } = setUp(watched, { milestone: { recipients: owner } });
      const worker = milepost.worker(neverPolls);
      await worker.start();
      await worker.start();
      assert.equal(listening, 1);
      await worker.stop();
      assert.equal(listening, 0);
      const never = milepost.worker(neverPolls);
      await never.stop();
      await never.start();
      assert.equal(listening, 0);
    },
  },
];
