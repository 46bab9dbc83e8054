import assert from "node:assert/strict";
import { createMilepost, type Milepost } from "../engine.js";
import type { MetricOptions } from "../milestone/definition.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { metric, refusal, StillClock } from "./engine-setup.js";
import { hour, twoStores } from "./samples.js";

const about = "engine: retention";
const day = 24 * hour;

function keeping(store: Store, options: MetricOptions, clock: StillClock, clockTolerance = hour): Milepost {
  return createMilepost({ store, metrics: { [metric]: options }, clockTolerance, runtime: { now: clock.now } });
}

const event = (id: string, occurredAt?: Date, amount = 1) => ({
  ...{ id, metric, subject: "acme", amount },
  ...(occurredAt && { occurredAt }),
});

export const engineRetentionCases: readonly ConformanceCase[] = [
  {
    about,
    name: "retains events with the value after each, in the order of their effect, where the metric says so",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = keeping(store, { retain: "events", decrements: true }, clock);
      const first = clock.now();
      await milepost.recordMany([event("a", first, 5), event("b", first, -2), event("a", first, 9)]);
      clock.advance(1);
      await milepost.record(event("c"));
      const kept = await milepost.events.list({ metric, subject: "acme" });
      assert.deepEqual(
        kept.map(({ id, amount, value, occurredAt }) => [id, amount, value, occurredAt]),
        [
          ["a", 5, 5, first],
          ["b", -2, 3, first],
          ["c", 1, 4, clock.now()],
        ],
      );
      const { rev, place } = kept[1]!;
      for (const after of [{ rev, place }, kept[1]!]) {
        const rest = await milepost.events.list({ metric, subject: "acme", after, limit: 1 });
        assert.deepEqual(rest, kept.slice(2));
      }
      const counters = await milepost.counters.list();
      assert.deepEqual(await milepost.counters.list({ after: counters.at(-1)! }), [], "a counter as it was answered");
      assert.deepEqual(await milepost.events.list({ metric, subject: "brand" }), []);
    },
  },
  {
    about,
    name: "a finite retention wants to know when events occurred, and refuses those it might have forgotten",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = keeping(store, { eventRetention: day }, clock);
      const now = clock.now().getTime();
      const refused = async (input: Parameters<Milepost["record"]>[0]) => {
        const { code, path } = await refusal(() => milepost.record(input));
        return [code, path];
      };
      assert.deepEqual(await refused(event("a")), ["invalid_event", "occurredAt"]);
      assert.deepEqual(await refused(event("a", new Date(now - day - 1))), ["event_too_late", "occurredAt"]);
      assert.deepEqual(await refused(event("a", new Date(now + hour + 1))), ["event_too_early", "occurredAt"]);
      const many = await refusal(() => milepost.recordMany([event("b", new Date(now)), event("c", new Date(0))]));
      assert.deepEqual([many.code, many.path], ["event_too_late", "events[1].occurredAt"]);
      assert.equal(await milepost.counters.get({ metric, subject: "acme" }), null, "nothing was stored");
      for (const [id, time] of [["a", now - day] as const, ["b", now + hour] as const]) {
        assert.equal((await milepost.record(event(id, new Date(time)))).counted, true);
      }
    },
  },
  {
    about,
    name: "forgets in batches what can come no more, never what could still be repeated, and no count",
    async run({ store }) {
      const clock = new StillClock();
      const milepost = keeping(store, { eventRetention: day, retain: "events" }, clock);
      const old = clock.now();
      await milepost.recordMany(Array.from({ length: 2_300 }, (_, i) => event(`old${i}`, old)));
      clock.advance(day);
      await milepost.recordMany([event("young", clock.now()), event("old0", old)]);
      await milepost.runOnce();
      assert.equal((await milepost.record(event("old1", old))).duplicate, true, "the last moment it may be repeated");
      clock.advance(hour);
      await milepost.runOnce();
      assert.equal((await milepost.events.list({ metric, subject: "acme", limit: 10_000 })).length, 2_301);
      assert.equal((await refusal(() => milepost.record(event("old1", old)))).code, "event_too_late");
      clock.advance(hour + 1);
      assert.equal((await milepost.runOnce()).purged, 2_300);
      assert.equal((await milepost.runOnce()).purged, 0);
      const kept = await milepost.events.list({ metric, subject: "acme", limit: 10_000 });
      assert.deepEqual(
        kept.map(({ id }) => id),
        ["young"],
      );
      assert.equal((await refusal(() => milepost.record(event("old1", old)))).code, "event_too_late");
      assert.equal((await milepost.record(event("young", new Date(old.getTime() + day)))).duplicate, true);
      assert.equal((await milepost.counters.get({ metric, subject: "acme" }))?.value, 2_301);
    },
  },
  {
    about,
    name: "what a shorter retention has forgotten is refused also after it became longer, or was lifted",
    async run({ store }) {
      const clock = new StillClock();
      const short = keeping(store, { eventRetention: day }, clock);
      const old = clock.now();
      await short.record(event("old", old));
      clock.advance(day + 2 * hour + 1);
      await short.runOnce();
      const longer = keeping(store, { eventRetention: 7 * day }, clock);
      assert.equal((await refusal(() => longer.record(event("old", old)))).code, "event_too_late");
      const lifted = keeping(store, { eventRetention: null }, clock);
      assert.equal((await refusal(() => lifted.record(event("old", old)))).code, "event_too_late");
      assert.equal((await lifted.record(event("new", new Date(clock.now().getTime() - day)))).counted, true);
      assert.equal((await lifted.record(event("undated"))).counted, true);
      clock.advance(30 * day);
      await short.runOnce();
      assert.equal((await lifted.record(event("new", new Date(old.getTime() + 3 * hour)))).duplicate, true);
      assert.equal((await lifted.counters.get({ metric, subject: "acme" }))?.value, 3);
    },
  },
  {
    about,
    name: "a process that does not know of a shorter retention counts nothing twice that was forgotten under it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const clock = new StillClock();
      const unaware = keeping(one, { eventRetention: 10 * day }, clock);
      const old = new Date(clock.now().getTime() - 5 * day);
      await unaware.record(event("old", old));
      assert.equal((await unaware.record(event("old", old))).duplicate, true);
      await keeping(two, { eventRetention: day }, clock).runOnce();
      assert.equal((await refusal(() => unaware.record(event("old", old)))).code, "event_too_late");
      const fresh = await unaware.record(event("fresh", clock.now()));
      assert.deepEqual([fresh.counted, fresh.value], [true, 2]);
    },
  },
  {
    about,
    name: "a default that the metric ran with is a value it had before: only a person's word brings it back",
    async run({ store }) {
      const clock = new StillClock();
      const settings = async (milepost: Milepost) =>
        (await milepost.definitions.list()).map(({ eventRetention, retain }) => [eventRetention, retain]);
      await keeping(store, {}, clock).ready();
      await keeping(store, { eventRetention: day, retain: "events" }, clock).ready();
      const back = keeping(store, { eventRetention: null, retain: "ids" }, clock);
      const ignored: unknown[] = [];
      back.on("behind", (event) => ignored.push(event.ignored));
      assert.deepEqual(await settings(back), [[day, "events"]]);
      assert.deepEqual(ignored, [["retain", "eventRetention"]]);
      const [report] = await back.definitions.reinstall({ by: "ops", why: "for good" });
      assert.deepEqual([report?.eventRetention, report?.retain], [null, "ids"]);
      assert.deepEqual(await settings(back), [[null, "ids"]]);
    },
  },
  {
    about,
    name: "a worker that runs for long forgets by what other processes have set since",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const clock = new StillClock();
      const worker = keeping(one, { eventRetention: day, retain: "events" }, clock);
      await worker.record(event("old", clock.now()));
      await keeping(two, { decrements: true }, clock).ready();
      clock.advance(2 * day);
      await worker.runOnce();
      assert.deepEqual(await worker.events.list({ metric, subject: "acme" }), []);
    },
  },
];
