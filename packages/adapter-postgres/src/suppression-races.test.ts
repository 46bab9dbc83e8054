import { setImmediate as nextTurn } from "node:timers/promises";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import {
  type Announcing,
  crossed,
  installed,
  lease,
  markOf,
  notificationOf,
  settlementOf,
} from "./delivery-samples.js";
import { ownDatabase, Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

// R23 and R24: once what forbids a send has committed, no mark of it commits. DELIVERY_RACES=1000 for the full figure.
const trials = Number(process.env.DELIVERY_RACES ?? 40);

let database: Awaited<ReturnType<typeof ownDatabase>>;
let sandbox: Sandbox;
let store: PostgresStore;
let admin: pg.Pool;
beforeAll(async () => {
  database = await ownDatabase(inject("databaseUrl"));
});
afterAll(() => database.drop());
beforeEach(async () => {
  sandbox = new Sandbox(database.url);
  admin = sandbox.pool();
  store = sandbox.store({}, sandbox.pool({ max: 12 }));
  await store.migrate();
  await installed(store);
});
afterEach(() => sandbox.dispose());

const person = { tenant: "default", by: "ann", why: "she asked" };
const suppressing = (recipientKey: string) => {
  return { ...person, recipientKey, scope: "*", reason: "hard_bounce", detail: null } as const;
};

/** As soon as that many statements wait for a lock. */
async function waiting(count: number): Promise<void> {
  const text = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  while (((await admin.query(text)).rowCount ?? 0) < count);
}

const held = async (sql: string): Promise<() => Promise<void>> => {
  const client = await admin.connect();
  await client.query(`SET search_path TO "${sandbox.schema}"; BEGIN; ${sql}`);
  return async () => {
    await client.query("COMMIT; RESET search_path");
    client.release();
  };
};

const claim = (limit: number, notifier = "smtp") =>
  store.notifications.claim({ notifiers: [notifier], limit, served: [], lease });
const rows = () => store.notifications.list({ tenant: "default", limit: 10_000 });
const attempts = async () => (await admin.query(`SELECT FROM "${sandbox.schema}".attempts`)).rowCount;

describe("a suppression", () => {
  const ada = { recipientKey: "ada@example.org" };

  const consenting = { ...person, recipientKey: ada.recipientKey, scope: "*", source: "a form" };
  test.each([
    ["a suppression", () => store.suppressions.add(suppressing(ada.recipientKey))],
    [
      "a last bounce",
      () => store.suppressions.bounced({ ...suppressing(ada.recipientKey), limit: 1, within: 1_000, detail: null }),
    ],
    ["a withdrawal", () => store.suppressions.consent({ ...consenting, granted: false })],
  ])(
    "%s that waits for a row ends it by the clock after that, and never before its last attempt ended",
    async (_, end) => {
      await store.suppressions.consent({ ...consenting, granted: true });
      const [announce] = await crossed(store, "acme", ["c-1"]);
      await announce!([notificationOf("c-1", "n-1", { ...ada, needsConsent: true })]);
      const release = await held("SELECT FROM notifications FOR UPDATE");
      const ending = end();
      await waiting(1);
      const { rows: clock } = await admin.query("SELECT date_trunc('milliseconds', clock_timestamp()) AS now");
      await release();
      expect((await ending).stopped).toBe(1);
      const [row] = await rows();
      expect(row!.settledAt!.getTime()).toBeGreaterThanOrEqual(clock[0].now.getTime());
    },
  );

  test("waits for an announcement under way, and ends what that has added", async () => {
    const [announce] = await crossed(store, "acme", ["c-1"]);
    const release = await held("INSERT INTO lanes (tenant, notifier) VALUES ('default', 'smtp')");
    const announcing = announce!([notificationOf("c-1", "n-1", ada)]);
    await waiting(1);
    const adding = store.suppressions.add(suppressing(ada.recipientKey));
    await waiting(2);
    await release();
    expect((await announcing).notifications).toBe(1);
    expect((await adding).stopped).toBe(1);
    expect(await rows()).toMatchObject([{ state: "suppressed", reason: "suppressed", detail: "hard_bounce" }]);
  });

  test("lets nothing through that an announcement adds which had looked before its commit", async () => {
    const [first, second] = await crossed(store, "acme", ["c-1", "c-2"]);
    await first!([notificationOf("c-1", "n-1", ada)]);
    const release = await held("SELECT FROM notifications FOR UPDATE");
    const adding = store.suppressions.add(suppressing(ada.recipientKey));
    await waiting(1);
    const announcing = second!([notificationOf("c-2", "n-2", ada)]);
    await waiting(2);
    await release();
    expect((await adding).stopped).toBe(1);
    await announcing;
    const now = new Date(Date.now() + 3_600_000);
    expect((await store.verify({ only: ["I11"], sweep: 0, now })).checks.map((each) => each.violations)).toEqual([[]]);
    const left = await claim(9);
    expect(left.map(({ id }) => id)).toEqual(["n-2"]);
    const refused = { result: "refused", state: "suppressed", reason: "suppressed" };
    expect(await store.notifications.mark({ marks: left.map(markOf), lease })).toEqual([refused]);
    expect(await attempts()).toBe(0);
  });

  test("ends a row whose mark waits for it", async () => {
    const [announce] = await crossed(store, "acme", ["c-1"]);
    await announce!(["n-1", "n-2"].map((id) => notificationOf("c-1", id, ada)));
    const leased = await claim(2);
    const release = await held("SELECT FROM notifications WHERE id = 'n-2' FOR UPDATE");
    const adding = store.suppressions.add(suppressing(ada.recipientKey));
    await waiting(1);
    const marking = store.notifications.mark({ marks: leased.filter(({ id }) => id === "n-1").map(markOf), lease });
    await waiting(2);
    await release();
    expect([(await adding).stopped, await marking]).toEqual([2, [{ result: "lost" }]]);
    expect(await attempts()).toBe(0);
  });

  test("is waited for by a redrive, whose row is refused at its mark", async () => {
    const [announce] = await crossed(store, "acme", ["c-1"]);
    await announce!([notificationOf("c-1", "n-1", ada)]);
    const leased = await claim(1);
    await store.notifications.mark({ marks: leased.map(markOf), lease });
    const failed = { to: "failed", outcome: "refused_permanent", reason: "refused" } as const;
    await store.notifications.settle({ settlements: leased.map((row) => settlementOf(row, failed)) });
    const [other] = await crossed(store, "globex", ["c-2"]);
    await other!([notificationOf("c-2", "n-2", ada)]);
    const release = await held("SELECT FROM notifications WHERE id = 'n-2' FOR UPDATE");
    const adding = store.suppressions.add(suppressing(ada.recipientKey));
    await waiting(1);
    const act = { ...person, id: "n-1", act: "redrive", newId: "n-3", acceptDuplicate: false, margin: 0 } as const;
    const redriving = store.notifications.decide(act);
    await waiting(2);
    await release();
    expect([(await adding).stopped, (await redriving).state]).toEqual([1, "pending"]);
    const [again] = await store.notifications.mark({ marks: (await claim(9)).map(markOf), lease });
    expect(again).toEqual({ result: "refused", state: "suppressed", reason: "suppressed" });
  });

  test("waits for the mark under way, and leaves what is being sent", async () => {
    const [announce] = await crossed(store, "acme", ["c-1"]);
    await announce!([notificationOf("c-1", "n-1", ada), notificationOf("c-1", "n-2", ada)]);
    const leased = await claim(2);
    // the mark has locked the first row and waits for the second
    const release = await held("SELECT FROM notifications WHERE id = 'n-2' FOR UPDATE");
    const marking = store.notifications.mark({ marks: leased.map(markOf), lease });
    await waiting(1);
    const adding = store.suppressions.add(suppressing(ada.recipientKey));
    await waiting(2);
    await release();
    expect(await marking).toMatchObject([{ result: "marked" }, { result: "marked" }]);
    expect((await adding).stopped).toBe(0);
    expect((await rows()).map(({ state }) => state)).toEqual(["sending", "sending"]);
  });
});

/**
 * A line for each mark, suppression, pause and cancel, numbered when its transaction commits: from a deferred trigger. Who
 * holds a lock that another waits for has its number first, so what a commit forbids has no later one.
 */
async function journalled(): Promise<void> {
  await admin.query(`SET search_path TO "${sandbox.schema}";
    CREATE SEQUENCE commits;
    CREATE TABLE journal (number bigint, what text, subject text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO "${sandbox.schema}".journal VALUES (nextval('"${sandbox.schema}".commits'), TG_ARGV[0],
        to_jsonb(NEW) ->> TG_ARGV[1]);
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER mark AFTER INSERT ON attempts DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION note('mark', 'notification');
    CREATE CONSTRAINT TRIGGER suppress AFTER INSERT ON suppressions DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION note('suppress', 'recipient_key');
    CREATE CONSTRAINT TRIGGER pause AFTER UPDATE ON lanes DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.paused AND NOT OLD.paused) EXECUTE FUNCTION note('pause', 'notifier');
    CREATE CONSTRAINT TRIGGER cancel AFTER UPDATE ON notifications DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.state = 'cancelled' AND OLD.state <> 'cancelled') EXECUTE FUNCTION note('cancel', 'id');
    RESET search_path`);
}

/** Marks that committed after what forbids them; the whole journal is looked at. */
async function lateMarks(forbids: "suppress" | "pause" | "cancel"): Promise<{ late: number; before: number }> {
  const about = { suppress: "n.recipient_key", pause: "n.notifier", cancel: "n.id" }[forbids];
  const { rows: found } = await admin.query(`SELECT
      count(*) FILTER (WHERE m.number > s.number)::integer AS late,
      count(*) FILTER (WHERE m.number < s.number)::integer AS before
    FROM "${sandbox.schema}".journal s
    JOIN "${sandbox.schema}".notifications n ON ${about} = s.subject
    JOIN "${sandbox.schema}".journal m ON m.what = 'mark' AND m.subject = n.id
    WHERE s.what = '${forbids}'`);
  return found[0];
}

interface Trial {
  readonly name: string;
  readonly ids: readonly string[];
  /** Adds as many again, while the others are at work. */
  readonly announceMore: () => Promise<unknown>;
}

const queued = 6;
const random = (below: number) => Math.floor(Math.random() * below);

/** One lane and one address for each trial, so that trials are apart; half of their notifications are there before. */
async function begun(name: string): Promise<Trial> {
  const own = { notifier: name, recipientKey: `${name}@example.org` };
  const [now, later] = await crossed(store, name, [`${name}-a`, `${name}-b`]);
  const of = (crossing: string) =>
    Array.from({ length: queued }, (_, i) => notificationOf(crossing, `${crossing}-${i}`, own));
  const first = of(`${name}-a`);
  await now!(first);
  const announce: Announcing = later!;
  return { name, ids: first.map(({ id }) => id), announceMore: () => announce(of(`${name}-b`)) };
}

/** What a worker does, with calls that are all refused for now at first and so come back, until nothing is left to claim. */
async function works(notifier: string, onMarked: (count: number) => void = () => {}): Promise<void> {
  for (let idle = 0; idle < 3; ) {
    const leased = await claim(1 + random(4), notifier);
    if (leased.length === 0) {
      idle++;
      await nextTurn();
      continue;
    }
    const results = await store.notifications.mark({ marks: leased.map(markOf), lease });
    const settlements = leased.flatMap((row, i) => {
      const result = results[i];
      if (result?.result !== "marked") return [];
      const again = { to: "pending", outcome: "refused_transient", attempt: result.attempt } as const;
      return settlementOf(row, result.attempt < 3 ? again : { attempt: result.attempt });
    });
    onMarked(settlements.length);
    if (settlements.length > 0) await store.notifications.settle({ settlements });
  }
}

async function raced(forbid: (trial: Trial) => Promise<unknown>): Promise<void> {
  const names = Array.from({ length: trials }, (_, i) => `t${i}`);
  const runOne = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const trial = await begun(name);
      let marked = 0;
      const working = () =>
        works(name, (count) => {
          marked += count;
        });
      const afterSome = async (marks: number, work: () => Promise<unknown>) => {
        // by what was marked, not by time: on a slow machine too it comes amidst the work
        while (marked < marks) await nextTurn();
        for (let turns = random(20); turns > 0; turns--) await nextTurn();
        await work();
      };
      const forbidding = afterSome(random(queued), () => forbid(trial));
      await Promise.all([working(), working(), afterSome(0, trial.announceMore), forbidding]);
      await works(name);
    }
  };
  await Promise.all(Array.from({ length: 3 }, runOne));
}

