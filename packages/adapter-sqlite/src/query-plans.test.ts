import type Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tenantsPerCall } from "./idle-counters.js";
import { type SqliteStore, sqliteStore } from "./index.js";
import { type TemporaryDatabase, temporaryDatabase } from "./sqlite-harness.js";
import { definition, metric } from "./store-samples.js";

// What SQLite says of the statements that steps send: each finds its rows by an index, and sorts nothing.

let database: TemporaryDatabase;
let db: Database.Database;
let store: SqliteStore;
const sent: { readonly sql: string; readonly params: readonly unknown[] }[] = [];
beforeEach(async () => {
  database = temporaryDatabase();
  db = database.open();
  const watched = Object.create(db, {
    prepare: {
      value(sql: string) {
        const statement = db.prepare(sql);
        for (const method of ["run", "get", "all"] as const) {
          const call = statement[method].bind(statement) as (...params: unknown[]) => never;
          statement[method] = (...params: unknown[]) => {
            sent.push({ sql, params });
            return call(...params);
          };
        }
        return statement;
      },
    },
  }) as Database.Database;
  store = sqliteStore(watched);
  await store.migrate();
  sent.length = 0;
});
afterEach(() => database.dispose());

/** How the statements of a step get at our tables. Lists that were handed over as JSON are left out. */
async function plansOf(step: () => Promise<unknown>): Promise<string[]> {
  sent.length = 0;
  await step();
  const own = sent.filter(({ sql }) => sql.includes("milepost_"));
  return own.flatMap(({ sql, params }) => {
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...params) as { detail: string }[];
    return rows.map(({ detail }) => detail).filter((detail) => /milepost_|B-TREE/.test(detail));
  });
}

const byKey = "sqlite_autoindex_milepost_counters_1";

test("counters that are to be woken are found by their time, and one subject's by their key", async () => {
  const input = { metrics: [metric], limit: 9 };
  expect(await plansOf(() => store.counters.wake(input))).toEqual([
    "SEARCH milepost_counters USING INDEX milepost_counters_wake_at (wake_at<?)",
  ]);
  const subject = { tenant: "t", subject: "s" };
  expect(await plansOf(() => store.counters.wake({ ...input, subject }))).toEqual([
    `SEARCH milepost_counters USING INDEX ${byKey} (tenant=? AND metric=? AND subject=?)`,
    "USE TEMP B-TREE FOR ORDER BY",
  ]);
});

