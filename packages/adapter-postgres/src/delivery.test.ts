import type pg from "pg";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { crossed, installed, lease, markOf, notificationOf, settlementOf } from "./delivery-samples.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

let sandbox: Sandbox;
let store: PostgresStore;
let admin: pg.Pool;
beforeEach(async () => {
  sandbox = new Sandbox(inject("databaseUrl"));
  admin = sandbox.pool();
  store = sandbox.store({}, sandbox.pool({ max: 8 }));
  await store.migrate();
});
afterEach(() => sandbox.dispose());

async function somebodyWaits(): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`;
  while ((await admin.query(waiting, [sandbox.schema])).rowCount === 0);
}

/** Puts notifications into the store the way the engine does: through a crossing and its announcement. */
async function announced(count: number, notifierOf: (i: number) => string = () => "smtp"): Promise<void> {
  await installed(store);
  const [announce] = await crossed(store, "acme", ["c-1"]);
  const ids = Array.from({ length: count }, (_, i) => `n-${String(i).padStart(4, "0")}`);
  await announce?.(ids.map((id, i) => notificationOf("c-1", id, { notifier: notifierOf(i) })));
}

const claim = (limit: number) => store.notifications.claim({ notifiers: ["smtp", "a", "b"], limit, served: [], lease });
const pause = { tenant: "default", notifier: "smtp", paused: true, by: "ann", why: "stop" };

describe("a pause and a mark", () => {
  test("a mark that began before the pause's commit and ends after it is deferred", async () => {
    await announced(3);
    const rows = await claim(3);
    const holder = await admin.connect();
    await holder.query(`BEGIN; UPDATE "${sandbox.schema}".lanes SET paused = true`);
    const marking = store.notifications.mark({ marks: rows.map(markOf), lease });
    await somebodyWaits();
    await holder.query("COMMIT");
    holder.release();
    expect(await marking).toEqual(rows.map(() => ({ result: "deferred", opensIn: null })));
    expect(await store.notifications.attempts({ tenant: "default", notification: "n-0000" })).toEqual([]);
  });

  test("a pause waits for the mark under way", async () => {
    await announced(1);
    const [row] = await claim(1);
    const holder = await admin.connect();
    await holder.query(`BEGIN; SELECT FROM "${sandbox.schema}".notifications FOR UPDATE`);
    const marking = store.notifications.mark({ marks: row ? [markOf(row)] : [], lease });
    await somebodyWaits();
    let paused = false;
    const pausing = store.lanes.setPaused(pause).then(() => {
      paused = true;
    });
    const both = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`;
    while ((await admin.query(both, [sandbox.schema])).rowCount !== 2);
    expect(paused).toBe(false);
    await holder.query("COMMIT");
    holder.release();
    expect(await marking).toMatchObject([{ result: "marked", attempt: 1 }]);
    await pausing;
  });

  test("no mark is committed after the pause's answer, however many race", async () => {
    await announced(200);
    let stopped = false;
    const late: unknown[] = [];
    const work = async () => {
      for (;;) {
        const rows = await claim(5);
        if (rows.length === 0) return;
        const before = stopped;
        const results = await store.notifications.mark({ marks: rows.map(markOf), lease });
        if (before) late.push(...results.filter(({ result }) => result === "marked"));
      }
    };
    const pausing = claim(1).then(async () => {
      await store.lanes.setPaused(pause);
      stopped = true;
    });
    await Promise.all([work(), work(), work(), pausing]);
    expect(late).toEqual([]);
  });
});

test("a late result that waited for the sweep is evidence", async () => {
  await announced(1);
  const [row] = await claim(1);
  const mark = markOf(row ?? { tenant: "", id: "", fence: 0 });
  await store.notifications.mark({ marks: [mark], lease });
  const settlement = settlementOf(mark, { receipt: "250" });
  // What the sweep does, held open until the late result waits for it.
  const holder = await admin.connect();
  await holder.query(`BEGIN;
    UPDATE "${sandbox.schema}".attempts SET outcome = 'ambiguous', ended_at = now();
    UPDATE "${sandbox.schema}".notifications SET state = 'ambiguous', fence = fence + 1, was_ambiguous = true`);
  const settling = store.notifications.settle({ settlements: [settlement] });
  await somebodyWaits();
  await holder.query("COMMIT");
  holder.release();
  expect(await settling).toEqual(["evidence"]);
  const [sent] = await store.notifications.list({ tenant: "default", limit: 1 });
  expect(sent).toMatchObject({ state: "sent", receipt: "250", wasAmbiguous: true });
});

test("a row named twice in one batch is settled in turn", async () => {
  await announced(1);
  const [row] = await claim(1);
  const mark = markOf(row ?? { tenant: "", id: "", fence: 0 });
  const marked = await store.notifications.mark({ marks: [mark, mark], lease });
  expect(marked).toMatchObject([
    { result: "marked", attempt: 1 },
    { result: "marked", attempt: 1 },
  ]);
  expect(await store.notifications.attempts({ tenant: "default", notification: mark.id })).toHaveLength(1);
});

test("claims at once share one lane's rows, none twice and none left", async () => {
  await announced(100);
  const claims = await Promise.all(Array.from({ length: 10 }, () => claim(10)));
  const taken = claims.flat().map(({ id }) => id);
  expect(new Set(taken).size).toBe(taken.length);
  while (taken.length < 100) {
    const more = await claim(10);
    expect(more.length).toBeGreaterThan(0);
    taken.push(...more.map(({ id }) => id));
  }
});

test("marks, settlements and releases of the same rows in random order never deadlock", async () => {
  await announced(60, (i) => ["smtp", "a", "b"][i % 3] as string);
  const rows = await claim(60);
  const shuffled = () => [...rows].sort(() => Math.random() - 0.5);
  const before = await store.notifications.count({ tenant: "default" });
  expect(before).toEqual([{ state: "leased", reason: null, count: 60 }]);
  const again = { to: "pending", outcome: "refused_transient", reason: "refused" } as const;
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      await store.notifications.mark({ marks: shuffled().map(markOf), lease });
      await store.notifications.settle({ settlements: shuffled().map((row) => settlementOf(row, again)) });
      const releases = shuffled().map(({ tenant, id, fence }) => ({ tenant, id, fence, to: "pending" as const }));
      const further = { retryIn: 0, refund: true, reason: null };
      await store.notifications.release({ releases: releases.map((release) => ({ ...release, ...further })) });
    }),
  );
  expect(await store.notifications.count({ tenant: "default" })).toEqual([
    { state: "pending", reason: "refused", count: 60 },
  ]);
  const attempts = await Promise.all(
    rows.map(({ id }) => store.notifications.attempts({ tenant: "default", notification: id })),
  );
  expect(attempts.every((list) => list.length === 1)).toBe(true);
});