const patience = 60_000 + trials * 1_000;

describe(`in ${trials} trials, while notifications are added, marked and come back`, () => {
  test("no mark commits after the suppression of its address, and nothing is left to be sent", {
    timeout: patience,
  }, async () => {
    await journalled();
    await raced(({ name }) => store.suppressions.add(suppressing(`${name}@example.org`)));
    const { late, before } = await lateMarks("suppress");
    expect(late).toBe(0);
    // or the races were none
    expect(before).toBeGreaterThan(trials / 4);
    const counts = await store.notifications.count({ tenant: "default" });
    expect(counts.map(({ state }) => state).filter((state) => state !== "sent" && state !== "suppressed")).toEqual([]);
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    expect(total).toBe(trials * 2 * queued);
    expect(counts.find(({ state }) => state === "suppressed")?.count).toBeGreaterThan(trials);
  });

  test("no mark commits after the pause of its lane; resumed, the rest is sent", { timeout: patience }, async () => {
    await journalled();
    await raced(({ name }) => store.lanes.setPaused({ ...person, notifier: name, paused: true }));
    const { late, before } = await lateMarks("pause");
    expect(late).toBe(0);
    expect(before).toBeGreaterThan(trials / 4);
    for (let i = 0; i < trials; i++) {
      await store.lanes.setPaused({ ...person, notifier: `t${i}`, paused: false });
      await works(`t${i}`);
    }
    expect(await store.notifications.count({ tenant: "default" })).toEqual([
      { state: "sent", reason: null, count: trials * 2 * queued },
    ]);
  });

  test("no mark commits after the cancel of its row, and each ends sent or cancelled", {
    timeout: patience,
  }, async () => {
    await journalled();
    const refusals: unknown[] = [];
    await raced(async ({ ids }) => {
      for (const id of ids) {
        const act = { ...person, id, act: "cancel", newId: "", acceptDuplicate: false, margin: 0 } as const;
        await store.notifications.decide(act).catch((error: unknown) => refusals.push(error));
      }
    });
    const { late } = await lateMarks("cancel");
    expect(late).toBe(0);
    for (const error of refusals) expect(error).toMatchObject({ code: "act_refused" });
    const counts = await store.notifications.count({ tenant: "default" });
    expect(counts.map(({ state }) => state)).toEqual(["cancelled", "sent"]);
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(trials * 2 * queued);
  });
});