test("due counters are found by their trail, and whether one is parked by its key", async () => {
  const parked = "SEARCH p USING PRIMARY KEY (tenant=? AND metric=? AND subject=? AND period=?) LEFT-JOIN";
  const rest = { metrics: [metric], limit: 9, trailLimit: 9 };
  const plans = async (keys?: { tenant: string; metric: string; subject: string; period: string }[]) => {
    sent.length = 0;
    await store.counters.due({ ...rest, ...(keys && { keys }) });
    const [due] = sent.filter(({ sql }) => sql.includes("milepost_parked"));
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${due!.sql}`).all(...due!.params) as { detail: string }[];
    return rows.map(({ detail }) => detail).filter((detail) => /^(SCAN|SEARCH) [ctp] |B-TREE/.test(detail));
  };
  const key = `SEARCH c USING INDEX ${byKey} (tenant=? AND metric=? AND subject=? AND period=?)`;
  expect(await plans()).toEqual(["SCAN t USING INDEX milepost_trail_recorded_at", key, parked]);
  expect(await plans([{ tenant: "t", metric, subject: "s", period: "lifetime" }])).toEqual([key, parked]);
});

test("parked counters are listed by their key", async () => {
  const after = { metric, subject: "s", period: "lifetime" };
  expect(await plansOf(() => store.parking.list({ tenant: "t", after, limit: 9 }))).toEqual([
    "SEARCH milepost_parked USING PRIMARY KEY (tenant=? AND (metric,subject,period)>(?,?,?))",
  ]);
});

test("crossings and notices that wait, and those whose lease is over, have an index each", async () => {
  for (const kind of ["crossings", "notices"] as const) {
    const plans = await plansOf(() => store[kind].claim({ milestones: ["m"], limit: 9, lease: 1 }));
    expect(plans.filter((plan) => plan.includes("milepost_"))).toEqual([
      `SEARCH milepost_${kind} USING INTEGER PRIMARY KEY (rowid=?)`,
      `SEARCH milepost_${kind} USING INDEX milepost_${kind}_pending (not_before<?)`,
      `SEARCH milepost_${kind} USING INDEX milepost_${kind}_leased (lease_until<?)`,
    ]);
  }
  const crossings = ["c1", "c2"];
  expect(await plansOf(() => store.notices.list({ tenant: "t", crossings, limit: 9 }))).toEqual([
    "SEARCH milepost_notices USING INDEX sqlite_autoindex_milepost_notices_2 (tenant=? AND crossing=?)",
    "USE TEMP B-TREE FOR ORDER BY",
  ]);
});

test("a claim hops over the rows of a line, however many wait behind a gate that is shut", async () => {
  const plans = await plansOf(() => store.notifications.claim({ notifiers: ["sink"], limit: 9, served: [], lease: 1 }));
  expect(plans).toEqual([
    // with the fourth: to the three alone SQLite comes by reading all rows that have the same
    "SEARCH milepost_notifications USING COVERING INDEX milepost_notifications_ready ((tenant,notifier,campaign,not_before)>(?,?,?,?))",
  ]);
});

test("levels are told to the counters of one metric, in the order of their key", async () => {
  const owner = { tenant: "t", milestone: "m", subject: "" };
  await store.levels.add({ ...owner, levels: [], by: "b", why: "w" });
  const input = { ...owner, version: 1, metric, period: "month:UTC", limit: 9 };
  const after = { tenant: "t", metric, subject: "s", period: "month:UTC:2026-11" };
  const versions = "SEARCH milepost_levels USING PRIMARY KEY (tenant=? AND milestone=? AND subject=? AND version=?)";
  expect(await plansOf(() => store.levels.apply({ ...input, after }))).toEqual([
    versions,
    `SEARCH milepost_counters USING INDEX ${byKey} (tenant=? AND metric=? AND (subject,period)>(?,?))`,
    versions,
  ]);
  expect(await plansOf(() => store.levels.pending({ milestones: ["m"], limit: 9 }))).toEqual([
    "SCAN milepost_levels USING INDEX milepost_levels_pending",
  ]);
});

test("idle counters are found by the primary key, from tenant to tenant", async () => {
  db.exec(`INSERT INTO milepost_counters (tenant, metric, subject, period, value, rev, due)
    VALUES ('t', '${metric}', 's', 'lifetime', 1, 1, 0)`);
  const after = { tenant: "t", metric, subject: "a", period: "lifetime" };
  const inTenant = "tenant=? AND metric=? AND (subject,period)>(?,?)";
  expect(await plansOf(() => store.counters.idle({ metric, generation: 2, after, limit: 9 }))).toEqual([
    `SEARCH milepost_counters USING INDEX ${byKey} (${inTenant})`,
    `SEARCH milepost_counters USING COVERING INDEX ${byKey} (tenant>?)`,
  ]);
});

test("a walk over idle counters ends its calls also among tenants that have none, and finds each counter once", async () => {
  const tenants = 2 * tenantsPerCall + 10;
  db.exec(`INSERT INTO milepost_counters (tenant, metric, subject, period, value, rev, due)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${tenants})
    SELECT printf('t%05d', i), j.value, 's', 'lifetime', 1, 1, 0 FROM n, json_each('["a", "z"]') j;
    UPDATE milepost_counters SET metric = '${metric}' WHERE metric = 'a' AND tenant IN ('t00150', 't00410')`);
  const found: (readonly string[])[] = [];
  let after: Awaited<ReturnType<typeof store.counters.idle>>["next"] = null;
  do {
    const before = sent.length;
    const page: Awaited<ReturnType<typeof store.counters.idle>> = await store.counters.idle({
      ...{ metric, generation: 2, limit: 5 },
      ...(after && { after }),
    });
    // BEGIN, COMMIT, the first tenant, and two for each
    expect(sent.length - before).toBeLessThanOrEqual(2 * tenantsPerCall + 3);
    found.push(page.counters.map(({ tenant }) => tenant));
    after = page.next;
  } while (after !== null);
  expect(found).toEqual([["t00150"], [], ["t00410"]]);
});

test("a purge finds what is oldest by its time, and needs no table for it", async () => {
  await store.definitions.install({ definitions: [definition()] });
  const before = "(metric=? AND occurred_at<?)";
  expect(await plansOf(() => store.events.purge({ metric, generation: 1, age: 1, limit: 9 }))).toEqual([
    "SEARCH milepost_definitions USING PRIMARY KEY (metric=?)",
    "SEARCH milepost_events USING PRIMARY KEY (tenant=? AND metric=? AND id=?)",
    `SEARCH milepost_events USING COVERING INDEX milepost_events_occurred_at ${before}`,
    "SEARCH milepost_retained_events USING PRIMARY KEY (tenant=? AND metric=? AND subject=? AND rev=? AND place=?)",
    `SEARCH milepost_retained_events USING COVERING INDEX milepost_retained_events_occurred_at ${before}`,
  ]);
});

test("retained events are listed by their key", async () => {
  const after = { rev: 1, place: 0 };
  expect(await plansOf(() => store.events.list({ tenant: "t", metric, subject: "s", after, limit: 9 }))).toEqual([
    "SEARCH milepost_retained_events USING PRIMARY KEY (tenant=? AND metric=? AND subject=? AND (rev,place)>(?,?))",
  ]);
});

test("ids are looked up by their key", async () => {
  expect(await plansOf(() => store.events.known({ tenant: "t", metric, ids: ["a", "b"] }))).toEqual([
    "SEARCH milepost_events USING PRIMARY KEY (tenant=? AND metric=? AND id=?)",
  ]);
});

test("the rows of the inbox that wait and those that were refused have an index each, and go by their number", async () => {
  for (const metrics of [undefined, [metric]]) {
    for (const [refused, index] of [
      [false, "waiting"],
      [true, "refused"],
    ] as const) {
      expect(await plansOf(() => store.inbox.list({ refused, limit: 9, ...(metrics && { metrics }) }))).toEqual([
        `SEARCH milepost_inbox USING INDEX milepost_inbox_${index} (number>?)`,
      ]);
    }
  }
  const [retried] = await plansOf(() => store.inbox.decide({ act: "retry", tenant: "t", by: "ann", why: "again" }));
  expect(retried).toBe("SCAN milepost_inbox USING INDEX milepost_inbox_refused");
  const drained = await plansOf(() => store.counters.add({ events: [], rules: {}, drained: [1, 2] }));
  expect(drained).toEqual(["SEARCH milepost_inbox USING INTEGER PRIMARY KEY (rowid=?)"]);
});

test("what was not sent is counted by an index that holds nothing else, with since or without", async () => {
  const range = { tenant: "t", since: new Date(0), until: new Date(1) };
  for (const [asked, terms] of [
    [{ tenant: "t" }, "tenant=?"],
    [range, "tenant=? AND created_at>? AND created_at<?"],
  ] as const) {
    for (const table of ["crossings", "notices", "notifications"] as const) {
      expect(await plansOf(() => store[table].reasons(asked))).toContainEqual(
        expect.stringMatching(
          new RegExp(`USING COVERING INDEX milepost_${table}_unsent \\(${terms.replaceAll("?", "\\?")}\\)`),
        ),
      );
    }
    const [crossings] = await plansOf(() => store.crossings.reasons({ ...asked, milestone: "m" }));
    expect(crossings).toContain("COVERING INDEX milepost_crossings_unsent");
  }
});

test("a subject's crossings are listed by their own index, in its order", async () => {
  expect(await plansOf(() => store.crossings.list({ tenant: "t", subject: "s", after: "a", limit: 9 }))).toEqual([
    "SEARCH milepost_crossings USING INDEX milepost_crossings_subject (tenant=? AND subject=? AND id>?)",
  ]);
});

test("what is forgotten of a subject is found by an index, in every table", async () => {
  await store.definitions.install({ definitions: [definition()] });
  const act = { entityId: "digest", by: "ann", why: "asked" };
  const halted = await plansOf(() => store.subjects.halt({ tenant: "t", subject: "s", act }));
  const erased = await plansOf(() => store.subjects.erase({ tenant: "t", subject: "s", limit: 9 }));
  const scans = [...halted, ...erased].filter((plan) => plan.startsWith("SCAN"));
  // the definitions are as many as there are metrics, and hosts keep few rows in the inbox
  expect(scans.filter((plan) => !/milepost_(definitions|inbox)/.test(plan))).toEqual([]);
});

test("dead letters are read by an index that has only such rows, in the order of their ids", async () => {
  const once = "SEARCH r USING INDEX sqlite_autoindex_milepost_notifications_2";
  const key =
    "(tenant=? AND source_kind=? AND source_id=? AND channel=? AND recipient_key=? AND item_key=? AND redrive=?)";
  const plans = async (filter: object) => {
    sent.length = 0;
    await store.notifications.deadLetters({ tenant: "t", limit: 9, ...filter });
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${sent[0]!.sql}`).all(...sent[0]!.params) as { detail: string }[];
    return rows.map(({ detail }) => detail).filter((detail) => /^(SCAN|SEARCH) [nr] |B-TREE/.test(detail));
  };
  const dead = "SEARCH n USING INDEX milepost_notifications_dead (tenant=?";
  const redriven = `${once} ${key}`.replace("INDEX", "COVERING INDEX");
  expect(await plans({})).toEqual([`${dead})`, redriven]);
  const since = new Date();
  const all = { after: "n", state: "failed", reason: "refused", notifier: "smtp", milestone: "m", since, until: since };
  expect(await plans(all)).toEqual([`${dead} AND id>?)`, redriven]);
});

