import assert from "node:assert/strict";
import type { CounterKey, DueCounter, Parking } from "../store/counter-repository.js";
import type { ParkedCounter, ParkingRepository } from "../store/parking-repository.js";
import type { Store } from "../store/store.js";
import { counterActId } from "../store/tally.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import { birth, counterKey, event, record, restless } from "./counter-samples.js";
import { due, evaluation } from "./crossing-samples.js";
import { assertOwnClock, at, awkwardKeys, bytewise, everyPage, minute, start, twoStores } from "./samples.js";

const about = "parking";
const { tenant, metric } = counterKey();

type Park = Parameters<ParkingRepository["park"]>[0];
function failure(fields: Partial<Park> = {}): Park {
  const why = { reason: "effect_failed", detail: "no such table: shops" } as const;
  return { ...counterKey(), from: 0, ...why, retryIn: minute, now: start, ...fields };
}

/** As the first failure leaves the counter, unless said. */
function parked(fields: Partial<ParkedCounter> = {}): ParkedCounter {
  const { reason, detail } = failure();
  const first = { attempts: 1, withoutEffects: false, since: start, retryAt: at(minute) };
  return { ...counterKey(), reason, detail, ...first, ...fields };
}

type Release = Parameters<ParkingRepository["release"]>[0];
function release(fields: Partial<Release> = {}): Release {
  return { ...counterKey(), withoutEffects: false, by: "ada", why: "é \u{1f389} repaired", now: start, ...fields };
}

async function listed(store: Store, of = tenant): Promise<readonly ParkedCounter[]> {
  return store.parking.list({ tenant: of, limit: 1_000 });
}

/** The sample counter as evaluation gets it at a time when no parked one rests. */
async function awake(store: Store, fields: Partial<CounterKey> = {}): Promise<DueCounter> {
  const keys = [counterKey(fields)];
  const [found] = await store.counters.due({ metrics: [metric], keys, limit: 1, trailLimit: 10, now: at(1e12) });
  assert.ok(found, "the counter is due");
  return found;
}

async function told(store: Store, fields: Partial<CounterKey> = {}): Promise<Parking | undefined> {
  return (await awake(store, fields)).parked;
}

async function waiting(store: Store, now: Date): Promise<readonly string[]> {
  return (await store.counters.due({ metrics: [metric], limit: 100, trailLimit: 1, now })).map(
    ({ subject }) => subject,
  );
}

async function acts(store: Store, key: CounterKey = counterKey()) {
  return actsOf(store, { tenant: key.tenant, entity: "counter", entityId: counterActId(key) });
}

