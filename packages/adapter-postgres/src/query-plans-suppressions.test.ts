import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { markOf, notificationOf } from "./delivery-samples.js";
import { type Access, PlannedStore, total, ways } from "./query-plans.js";

// What the server does on tables of 20,000 rows: notifications of 200 addresses in every state, suppressions, consents.

const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
const accessesOf = planned.accessesOf.bind(planned);
const lease = 60_000;
beforeAll(async () => {
  await store.migrate();
  await planned.fill(
    `INSERT INTO lanes (tenant, notifier, rate) SELECT 't', 'n' || n, CASE WHEN n % 2 = 0 THEN
        '{"count": 1000, "interval": 1000}'::jsonb END FROM generate_series(1, 1000) n;
    INSERT INTO notifications (tenant, id, source_kind, source_id, channel, recipient_key, item_key, notifier, mode,
      recipient, template, data, state, max_attempts, not_before, created_at, fence, attempts, scope, needs_consent)
      SELECT 't', 'n' || n, 'crossing', 'c' || n, 'email', 'r' || n % 200, '', 'n' || n % 10, 'at-most-once',
        '{}', 't', '{}', CASE n % 20 WHEN 0 THEN 'pending' WHEN 1 THEN 'leased' WHEN 10 THEN 'leased' WHEN 2 THEN 'sending'
          WHEN 3 THEN 'ambiguous' WHEN 4 THEN 'failed' ELSE 'sent' END,
        5, now() - interval '1 hour', now(), 1, 1, 'news', n % 3 = 0
      FROM generate_series(1, 20000) n;
    INSERT INTO attempts (tenant, notification, number, fence, started_at)
      SELECT 't', 'n' || n, 1, 1, now() FROM generate_series(1, 20000) n;
    INSERT INTO suppressions SELECT 't', 'x' || n, CASE n % 2 WHEN 0 THEN '*' ELSE 'news' END, 'manual', NULL, 'b', now()
      FROM generate_series(1, 20000) n;
    INSERT INTO consents SELECT 't', 'r' || n, 'news', true, 'a form', 'b', now() FROM generate_series(1, 20000) n;
    INSERT INTO bounces SELECT 't', 'r' || n, 1, now() FROM generate_series(1, 20000) n;
    INSERT INTO crossings (tenant, id, milestone, metric, subject, period, threshold, at, direction, arming, limit_version,
      previous, value, event_id, reached_at, state, notifications, not_before, created_at, fence)
      SELECT 't', 'new', 'm', 'm', 's', 'lifetime', '1', 1, 'rising', 1, 0, 0, 1, 'e', now(), 'leased', 0, now(), now(), 1`,
    ["lanes", "notifications", "attempts", "suppressions", "consents", "bounces", "crossings"],
  );
});
afterAll(() => sandbox.dispose());

const person = { tenant: "t", by: "ann", why: "she asked" };
const of = (found: readonly Access[], table: string) => found.filter((access) => access.table === table);
/** Every table that has many rows is read by an index. */
function expectIndexes(found: readonly Access[]): void {
  const large = ["lanes", "notifications", "attempts", "suppressions", "consents", "bounces"];
  expect(found.filter(({ how, table }) => how === "Seq Scan" && large.includes(table))).toEqual([]);
}

test("a suppression finds what waits by the address, and looks at nothing that has ended", async () => {
  const act = { ...person, recipientKey: "r21", scope: "*", reason: "hard_bounce", detail: null } as const;
  const found = await accessesOf(() => store.suppressions.add(act));
  expectIndexes(found);
  // its 100 rows are all leased; each is read to be locked and to be ended, by either plan
  expect(ways(of(found, "notifications"))).toContain("Index Scan notifications_address");
  expect(total(of(found, "notifications"))).toBeLessThanOrEqual(2 * 2 * 100);
  expect(ways(of(found, "suppressions"))).toEqual(["Index Scan suppressions_pkey"]);
  expect(ways(of(found, "consents")).every((way) => way.endsWith("consents_pkey"))).toBe(true);
  const ended = await accessesOf(() => store.suppressions.add({ ...act, recipientKey: "r19" }));
  expect(total(of(ended, "notifications"))).toBe(0);
});

test("bounces, releases and consents find their rows by the address", async () => {
  const address = { ...person, recipientKey: "r21" };
  const steps = [
    () => store.suppressions.bounced({ ...address, limit: 1, within: 1, detail: null }),
    () => store.suppressions.release({ ...address, recipientKey: "x20", scope: "*" }),
    () => store.suppressions.consent({ ...address, scope: "news", granted: false, source: "a call" }),
  ];
  for (const step of steps) {
    const found = await accessesOf(step);
    expectIndexes(found);
    expect(total(found)).toBeLessThanOrEqual(1_000);
  }
});

test("suppressions and consents are listed by their key", async () => {
  const after = { recipientKey: "r5", scope: "news" };
  for (const list of ["list", "consents"] as const) {
    const some = { tenant: "t", recipientKeys: ["r1", "x2", "x3"], limit: 100 };
    for (const input of [some, { tenant: "t", limit: 50, after }]) {
      const found = await accessesOf(() => store.suppressions[list](input));
      const key = list === "list" ? "suppressions_pkey" : "consents_pkey";
      expect(ways(found).every((way) => way.endsWith(key))).toBe(true);
      expect(total(found)).toBeLessThanOrEqual(2 * 60);
    }
  }
});

test("marks look each address up by its key, in lanes with a rate too", async () => {
  for (const lane of ["n1", "n0"]) {
    const leased = Array.from({ length: 50 }, (_, i) => ({
      tenant: "t",
      id: `n${i * 20 + 1 + (lane === "n1" ? 0 : 9)}`,
      fence: 1,
    }));
    const found = await accessesOf(() => store.notifications.mark({ marks: leased.map(markOf), lease }));
    expectIndexes(found);
    expect(ways(of(found, "suppressions")).every((way) => way.endsWith("suppressions_pkey"))).toBe(true);
    expect(total(of(found, "suppressions"))).toBe(0);
    expect(total(found)).toBeLessThanOrEqual(2 * 2 * 50 * 8);
  }
});

test("an announcement looks each address up by its key", async () => {
  const notifications = Array.from({ length: 100 }, (_, i) =>
    notificationOf("new", `new-${i}`, { tenant: "t", recipientKey: `x${i}`, scope: "news", needsConsent: i % 2 === 0 }),
  );
  const input = { tenant: "t", id: "new", fence: 1, notifications, templates: {}, last: true, lease };
  const found = await accessesOf(() => store.crossings.announce(input));
  expectIndexes(found);
  expect(ways(of(found, "suppressions"))).toEqual(["Index Scan suppressions_pkey"]);
  expect(total(of(found, "suppressions"))).toBeLessThanOrEqual(2 * 100);
  expect(total(of(found, "consents"))).toBeLessThanOrEqual(2 * 100);
});