test("marks, refunds, limits, suppressions, consents, announcements, redrives and forgetting in any order never deadlock", async () => {
  const codes: unknown[] = [];
  const pool = sandbox.pool({ max: 10 });
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
    client.query = ((...given: unknown[]) =>
      query(...given).catch((error: { code?: unknown }) => {
        codes.push(error.code);
        throw error;
      })) as never;
  });
  const busy = sandbox.store({}, pool);
  const lanes = ["a", "b", "c"];
  const addresses = ["x", "y", "z"].map((name) => `${name}@example.org`);
  const pick = <T>(of: readonly T[]): T => of[random(of.length)]!;
  for (const notifier of lanes) await busy.lanes.limit({ ...person, notifier, quota: { count: 1_000, per: "24h" } });
  let n = 0;
  const announceSome = async () => {
    const subject = `s${n++}`;
    const ids = [`${subject}-1`, `${subject}-2`];
    const all = await crossed(busy, subject, ids);
    await Promise.all(
      all.map((announce, i) =>
        announce(
          Array.from({ length: 5 }, (_, k) =>
            notificationOf(ids[i]!, `${ids[i]}-${k}`, { notifier: pick(lanes), recipientKey: pick(addresses) }),
          ).sort(() => Math.random() - 0.5),
        ),
      ),
    );
    return subject;
  };
  const work = async () => {
    const leased = await busy.notifications.claim({ notifiers: lanes, limit: 20, served: [], lease });
    const shuffled = [...leased].sort(() => Math.random() - 0.5);
    const results = await busy.notifications.mark({ marks: shuffled.map(markOf), lease });
    const settlements = shuffled.flatMap((row, i) => {
      const result = results[i];
      if (result?.result !== "marked") return [];
      const { attempt, slot } = result;
      const refused = { to: "failed", outcome: "refused_permanent", reason: "refused" } as const;
      const again = { to: "pending", outcome: "refused_transient", parkIn: random(5) } as const;
      return settlementOf(row, { attempt, slot, notifier: row.notifier, ...pick([{}, refused, again]) });
    });
    await busy.notifications.settle({ settlements: settlements.sort(() => Math.random() - 0.5) });
  };
  const redrive = async () => {
    const failed = await busy.notifications.list({ tenant: "default", states: ["failed"], limit: 50 });
    if (failed.length === 0) return;
    const act = { ...person, id: pick(failed).id, newId: `again-${n++}`, acceptDuplicate: true, margin: 0 };
    await busy.notifications.decide({ ...act, act: "redrive" }).catch((error: { code: string }) => {
      if (!["act_refused", "not_found"].includes(error.code)) throw error;
    });
  };
  const forget = async () => {
    const subject = await announceSome();
    const act = { entityId: `digest of ${subject}`, by: "ann", why: "asked" };
    await busy.subjects.halt({ tenant: "default", subject, act });
    while ((await busy.subjects.erase({ tenant: "default", subject, limit: 3 })).more);
  };
  const steps: readonly (() => Promise<unknown>)[] = [
    ...[announceSome, work, work, work, redrive, forget],
    () => busy.suppressions.add(suppressing(pick(addresses))),
    () => busy.suppressions.release({ ...person, recipientKey: pick(addresses), scope: "*" }),
    () =>
      busy.suppressions.consent({
        ...{ ...person, recipientKey: pick(addresses), scope: "default", source: "a form", granted: random(2) > 0 },
      }),
    () =>
      busy.suppressions.bounced({ ...person, recipientKey: pick(addresses), limit: 3, within: 1_000, detail: null }),
    () => busy.lanes.setPaused({ ...person, notifier: pick(lanes), paused: random(4) === 0 }),
    () => busy.lanes.limit({ ...person, notifier: pick(lanes), rate: { count: 1 + random(9), interval: 10 } }),
  ];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let i = 0; i < trials; i++) await pick(steps)();
    }),
  );
  expect(codes).toEqual([]);
  const taken = await admin.query(`SELECT l.notifier,
      (SELECT sum(v::integer) FROM jsonb_each_text(l.usage -> 'quota') AS u (k, v)) AS used
    FROM "${sandbox.schema}".lanes l WHERE l.quota IS NOT NULL ORDER BY 1`);
  expect(taken.rows.map(({ notifier }) => notifier)).toEqual(lanes);
});
