import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PlannedStore, total, ways } from "./query-plans.js";

// What the server does on tables of 20,000 rows: due, sleeping and parked counters, stored levels, notices.

const metric = "m";
const key = (n: number) => ({ tenant: "t4", metric, subject: `s${n}`, period: "lifetime" });
const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
const accessesOf = planned.accessesOf.bind(planned);
beforeAll(async () => {
  await store.migrate();
  const minutes = "timestamptz '2026-01-01' + n * interval '1 minute'";
  // All counters are due; the hundred that have waited longest are parked.
  await planned.fill(
    `INSERT INTO definitions (metric, generation, decrements, births, milestones) VALUES ('${metric}', 1, false, '[]', '[]');
    INSERT INTO counters (tenant, metric, subject, period, value, rev, due, dip, peak, place, generation, wake_at)
      SELECT 't' || n % 10, '${metric}', 's' || n, 'lifetime', 1, 1, true, 1, 1, 1, 1, CASE n % 10 WHEN 4 THEN ${minutes} END
      FROM generate_series(1, 20000) n;
    INSERT INTO trail (tenant, metric, subject, period, rev, from_value, ids, amounts, occurred_ats, recorded_at)
      SELECT 't' || n % 10, '${metric}', 's' || n, 'lifetime', 1, 0, '{e}', '{1}', '{2026-01-01}', ${minutes}
      FROM generate_series(1, 20000) n;
    INSERT INTO parked (tenant, metric, subject, period, folded, reason, detail, attempts, since, retry_at)
      SELECT 't' || n % 10, '${metric}', 's' || n, 'lifetime', 0, 'effect_failed', '', 1, now(), now() + interval '1 day'
      FROM generate_series(1, 20000) n WHERE n <= 100 OR n % 10 = 7;
    INSERT INTO notices (tenant, id, crossing, milestone, kind, number, value, noticed_at, state, not_before, lease_until, created_at)
      SELECT 't' || n % 10, 'n' || n, 'c' || n / 10, 'budget', 'reminder', n, 1, now(),
        CASE n % 100 WHEN 0 THEN 'pending' WHEN 1 THEN 'leased' ELSE 'announced' END, ${minutes}, ${minutes}, now()
      FROM generate_series(1, 20000) n;
    INSERT INTO levels_heads SELECT 't' || n % 10, 'budget', 's' || n, 2, 1 FROM generate_series(1, 10000) n;
    INSERT INTO levels (tenant, milestone, subject, version, levels, applied, pending, by, why, created_at)
      SELECT 't' || n % 10, 'budget', 's' || n, v, '[]', v = 1, n % 500 = 4 AND v = 2, 'b', 'w', ${minutes}
      FROM generate_series(1, 10000) n, generate_series(1, 2) v`,
    ["counters", "trail", "parked", "notices", "levels_heads", "levels"],
  );
});
afterAll(() => sandbox.dispose());

test("a sweep finds due counters by their first trail row, and passes over those that rest", async () => {
  const found = await accessesOf(() => store.counters.due({ metrics: [metric], limit: 50, trailLimit: 9 }));
  expect(ways(found)).not.toContainEqual(expect.stringMatching(/^Seq Scan/));
  expect(ways(found)).toContain("Index Scan trail_recorded_at");
  // either plan: 150 first rows, those that are parked among them, and six looks for each at most
  expect(total(found)).toBeLessThan(2 * 150 * 7);
});

test("counters that are to be woken are found by their time, and one subject's by their key", async () => {
  const input = { metrics: [metric], limit: 50 };
  const any = await accessesOf(() => store.counters.wake(input));
  expect(ways(any)).toEqual(["Index Scan counters_wake_at", "Tid Scan "]);
  expect(total(any)).toBeLessThan(2 * 3 * 60);
  const subject = { tenant: "t4", subject: "s14" };
  const one = await accessesOf(() => store.counters.wake({ ...input, subject }));
  expect(ways(one)).toEqual(["Index Scan counters_pkey"]);
  expect(total(one)).toBeLessThan(2 * 4);
});

test("an evaluation reaches its counter, its trail, its heads and whether it is parked by their keys", async () => {
  const evaluations = [14, 24, 34].map((n) => ({
    ...key(n),
    ...{ generation: 1, reached: 1, from: 0, upTo: 1, band: { below: null, above: null }, state: {}, crossings: [] },
  }));
  const levelsSeen = [14, 2004].map((n) => ({ milestone: "budget", subject: `s${n}`, applied: 1 }));
  for (const given of [evaluations, evaluations.map((each) => ({ ...each, levelsSeen }))]) {
    const found = await accessesOf(() => store.crossings.commitEvaluation({ evaluations: given }));
    const large = found.filter(({ table }) => ["counters", "trail", "parked", "levels_heads"].includes(table));
    expect(ways(large).filter((way) => !/ (counters|trail|parked|levels_heads)_pkey$/.test(way))).toEqual([]);
    expect(total(large)).toBeLessThan(2 * 3 * 20);
  }
});

test("notices that wait, and those whose lease is over, have an index each", async () => {
  const found = await accessesOf(() => store.notices.claim({ milestones: ["budget"], limit: 20, lease: 1000 }));
  expect(ways(found)).toEqual(["Index Scan notices_leased", "Index Scan notices_pending", "Index Scan notices_pkey"]);
  expect(total(found)).toBeLessThan(2 * 300);
  const listed = await accessesOf(() => store.notices.list({ tenant: "t4", crossings: ["c14", "c15"], limit: 9 }));
  expect(total(listed)).toBeLessThan(2 * 3);
});

test("levels are told to the counters of one metric in the order of their key, page by page", async () => {
  await store.levels.add({ tenant: "t4", milestone: "budget", subject: "", levels: [], by: "b", why: "w" });
  const owner = { tenant: "t4", milestone: "budget", subject: "", version: 1 };
  const input = { ...owner, metric, period: "lifetime", limit: 50, after: key(14) };
  const found = await accessesOf(() => store.levels.apply(input));
  expect(ways(found.filter(({ table }) => table === "counters"))).toEqual(["Index Scan counters_pkey"]);
  expect(ways(found).filter((way) => way.startsWith("Seq Scan"))).toEqual([]);
  expect(total(found)).toBeLessThan(2 * 3 * 60);
  const pending = await accessesOf(() => store.levels.pending({ milestones: ["budget"], limit: 9 }));
  expect(ways(pending)).toEqual(["Index Scan levels_pending"]);
});
