import assert from "node:assert/strict";
import { roomIn } from "../delivery/gate.js";
import type { ConformanceCase } from "./case.js";
import { laneOf, leasedUnder, limit, markAll, resultsOf, taken } from "./lane-samples.js";
import {
  about,
  assertRow,
  attempt,
  attempts,
  claim,
  claimed,
  mark,
  notification,
  notifications,
  pause,
  queued,
  row,
} from "./notification-samples.js";
import { at, hour, minute, start, twoStores } from "./samples.js";

const perHour = (count: number) => ({ rate: { count, interval: hour } });
const perDay = (count: number) => ({ quota: { count, per: "24h" } as const });
/** A part of an hour's window is three minutes, and the first one began before the start. */
const opens = new Date("2026-11-05T13:03:00Z");

/** Marks through lanes with a rate or a quota. */
export const notificationMarkMeteredCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a mark takes its place in the quota, which the attempt keeps; a repeat answers it again and takes no other",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      const [lease] = await leasedUnder(one, 1, perDay(2), { id: "ntf-1" });
      const before = await row(one);
      const [answer] = await markAll(one, [lease!]);
      assert.ok(answer?.result === "marked" && answer.slot !== null, JSON.stringify(answer));
      const { slot } = answer;
      assert.deepEqual(answer, { result: "marked", attempt: 1, markedAt: start, keyUntil: null, slot, opensIn: null });
      assert.deepEqual((await laneOf(two)).usage, { rate: {}, quota: { [slot]: 1 } });
      const changes = {
        state: "sending",
        attempts: 1,
        claims: 0,
        leaseUntil: at(minute),
        firstMarkedAt: start,
      } as const;
      const frozen = { messageId: "<ntf-1@milepost.example>", idempotencyKey: "key-ntf-1", payloadHash: "hash-1" };
      await assertRow(two, before, { ...changes, ...frozen }, [attempt({ slot })]);
      const [again] = await markAll(two, [lease!], at(hour));
      assert.ok(again?.result === "marked", JSON.stringify(again));
      assert.deepEqual([again.attempt, again.slot, again.opensIn], [1, slot, null]);
      assert.deepEqual((await laneOf(one)).usage, { rate: {}, quota: { [slot]: 1 } });
      assert.deepEqual(await attempts(one), [attempt({ slot })]);
    },
  },
  {
    about,
    name: "of a lane with a rate alone no place is kept: what is refused is not given back",
    async run({ store }) {
      const [answer] = await markAll(store, await leasedUnder(store, 1, perHour(2), { id: "ntf-1" }));
      assert.deepEqual([answer?.result === "marked" && answer.slot, await attempts(store)], [null, [attempt()]]);
      assert.equal(await taken(store, "rate"), 1);
    },
  },
  {
    about,
    name: "room goes to the marks in their order; the others are deferred, and the lane is parked until there is room",
    async run({ store }) {
      const rows = await leasedUnder(store, 4, perHour(2));
      const before = await row(store, "ntf-0001");
      const shuffled = [rows[2]!, rows[0]!, rows[3]!, rows[1]!];
      const answers = await markAll(store, shuffled);
      const opensIn = opens.getTime() - start.getTime();
      const marked = { result: "marked", attempt: 1, markedAt: start, keyUntil: null, slot: null };
      assert.deepEqual(answers, [
        { ...marked, opensIn: null },
        { ...marked, opensIn },
        { result: "deferred", opensIn },
        { result: "deferred", opensIn },
      ]);
      assert.deepEqual((await laneOf(store)).notBefore, opens);
      const deferred = await row(store, "ntf-0002");
      assert.deepEqual([deferred.state, deferred.claims, deferred.leaseUntil], ["pending", 0, null]);
      assert.deepEqual([deferred.fence, deferred.attempts, await attempts(store, "ntf-0002")], [before.fence, 0, []]);
      assert.deepEqual(await claim(store, { now: new Date(opens.getTime() - 1) }), []);
      assert.deepEqual(await claim(store, { now: opens }), ["ntf-0002", "ntf-0004"]);
    },
  },
  {
    about,
    name: "a mark that finds the lane parked is deferred, says when it opens, and takes nothing",
    async run({ store }) {
      const rows = await leasedUnder(store, 3, perHour(1));
      await markAll(store, rows.slice(0, 1));
      const before = await laneOf(store);
      const opensIn = opens.getTime() - at(1000).getTime();
      const deferred = { result: "deferred", opensIn };
      assert.deepEqual(await markAll(store, rows.slice(1), at(1000)), [deferred, deferred]);
      assert.deepEqual(await laneOf(store), before);
      const again = await claimed(store, opens);
      assert.deepEqual(resultsOf(await markAll(store, again, opens)), ["marked", "deferred"]);
    },
  },
  {
    about,
    name: "a quota of a day is used up until midnight in its zone",
    async run({ store }) {
      const per = "day:Asia/Kathmandu" as const;
      const rows = await leasedUnder(store, 3, { quota: { count: 2, per } });
      const [first] = await markAll(store, rows);
      const midnight = new Date("2026-11-05T18:15:00Z");
      assert.deepEqual(first?.result === "marked" && first.slot, "day:Asia/Kathmandu:2026-11-05");
      assert.deepEqual((await laneOf(store)).notBefore, midnight);
      const [last] = await claimed(store, midnight);
      const [answer] = await markAll(store, [last!], midnight);
      assert.deepEqual(answer?.result === "marked" && answer.slot, "day:Asia/Kathmandu:2026-11-06");
    },
  },
  {
    about,
    name: "of a rate and a quota the one that has less room decides",
    async run({ store }) {
      const rows = await leasedUnder(store, 5, { ...perHour(4), ...perDay(2) });
      assert.deepEqual(resultsOf(await markAll(store, rows)), ["marked", "marked", ...Array(3).fill("deferred")]);
      await limit(store, perDay(9));
      const more = await claimed(store);
      assert.deepEqual(resultsOf(await markAll(store, more)), ["marked", "marked", "deferred"]);
      assert.deepEqual([await taken(store, "rate"), await taken(store)], [4, 4]);
    },
  },
  {
    about,
    name: "what a lane has no room for is decided lane by lane: tenants and notifiers do not share",
    async run({ store }) {
      await queued(store, [
        ...notifications(2),
        notification({ id: "sms", notifier: "sms" }),
        notification({ id: "elsewhere", tenant: "other" }),
      ]);
      await limit(store, perDay(1));
      await limit(store, { tenant: "other", ...perDay(1) });
      const input = { notifiers: ["smtp", "sms"], limit: 10, served: [], lease: minute, now: start };
      const rows = [...(await store.notifications.claim(input))].sort((a, b) => (a.id < b.id ? -1 : 1));
      const results = resultsOf(await markAll(store, rows));
      assert.deepEqual(
        rows.map(({ id }, i) => [id, results[i]]),
        [
          ["elsewhere", "marked"],
          ["ntf-0001", "marked"],
          ["ntf-0002", "deferred"],
          ["sms", "marked"],
        ],
      );
      assert.deepEqual((await laneOf(store, "sms")).usage, { rate: {}, quota: {} });
      assert.equal((await laneOf(store, "smtp", "other")).notBefore === null, false);
    },
  },
  {
    about,
    name: "what is expired, lost, or ahead of its time takes no room",
    async run({ store }) {
      await queued(store, [
        notification({ id: "a-brief", expiresAt: at(10) }),
        notification({ id: "b-early", notBefore: at(5) }),
        notification({ id: "c-good" }),
        notification({ id: "d-late" }),
      ]);
      await limit(store, perDay(1));
      const rows = await claimed(store, at(5));
      const [brief, early, good, late] = ["a", "b", "c", "d"].map((id) => rows.find((each) => each.id.startsWith(id))!);
      const marks = [mark(brief!), mark({ ...good!, fence: 9 }), mark(good!), mark(late!)];
      const answers = await store.notifications.mark({ marks, lease: minute, now: at(10) });
      assert.deepEqual(resultsOf(answers), ["refused", "lost", "marked", "deferred"]);
      assert.equal(await taken(store), 1);
      await limit(store, perDay(2));
      const [waits] = await store.notifications.mark({ marks: [mark(early!)], lease: minute, now: at(4) });
      assert.deepEqual([waits, await taken(store)], [{ result: "deferred", opensIn: null }, 1]);
    },
  },
  {
    about,
    name: "a paused lane takes no room, and does not say when it opens",
    async run({ store }) {
      const rows = await leasedUnder(store, 2, perDay(1));
      await pause(store);
      assert.deepEqual(await markAll(store, rows), Array(2).fill({ result: "deferred", opensIn: null }));
      assert.deepEqual([await taken(store), (await laneOf(store)).notBefore], [0, null]);
    },
  },
  {
    about,
    name: "a row that one step names twice takes one place, and no room from the others",
    async run({ store }) {
      const [first, second, third] = await leasedUnder(store, 3, perDay(2));
      const answers = await markAll(store, [first!, first!, second!, third!, second!]);
      assert.deepEqual(resultsOf(answers), ["marked", "marked", "marked", "deferred", "marked"]);
      assert.equal(await taken(store), 2);
      const slots = answers.flatMap((each) => (each.result === "marked" ? each.slot : []));
      assert.deepEqual(new Set(slots).size, 1);
    },
  },
  {
    about,
    name: "callers at once never mark more than there is room for, and no less",
    async run(opened) {
      const stores = await twoStores(opened);
      for (const limits of [perDay(25), perHour(40)]) {
        const source = { kind: "crossing", id: JSON.stringify(limits) } as const;
        const all = notifications(60).map((each) => ({ ...each, id: `${source.id}-${each.id}`, source }));
        await queued(opened.store, all);
        await limit(opened.store, { rate: null, quota: null });
        await limit(opened.store, limits);
        const rows = await claimed(opened.store);
        const room = roomIn(await laneOf(opened.store), start).free;
        const calls = Array.from({ length: 12 }, (_, i) =>
          markAll(stores[i % 2]!, i % 4 < 2 ? rows.slice(i * 5, i * 5 + 5) : rows.slice(i * 5, i * 5 + 5).reverse()),
        );
        const results = (await Promise.all(calls)).flatMap(resultsOf);
        assert.equal(results.filter((result) => result === "marked").length, room);
        assert.equal(results.filter((result) => result === "deferred").length, 60 - room);
        assert.equal(await taken(opened.store, "rate" in limits ? "rate" : "quota"), room);
      }
    },
  },
  {
    about,
    name: "marks at once of one lease take one place",
    async run(opened) {
      const stores = await twoStores(opened);
      const rows = await leasedUnder(opened.store, 5, perDay(100));
      const calls = Array.from({ length: 4 }, (_, i) => markAll(stores[i % 2]!, i % 2 ? rows : [...rows].reverse()));
      for (const answer of (await Promise.all(calls)).flat()) assert.equal(answer.result, "marked");
      assert.equal(await taken(opened.store), 5);
    },
  },
];