test("rows whose hours have closed are found by an index in its order, and opened by their key", async () => {
  expect(await plansOf(() => store.notifications.closed({ limit: 9 }))).toEqual([
    "SEARCH milepost_notifications USING INDEX milepost_notifications_closing (open_until<?)",
  ]);
  const times = { closed: new Date(0), notBefore: new Date(1), openUntil: new Date(2) };
  expect(await plansOf(() => store.notifications.reopen({ openings: [{ tenant: "t", id: "n", ...times }] }))).toEqual([
    "SEARCH milepost_notifications USING INDEX sqlite_autoindex_milepost_notifications_1 (tenant=? AND id=?)",
  ]);
});

test("a suppression finds what waits by its address, and what is said of an address by its key", async () => {
  const person = { tenant: "t", recipientKey: "r", by: "ann", why: "she asked" };
  const suppressions = "SEARCH milepost_suppressions USING PRIMARY KEY (tenant=? AND recipient_key=? AND scope=?)";
  const waiting =
    "SEARCH milepost_notifications USING INDEX milepost_notifications_address (tenant=? AND recipient_key=?)";
  const add = { ...person, scope: "*", reason: "manual", detail: null } as const;
  expect(await plansOf(() => store.suppressions.add(add))).toEqual([suppressions, waiting]);
  const bounced = { ...person, limit: 1, within: 1, detail: null };
  const bounces = "SEARCH milepost_bounces USING PRIMARY KEY (tenant=? AND recipient_key=?)";
  expect(await plansOf(() => store.suppressions.bounced(bounced))).toEqual([bounces, bounces, suppressions, waiting]);
  expect(await plansOf(() => store.suppressions.release({ ...person, scope: "*" }))).toEqual([suppressions, bounces]);
  const consent = { ...person, scope: "news", granted: true, source: "a form" };
  expect(await plansOf(() => store.suppressions.consent(consent))).toEqual([waiting]);
  for (const list of ["list", "consents"] as const) {
    const table = list === "list" ? "suppressions" : "consents";
    const after = { recipientKey: "r", scope: "news" };
    const [page] = await plansOf(() => store.suppressions[list]({ tenant: "t", limit: 9, after }));
    expect(page).toMatch(new RegExp(`^SEARCH milepost_${table} USING PRIMARY KEY \\(tenant=\\? AND `));
    const [some] = await plansOf(() => store.suppressions[list]({ tenant: "t", limit: 9, recipientKeys: ["r", "s"] }));
    expect(some).toBe(`SEARCH milepost_${table} USING PRIMARY KEY (tenant=? AND recipient_key=?)`);
  }
});

