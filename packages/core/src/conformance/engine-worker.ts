import assert from "node:assert/strict";
import { memoryNotifier } from "../notifier/memory-notifier.js";
import type { ConformanceCase } from "./case.js";
import { count, heldNotifier, metric, owner, setUp } from "./engine-setup.js";

const about = "engine: worker";

export const engineWorkerCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a worker sends what is recorded while it runs, and stops after the calls under way",
    async run({ store }) {
      const { notifier, inside, release } = heldNotifier();
      const { milepost } = setUp(store, { notifier, milestone: { recipients: owner } });
      const worker = milepost.worker({ pollInterval: 20 });
      await worker.start();
      await count(milepost, 1);
      await inside;
      const stopped = worker.stop();
      release();
      await stopped;
      notifier.expectSent(1);
      await count(milepost, 100);
      notifier.expectSent(1);
      assert.deepEqual(
        (await milepost.notifications.list()).map((row) => row.state),
        ["sent"],
      );
      await milepost.runOnce();
      notifier.expectSent(3);
    },
  },
  {
    about,
    name: "a resolver that hangs holds up neither other crossings nor what is queued",
    async run({ store }) {
      const recipients = {
        resolve: ({ subject }: { readonly subject: string }) =>
          subject === "stuck"
            ? new Promise<never>(() => {})
            : Promise.resolve([{ address: "o@acme.example", name: "O" }]),
      };
      const { milepost, notifier } = setUp(store, { milestone: { recipients } });
      const sent = new Promise((resolve) => milepost.on("sent", resolve));
      await milepost.record({ id: "e0", metric, subject: "stuck" });
      const worker = milepost.worker({ pollInterval: 20 });
      await worker.start();
      await count(milepost, 1);
      await sent;
      await worker.stop();
      notifier.expectSent(1);
      const [stuck] = await milepost.crossings.list({ subject: "stuck" });
      assert.deepEqual([stuck?.state, stuck?.attempts], ["pending", 0], "given back by the stop, no try spent");
    },
  },
  {
    about,
    name: "a worker whose grace is over leaves its open calls ambiguous and everything unmarked pending",
    async run({ store }) {
      let entered = () => {};
      const inside = new Promise<void>((resolve) => {
        entered = resolve;
      });
      const notifier = memoryNotifier({
        answer() {
          entered();
          return new Promise<never>(() => {});
        },
      });
      const recipients = {
        resolve: async () => ["a", "b", "c"].map((n) => ({ address: `${n}@acme.example`, name: n })),
      };
      const { milepost } = setUp(store, { notifier, milestone: { recipients } });
      const worker = milepost.worker({ concurrency: 1 });
      await worker.start();
      await count(milepost, 1);
      await inside;
      await worker.stop({ grace: 10 });
      const states = (await milepost.notifications.list()).map((row) => [row.state, row.attempts]).sort();
      assert.deepEqual(states, [
        ["ambiguous", 1],
        ["pending", 0],
        ["pending", 0],
      ]);
    },
  },
  {
    about,
    name: "drains many notifications with several workers at once, each exactly once",
    async run(opened) {
      const notifier = memoryNotifier();
      const recipients = {
        resolve: async () => Array.from({ length: 300 }, (_, i) => ({ address: `p${i}@acme.example`, name: "P" })),
      };
      const first = setUp(opened.store, { notifier, milestone: { recipients } });
      const other = (await opened.reopen?.()) ?? opened.store;
      const second = setUp(other, { notifier, clock: first.clock, milestone: { recipients } });
      await count(first.milepost, 1);
      await Promise.all([first, second].map(({ milepost }) => milepost.runOnce()));
      await first.milepost.runOnce();
      notifier.expectSent(300);
      assert.equal(new Set(notifier.sent.map(({ to }) => to.address)).size, 300);
      assert.deepEqual(await first.milepost.notifications.count(), [{ state: "sent", reason: null, count: 300 }]);
    },
  },
];
