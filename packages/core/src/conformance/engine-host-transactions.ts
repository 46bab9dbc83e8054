import assert from "node:assert/strict";
import type { Milepost } from "../engine.js";
import { createMilepost } from "../engine.js";
import type { MilestoneEvent } from "../recording/event.js";
import type { ConformanceCase, OpenedStore } from "./case.js";
import { metric, putAcme, refusal, setUp } from "./engine-setup.js";
import { hour, max } from "./samples.js";

const about = "engine: host transactions";
const requires = "hostTransactions";
const event = (fields: Partial<MilestoneEvent> = {}): MilestoneEvent => ({
  id: "e1",
  metric,
  subject: "acme",
  ...fields,
});

/** Runs `work` inside a transaction of the host that then ends as said. */
async function inTransaction(
  opened: OpenedStore,
  milepost: Milepost,
  work: (recorder: ReturnType<Milepost["in"]>) => unknown,
  end: "commit" | "rollback" = "commit",
): Promise<void> {
  const transaction = await opened.hostTransaction!();
  try {
    await work(milepost.in(transaction.tx));
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
  await transaction[end]();
}

export const engineHostTransactionCases: readonly ConformanceCase[] = [
  {
    about,
    requires,
    name: "what a host recorded in its transaction is counted, crossed and told if it commits, and never if it does not",
    async run(opened) {
      const { milepost, notifier } = setUp(opened.store, { values: [10, 20] });
      await putAcme(milepost);
      for (let i = 1; i <= 40; i++) {
        await inTransaction(
          opened,
          milepost,
          (recorder) => recorder.record(event({ id: `e${i}` })),
          i % 2 === 0 ? "commit" : "rollback",
        );
      }
      assert.equal((await milepost.inbox.list()).length, 20);
      await milepost.runOnce();
      assert.equal((await milepost.counters.get({ metric, subject: "acme" }))?.value, 20);
      assert.deepEqual(
        (await milepost.crossings.list()).map(({ threshold, eventId, state }) => [threshold, eventId, state]),
        [
          ["10", "e20", "announced"],
          ["20", "e40", "announced"],
        ],
      );
      notifier.expectSent(4);
      assert.deepEqual(await milepost.inbox.list(), []);
      await milepost.runOnce();
      notifier.expectSent(4);
    },
  },
  {
    about,
    requires,
    name: "drain() counts at once, each id once, whoever recorded it",
    async run(opened) {
      const { milepost, clock } = setUp(opened.store, { values: [2] });
      await milepost.record(event({ id: "e1" }));
      const reachedAt = new Date(clock.now().getTime() - hour);
      await inTransaction(opened, milepost, (recorder) =>
        recorder.recordMany([event(), event({ id: "e2", occurredAt: reachedAt }), event({ id: "e2" })]),
      );
      const drained = await milepost.drain();
      assert.deepEqual([drained.counted, drained.duplicates], [1, 2]);
      assert.deepEqual(
        drained.crossings.map((crossing) => [crossing.eventId, crossing.reachedAt]),
        [["e2", reachedAt]],
      );
      assert.deepEqual(await milepost.drain(), { counted: 0, duplicates: 0, crossings: [], refused: 0 });
    },
  },
  {
    about,
    requires,
    name: "refuses a bad event before it touches the transaction, which goes on",
    async run(opened) {
      const { milepost } = setUp(opened.store);
      const transaction = await opened.hostTransaction!();
      const recorder = milepost.in(transaction.tx);
      const codes: unknown[] = [];
      for (const bad of [event({ amount: 0.5 }), event({ amount: -1 }), event({ metric: "unknown" }), null as never]) {
        codes.push((await refusal(async () => recorder.record(bad))).code);
      }
      assert.deepEqual(codes, ["invalid_event", "invalid_event", "unknown_metric", "invalid_event"]);
      const second = await refusal(async () => recorder.recordMany([event(), event({ amount: 0.5 })]));
      assert.deepEqual([second.code, second.path], ["invalid_event", "events[1].amount"]);
      await recorder.record(event({ id: "good" }));
      await transaction.commit();
      assert.equal((await milepost.drain()).counted, 1);
      const late = await refusal(async () => recorder.record(event()));
      assert.equal(late.code, "no_transaction");
      await milepost.close();
      assert.equal((await refusal(async () => milepost.in(transaction.tx))).code, "closed");
    },
  },
  {
    about,
    requires,
    name: "sets an event aside that can never be counted, counts those beside it, and tries it again when told to",
    async run(opened) {
      const { milepost } = setUp(opened.store, { decrements: true });
      await milepost.record(event({ amount: max }));
      await inTransaction(opened, milepost, (recorder) =>
        recorder.recordMany([
          event({ id: "a", subject: "brand" }),
          event({ id: "b" }),
          event({ id: "c", subject: "brand" }),
        ]),
      );
      const { crossings: _, ...drained } = await milepost.drain();
      assert.deepEqual(drained, { counted: 2, duplicates: 0, refused: 1 });
      const [refused, ...others] = await milepost.inbox.list({ refused: true });
      assert.deepEqual([refused?.id, refused?.refusal?.code, others], ["b", "counter_overflow", []]);
      assert.deepEqual(await milepost.inbox.list(), []);
      assert.equal((await milepost.drain()).counted, 0);

      await milepost.record(event({ id: "d", amount: -1 }));
      assert.equal(await milepost.inbox.retry({ numbers: [refused!.number], by: "ops", why: "corrected" }), 1);
      assert.equal((await milepost.drain()).counted, 1);
      assert.deepEqual(await milepost.inbox.list({ refused: true }), []);
      assert.equal((await milepost.counters.get({ metric, subject: "acme" }))?.value, max);
    },
  },
  {
    about,
    requires,
    name: "sets an event aside whose retention was over before it was drained",
    async run(opened) {
      const { milepost: _, clock } = setUp(opened.store);
      const metrics = { kept: { eventRetention: hour }, other: {} };
      const options = { metrics, runtime: { now: clock.now } };
      const milepost = createMilepost({ store: opened.store, ...options });
      const fresh = { id: "e1", metric: "kept", subject: "acme", occurredAt: clock.now() };
      const beside = { ...fresh, metric: "other" };
      await inTransaction(opened, milepost, (recorder) => recorder.recordMany([fresh, beside, beside]));
      clock.advance(hour + 1);
      const { drained, refused } = await milepost.runOnce();
      assert.deepEqual([drained, refused], [1, 1], "a pass tells of both");
      assert.equal((await milepost.inbox.list({ refused: true }))[0]?.refusal?.code, "event_too_late");
    },
  },
  {
    about,
    requires,
    name: "leaves events of metrics that a process does not know to one that does",
    async run(opened) {
      const counting = createMilepost({ store: opened.store, onUnknownMetric: "count" });
      await inTransaction(opened, counting, (recorder) => recorder.record(event({ metric: "page.view" })));
      const { milepost } = setUp(opened.store);
      assert.equal((await milepost.drain()).counted, 0);
      assert.equal((await counting.drain()).counted, 1);
    },
  },
  {
    about,
    requires,
    name: "several engines may drain at once: each event counts once",
    async run(opened) {
      const [one, two] = [setUp(opened.store).milepost, setUp(await opened.reopen!()).milepost];
      const events = Array.from({ length: 2_500 }, (_, i) => event({ id: `e${i}`, subject: `s${i % 7}` }));
      await inTransaction(opened, one, (recorder) => recorder.recordMany(events));
      const drained = await Promise.all([one.drain(), two.drain(), one.drain(), two.drain()]);
      assert.equal(
        drained.reduce((sum, { counted }) => sum + counted, 0),
        2_500,
      );
      const counters = await one.counters.list();
      assert.equal(
        counters.reduce((sum, { value }) => sum + value, 0),
        2_500,
      );
      assert.deepEqual(await one.inbox.list(), []);
    },
  },
  {
    about,
    requires,
    name: "a running worker counts what was committed without being told",
    async run(opened) {
      const { milepost, notifier } = setUp(opened.store, { values: [1] });
      await putAcme(milepost);
      const worker = milepost.worker({ pollInterval: 10 });
      await worker.start();
      const sent = new Promise<void>((resolve) => {
        milepost.on("sent", () => notifier.sent.length === 2 && resolve());
      });
      await inTransaction(opened, milepost, (recorder) => recorder.record(event()));
      await sent;
      await worker.stop();
      notifier.expectSent(2);
    },
  },
];