test("events find their messages, facts and addresses by an index each", async () => {
  const nothing = { notification: null, messageId: null, receipt: null };
  const said = [{ notification: "n" }, { messageId: "<m>" }, { receipt: "r" }];
  const events = said.map((about, i) => ({
    ...({ tenant: "t", source: "s", id: `e${i}`, type: "bounced", bounce: "soft", reason: null } as const),
    ...({
      occurredAt: new Date(),
      via: "webhook",
      recipientKey: i === 0 ? "r" : null,
      url: null,
      position: null,
    } as const),
    ...{ userAgent: null, ip: null, country: null, city: null, zone: null, device: null, client: null, raw: null },
    ...{ acting: null, about: { ...nothing, ...about } },
  }));
  const softBounces = { limit: 1, within: 1 };
  const plans = await plansOf(() => store.deliveryEvents.record({ tenant: "t", events, softBounces }));
  expect(plans.filter((plan) => !plan.startsWith("SEARCH"))).toEqual([]);
  expect(plans).toContain(
    "SEARCH milepost_notifications USING INDEX milepost_notifications_message_id (tenant=? AND message_id=?)",
  );
  expect(plans).toContain(
    "SEARCH milepost_notifications USING INDEX milepost_notifications_receipt (tenant=? AND receipt=?)",
  );
  expect(await plansOf(() => store.deliveryEvents.match({ limit: 9, softBounces }))).toEqual([
    "SEARCH milepost_delivery_events USING INDEX milepost_delivery_events_match (match_at<?)",
  ]);
  const index = async (query: object) => {
    const [plan, ...others] = await plansOf(() =>
      store.deliveryEvents.list({ tenant: "t", limit: 9, after: 5, ...query }),
    );
    expect(others).toEqual([]);
    return /INDEX milepost_delivery_events_(\w+)/.exec(plan!)?.[1];
  };
  expect(await index({})).toBe("tenant");
  expect(await index({ notification: "n" })).toBe("notification");
  expect(await index({ recipientKey: "r" })).toBe("address");
  expect(await index({ unmatched: true })).toBe("unmatched");
  const purge = await plansOf(() => store.deliveryEvents.purge({ age: 1, limit: 9 }));
  expect(purge.filter((plan) => plan.startsWith("SCAN"))).toEqual([]);
});