export const parkingCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a parked counter is listed with what failed and when it is tried again, and evaluation is told",
    async run(opened) {
      const { store } = opened;
      await due(store);
      assert.equal("parked" in (await awake(store)), false);
      const detail = `it's "quoted" é \u{1f389} ${"x".repeat(2_000)}`;
      await store.parking.park(failure({ detail, reason: "policy_failed" }));
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [parked({ detail, reason: "policy_failed" })]);
      assert.deepEqual(await told(other), { attempts: 1, withoutEffects: false });
    },
  },
  {
    about,
    name: "each failure counts on and says anew what failed and when it is tried again, since the first",
    async run({ store }) {
      await due(store);
      await store.parking.park(failure());
      await store.parking.park(failure({ detail: "x", reason: "policy_failed", retryIn: 1, now: at(5000) }));
      const second = { detail: "x", reason: "policy_failed", attempts: 2, retryAt: at(5001) } as const;
      assert.deepEqual(await listed(store), [parked(second)]);
      assert.equal((await told(store))?.attempts, 2);
    },
  },
  {
    about,
    name: "a counter that is not due, was evaluated meanwhile or does not exist is not parked",
    async run({ store }) {
      await due(store);
      await record(store, [event({ subject: "quiet", id: "q" })]);
      for (const wrong of [
        { from: 1 },
        { subject: "quiet" },
        { subject: "nobody" },
        { tenant: "other" },
        { metric: "ad.spend" },
        { period: "day:UTC:2026-11-05" },
      ]) {
        await store.parking.park(failure(wrong));
      }
      assert.deepEqual(await listed(store), []);
      assert.deepEqual(await listed(store, "other"), []);
      await store.crossings.commitEvaluation({ evaluations: [evaluation({ band: restless })] });
      await record(store, [event({ id: "evt-2" })]);
      await store.parking.park(failure({ from: 0 }));
      assert.equal(await told(store), undefined);
      await store.parking.park(failure({ from: 1 }));
      assert.deepEqual(await told(store), { attempts: 1, withoutEffects: false });
    },
  },
  {
    about,
    name: "a parked counter rests until its time, and holds up no other",
    async run({ store }) {
      for (const [i, subject] of ["a", "b", "c"].entries()) {
        const feeds = [birth({ due: true })];
        await record(store, [event({ subject, id: subject, feeds })], at(i));
      }
      await store.parking.park(failure({ subject: "a" }));
      assert.deepEqual([...(await waiting(store, at(minute - 1)))].sort(), ["b", "c"]);
      assert.deepEqual([...(await waiting(store, at(minute)))].sort(), ["a", "b", "c"]);
      const input = { metrics: [metric], limit: 1, trailLimit: 1, now: at(minute - 1) };
      assert.deepEqual(
        (await store.counters.due(input)).map(({ subject }) => subject),
        ["b"],
        "it does not take the place of another",
      );
      const among = async (now: Date) => {
        const keys = ["a", "c"].map((subject) => counterKey({ subject }));
        return (await store.counters.due({ ...input, keys, now })).map(({ subject }) => subject);
      };
      assert.deepEqual(await among(at(minute - 1)), ["c"], "also when it is asked for by its key");
      assert.deepEqual(await among(at(minute)), ["a"]);
    },
  },
  {
    about,
    name: "a parked counter counts on",
    async run({ store }) {
      await due(store);
      await store.parking.park(failure());
      await record(store, [event({ id: "evt-2", amount: 5 })]);
      const found = await awake(store);
      assert.deepEqual(
        found.trail.map(({ rev, from, ids }) => [rev, from, ids]),
        [
          [1, 0, ["evt-1"]],
          [2, 1, ["evt-2"]],
        ],
      );
      assert.equal(found.parked?.attempts, 1);
    },
  },
  {
    about,
    name: "a committed evaluation ends the parking, and the next failure is a first one again; a lost one ends nothing",
    async run({ store }) {
      await due(store);
      await due(store, "globex", "evt-2");
      await store.parking.park(failure());
      await store.parking.park(failure({ subject: "globex" }));
      const evaluations = [evaluation({ from: 1 }), evaluation({ band: restless })];
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [evaluations[0]!] }), ["lost"]);
      assert.equal((await told(store))?.attempts, 1);
      assert.deepEqual(await store.crossings.commitEvaluation({ evaluations: [evaluations[1]!] }), ["committed"]);
      assert.deepEqual(await listed(store), [parked({ subject: "globex" })]);
      await record(store, [event({ id: "evt-3" })]);
      assert.equal(await told(store), undefined);
      await store.parking.park(failure({ from: 1, now: at(7) }));
      const [mine] = await listed(store);
      assert.deepEqual(mine, parked({ since: at(7), retryAt: at(minute + 7) }));
    },
  },
  {
    about,
    name: "a released counter is tried again now, and who released it and why is recorded",
    async run(opened) {
      const { store } = opened;
      await due(store);
      await store.parking.park(failure());
      assert.equal(await store.parking.release(release({ now: at(5) })), true);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await listed(other), [parked({ retryAt: at(5) })]);
      assert.deepEqual(await waiting(other, at(4)), []);
      assert.deepEqual(await waiting(other, at(5)), ["acme"]);
      assert.deepEqual(await told(other), { attempts: 1, withoutEffects: false });
      const { by, why } = release();
      const about = { tenant, entity: "counter", entityId: counterActId(counterKey()), by, why };
      assert.deepEqual(await acts(other), [{ ...about, act: "release", at: at(5) }]);
      assert.equal(await store.parking.release(release({ withoutEffects: true, now: at(6) })), true, "and again");
      assert.deepEqual((await acts(other))[1], { ...about, act: "release_without_effects", at: at(6) });
    },
  },
  {
    about,
    name: "a decision to go on without effects holds until an evaluation commits",
    async run({ store }) {
      await due(store);
      await store.parking.park(failure());
      await store.parking.release(release({ withoutEffects: true }));
      assert.deepEqual(await told(store), { attempts: 1, withoutEffects: true });
      await store.parking.park(failure({ reason: "policy_failed" }));
      assert.deepEqual(await told(store), { attempts: 2, withoutEffects: true });
      await store.crossings.commitEvaluation({ evaluations: [evaluation({ band: restless })] });
      await record(store, [event({ id: "evt-2" })]);
      await store.parking.park(failure({ from: 1 }));
      assert.deepEqual(await told(store), { attempts: 1, withoutEffects: false });
    },
  },
  {
    about,
    name: "a release without effects can be taken back by one with them",
    async run({ store }) {
      await due(store);
      await store.parking.park(failure());
      await store.parking.release(release({ withoutEffects: true }));
      await store.parking.release(release());
      assert.deepEqual(await told(store), { attempts: 1, withoutEffects: false });
    },
  },
  {
    about,
    name: "a counter that is not parked is not released, and nothing is recorded",
    async run({ store }) {
      await due(store);
      const others = [{}, { subject: "nobody" }, { tenant: "other" }, { period: "day" }, { metric: "ad.spend" }];
      await due(store, "parked", "evt-2");
      await store.parking.park(failure({ subject: "parked" }));
      for (const fields of others) {
        assert.equal(await store.parking.release(release(fields)), false);
        assert.deepEqual(await acts(store, counterKey(fields)), []);
      }
      assert.deepEqual(await listed(store), [parked({ subject: "parked" })]);
      assert.equal(await told(store), undefined);
    },
  },
  {
    about,
    name: "parked counters are listed in the order of their keys, page by page, each tenant's own",
    async run(opened) {
      const feeds = [birth({ due: true })];
      for (const key of awkwardKeys) {
        await record(opened.store, [event({ subject: key, id: key, feeds })]);
        await opened.store.parking.park(failure({ subject: key }));
      }
      await record(opened.store, [event({ tenant: "other", feeds }), event({ metric: "ad.spend", id: "ad", feeds })]);
      await opened.store.parking.park(failure({ tenant: "other" }));
      await opened.store.parking.park(failure({ metric: "ad.spend" }));
      const [, other] = await twoStores(opened);
      const paged = await everyPage(7, (last: ParkedCounter | undefined, limit) =>
        other.parking.list({ tenant, limit, ...(last && { after: last }) }),
      );
      const mine = bytewise(awkwardKeys).map((subject) => parked({ subject }));
      assert.deepEqual(paged, [parked({ metric: "ad.spend" }), ...mine]);
      assert.deepEqual(await listed(other, "other"), [parked({ tenant: "other" })]);
      assert.deepEqual(await listed(other, "nobody"), []);
    },
  },
  {
    about,
    name: "a list keeps to the metric and the subject it is given",
    async run({ store }) {
      const feeds = [birth({ due: true })];
      const periods = ["day:UTC:2026-11-05", "lifetime"];
      for (const metric of ["ad.spend", "email.delivered"]) {
        for (const subject of ["acme", "globex"]) {
          for (const period of periods) {
            const key = { metric, subject, period };
            await record(store, [event({ ...key, id: `${subject} ${period}`, feeds: [{ ...feeds[0]!, period }] })]);
            await store.parking.park(failure(key));
          }
        }
      }
      type Filter = Omit<Parameters<ParkingRepository["list"]>[0], "tenant" | "limit">;
      const keys = async (filter: Filter, limit = 10) =>
        (await store.parking.list({ tenant, limit, ...filter })).map(
          (each) => `${each.metric[0]}${each.subject[0]}${each.period[0]}`,
        );
      assert.deepEqual(await keys({ subject: "globex" }), ["agd", "agl", "egd", "egl"]);
      assert.deepEqual(await keys({ metric: "email.delivered" }), ["ead", "eal", "egd", "egl"]);
      assert.deepEqual(await keys({ metric: "email.delivered", subject: "acme" }), ["ead", "eal"]);
      assert.deepEqual(await keys({ metric: "nothing" }), []);
      assert.deepEqual(await keys({ subject: "nobody" }), []);
      const after = { metric: "ad.spend", subject: "globex", period: periods[0]! };
      assert.deepEqual(await keys({ subject: "globex", after }, 2), ["agl", "egd"]);
    },
  },
  {
    about,
    name: "failures at once are all counted",
    async run(opened) {
      const stores = await twoStores(opened);
      await due(opened.store);
      await Promise.all(Array.from({ length: 10 }, (_, i) => stores[i % 2]!.parking.park(failure())));
      assert.equal((await told(opened.store))?.attempts, 10);
    },
  },
  {
    about,
    name: "beside the evaluation of another a counter is not left parked",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      for (let i = 0; i < 12; i++) {
        const subject = `s-${i}`;
        await due(one, subject, `${subject}-1`);
        await record(one, [event({ subject, id: `${subject}-2` })]);
        const [[answer]] = await Promise.all([
          one.crossings.commitEvaluation({ evaluations: [evaluation({ subject })] }),
          two.parking.park(failure({ subject })),
        ]);
        assert.equal(answer, "committed");
        assert.equal(await told(two, { subject }), undefined);
      }
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides when it is tried again",
    async run({ store }) {
      await due(store);
      const { now: _, ...input } = failure();
      await assertOwnClock(async () => {
        await store.parking.park(input);
        return (await listed(store))[0]!.retryAt;
      }, minute);
      const ready = async () => (await store.counters.due({ metrics: [metric], limit: 1, trailLimit: 1 })).length;
      assert.equal(await ready(), 0);
      const { now: __, ...again } = release();
      await assertOwnClock(async () => {
        await store.parking.release(again);
        return (await listed(store))[0]!.retryAt;
      });
      assert.equal(await ready(), 1);
    },
  },
];