test("figures of a campaign read an index of its rows, and sort nothing", async () => {
  for (const by of ["campaign", "template"] as const) {
    const plans = await plansOf(() => store.deliveryEvents.engagement({ tenant: "t", by, campaigns: ["c"] }));
    expect(plans.slice(0, 2)).toEqual([
      "SEARCH n USING COVERING INDEX milepost_notifications_campaign (tenant=? AND campaign=?)",
      "SEARCH f USING COVERING INDEX milepost_delivery_facts_campaign (tenant=? AND campaign=? AND settled=?)",
    ]);
  }
});

test("templates are listed by name or by their category, and a version with its variants is found by keys", async () => {
  const byDefault = "SEARCH d USING INDEX sqlite_autoindex_milepost_template_defaults_1 (tenant=? AND category=?)";
  expect(await plansOf(() => store.templates.list({ tenant: "t", after: "a", limit: 9 }))).toEqual([
    "SEARCH t USING INDEX sqlite_autoindex_milepost_message_templates_1 (tenant=? AND name>?)",
    byDefault,
  ]);
  const ofCategory = { tenant: "t", category: "c", isDefault: true, limit: 9 };
  expect(await plansOf(() => store.templates.list(ofCategory))).toEqual([
    "SEARCH t USING INDEX milepost_message_templates_category (tenant=? AND category=?)",
    byDefault,
    byDefault,
  ]);
  const content = { text: "x" };
  const version = {
    variants: [{ language: "en", hash: "h", content }],
    fallback: "en",
    tags: [],
    sample: {},
    maxItems: null,
  };
  const template = { tenant: "t", name: "n", category: "c", origin: "custom", source: null } as const;
  await store.templates.create({ template, version, by: "ann", why: "a test" });
  expect(await plansOf(() => store.templates.versions({ tenant: "t", name: "n", after: 0, limit: 9 }))).toEqual([
    "SEARCH milepost_template_versions USING INDEX sqlite_autoindex_milepost_template_versions_1 (tenant=? AND template=? AND number>?)",
    "SEARCH r USING INDEX sqlite_autoindex_milepost_template_variants_1 (tenant=? AND template=? AND version=?)",
    "SEARCH c USING INDEX sqlite_autoindex_milepost_templates_1 (tenant=? AND hash=?)",
  ]);
});
