import { setTimeout as sleep } from "node:timers/promises";
import { accepted, createMilepost, type Milepost, type Notifier, type Store } from "@milepost/core";
import { tenant } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables, type RawTables } from "../place/raw-tables.js";
import type { LauncherInput, LauncherReport } from "../program/launcher.js";
import { type AudienceKind, addressOf, audienceKinds, codeOf, launchedId, person } from "../workload/audience.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  recipients: { full: 1_000_000, short: 20_000, what: "of each campaign: a stream, code with a cursor, contacts" },
  kills: { full: 10, short: 2, what: "of the process that launches it", zero: "none" },
  megabytes: { full: 256, short: 256, what: "that a process may take at most" },
  sent: { full: 500, short: 100, what: "messages that are sent before the counts are looked at" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const launch: Scenario = {
  name: "launch",
  title: "a large campaign is launched, and the process that does it is killed by kill -9 on the way",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

const chunk = 1_000;
/** Milliseconds. */
const lease = 1_200;
const patience = 3_600_000;

async function run(context: ScenarioContext<Size>): Promise<void> {
  for (const [i, kind] of audienceKinds.entries()) {
    const progress = (done: number, total: number) => context.progress(i * total + done, audienceKinds.length * total);
    await launched({ ...context, progress }, kind);
  }
  context.verdict.exactly("kills", context.faults.read().length, context.scale.kills * audienceKinds.length);
}

async function launched(context: ScenarioContext<Size>, kind: AudienceKind): Promise<void> {
  const { scale, places, verdict } = context;
  const place = await places.create();
  const opened = openPlace(place, { connections: 2 });
  const raw = openRawTables(place);
  const figure = (name: string) => `${kind}${name}`;
  try {
    if (kind === "contacts") await addContacts(raw, place, scale.recipients);
    const found = await launchUnderKills(context, kind, place, opened.store);
    verdict.note(figure("RowsPerSecond"), found.perSecond);
    verdict.note(figure("Seconds"), Math.round(found.seconds));
    verdict.atMost(figure("PeakMegabytes"), found.peakMegabytes, scale.megabytes);
    verdict.exactly(figure("ClaimedBeforeAllWereThere"), found.early, 0);
    verdict.atLeast(figure("LooksForSuch"), found.looks, 1);
    await checkRows(context, kind, raw);
    await checkCounts(context, kind, opened.store, raw);
  } finally {
    await raw.close();
    await opened.close();
  }
}

interface Launched {
  /** Of the campaign's rows and repeats, while a process was at it. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly peakMegabytes: number;
  /** Claims that got something before the audience was there, of so many looks. */
  readonly early: number;
  readonly looks: number;
}

/** One process after another launches it until it is loaded; each but the last is killed at a random point. */
async function launchUnderKills(
  { scale, seed, crew, faults, verdict, progress }: ScenarioContext<Size>,
  kind: AudienceKind,
  place: Place,
  store: Store,
): Promise<Launched> {
  const random = seededRandom(seed + audienceKinds.indexOf(kind));
  const all = Math.ceil(scale.recipients / chunk);
  // Who gives a stream begins it again, and would begin it again for hours if it was killed near its end each time.
  const reach = kind === "given" ? all / 5 : all - 1;
  // one in each of as many equal parts, so that there is something left to do for the next process
  const points = Array.from({ length: scale.kills }, (_, i) => Math.floor(((i + random()) / scale.kills) * reach));
  const began = performance.now();
  let busy = 0;
  let written = 0;
  let rss = 0;
  let early = 0;
  let looks = 0;
  for (let killed = 0; ; ) {
    const before = await chunksOf(store);
    // who gives a stream begins it again; the others go on
    const base = kind === "given" ? before : 0;
    const killAt = points[killed];
    const child = crew.start("launcher", { place, kind, recipients: scale.recipients, lease } satisfies LauncherInput);
    let answer: LauncherReport["launched"];
    child.onMessage((message) => {
      const report = message as LauncherReport;
      rss = Math.max(rss, report.rss);
      answer = report.launched ?? answer;
    });
    let first: number | undefined;
    let chunks = before;
    for (;;) {
      if (performance.now() - began > patience) throw new Error(`only ${chunks} chunks were loaded in time`);
      chunks = await chunksOf(store);
      if (chunks > before) first ??= performance.now();
      progress(Math.min(all, chunks - base), all);
      if (!child.running || (killAt !== undefined && chunks > base + killAt)) break;
      early += await claimedEarly(store);
      looks++;
      await sleep(5);
    }
    if (killAt !== undefined) {
      // anywhere in the next chunk
      await sleep(random() * 40);
      const { signal } = await child.kill();
      if (signal !== "SIGKILL") throw new Error(`the process that launches ended before its kill: ${child.errors}`);
      faults.add("kill", `launch of ${kind} at chunk ${chunks - base}`);
      killed++;
    } else await child.finished();
    const end = await chunksOf(store);
    written += end - before;
    busy += first === undefined ? 0 : performance.now() - first;
    if (killAt !== undefined) continue;
    if (answer === undefined) throw new Error("the launch was not answered");
    verdict.note(`${kind}QueuedByTheLast`, answer.queued);
    verdict.note(`${kind}DuplicatesOfTheLast`, answer.duplicates);
    return {
      perSecond: Math.round((written * chunk * 1_000) / busy),
      seconds: (performance.now() - began) / 1_000,
      peakMegabytes: Math.round(rss / 2 ** 20),
      early,
      looks,
    };
  }
}

async function chunksOf(store: Store): Promise<number> {
  return (await store.campaigns.get({ tenant, id: launchedId }))?.chunks ?? 0;
}

/** Whether a worker would get something of a campaign that is not loaded. */
async function claimedEarly(store: Store): Promise<number> {
  const step = { notifiers: ["sink"], limit: 1, served: [], lease: 1_000 };
  const claimed = await store.notifications.claim(step);
  if (claimed.length === 0) return 0;
  const back = { to: "pending", retryIn: 0, refund: true, reason: null } as const;
  await store.notifications.release({ releases: claimed.map(({ id, fence }) => ({ tenant, id, fence, ...back })) });
  const campaign = await store.campaigns.get({ tenant, id: launchedId });
  return campaign?.loaded === true ? 0 : 1;
}

async function checkRows({ scale, verdict }: ScenarioContext<Size>, kind: AudienceKind, raw: RawTables): Promise<void> {
  const table = raw.table("notifications");
  const [found] = await raw.all<Record<"rows" | "addresses" | "touched", number>>(`
    SELECT count(*) AS rows, count(DISTINCT recipient_key) AS addresses,
      sum(CASE WHEN attempts > 0 OR state NOT IN ('pending', 'leased') THEN 1 ELSE 0 END) AS touched FROM ${table}`);
  verdict.exactly(`${kind}Rows`, Number(found!.rows), scale.recipients);
  verdict.exactly(`${kind}Recipients`, Number(found!.addresses), scale.recipients);
  verdict.exactly(`${kind}Touched`, Number(found!.touched), 0);
  const ends = [0, scale.recipients - 1].map((i) => `'${addressOf(i)}'`).join(", ");
  const [last] = await raw.all<{ rows: number }>(
    `SELECT count(*) AS rows FROM ${table} WHERE tenant = '${tenant}' AND recipient_key IN (${ends})`,
  );
  verdict.exactly(`${kind}FirstAndLast`, Number(last!.rows), 2);
}

/** Sends some of it, and holds the live counts against the rows. */
async function checkCounts(
  { scale, verdict }: ScenarioContext<Size>,
  kind: AudienceKind,
  store: Store,
  raw: RawTables,
): Promise<void> {
  const told = new Set<string>();
  let calls = 0;
  let enough = () => {};
  const isEnough = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const notifier: Notifier = {
    ...{ name: "sink", channel: "email", mode: "at-most-once" },
    async send({ to }) {
      told.add(to.address);
      if (++calls === scale.sent) enough();
      return accepted(`r-${calls}`);
    },
  };
  const campaigns = codeOf(kind, scale.recipients, notifier, { members: 0 });
  const milepost = createMilepost({ store, notifiers: [notifier], campaigns });
  try {
    const worker = milepost.worker({ concurrency: 20, pollInterval: 100, sweepInterval: 500 });
    await worker.start();
    await isEnough;
    await milepost.campaigns.pause({ id: launchedId, ...person });
    await worker.stop();
    verdict.atLeast(`${kind}Sent`, calls, scale.sent);
    verdict.exactly(`${kind}SentTwice`, calls - told.size, 0);
    verdict.exactly(`${kind}WrongCounts`, await wrongCounts(milepost, raw, calls, verdict, kind), 0);
  } finally {
    await milepost.close();
  }
}

async function wrongCounts(
  milepost: Milepost,
  raw: RawTables,
  calls: number,
  verdict: ScenarioContext["verdict"],
  kind: AudienceKind,
): Promise<number> {
  const asked = performance.now();
  const { counts, loaded, state } = (await milepost.campaigns.get({ id: launchedId }))!;
  verdict.note(`${kind}CountsMs`, Math.round(performance.now() - asked));
  const rows = await raw.all<{ state: string; rows: number }>(
    `SELECT state, count(*) AS rows FROM ${raw.table("notifications")} GROUP BY state`,
  );
  const byState = new Map(rows.map((row) => [row.state, Number(row.rows)]));
  const of = (...states: readonly string[]) => states.reduce((sum, each) => sum + (byState.get(each) ?? 0), 0);
  const { queued, sent, recipients, ...others } = counts;
  const wrong = [
    queued !== of("pending", "leased"),
    sent !== of("sent") || sent !== calls,
    recipients !== of(...byState.keys()),
    ...Object.entries(others).map(([name, count]) => count !== of(name)),
    !loaded || state !== "paused",
  ];
  return wrong.filter(Boolean).length;
}

/** By SQL: imports have figures of their own. */
async function addContacts(raw: RawTables, { store }: Place, count: number): Promise<void> {
  const postgres = store === "postgres";
  const numbers = postgres
    ? `generate_series(0, ${count - 1}) AS s (i)`
    : `(WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < ${count - 1}) SELECT i FROM s) AS s`;
  const [text, fields, tags] = postgres
    ? ["::text", "jsonb_build_object('code', 'c-' || i::text)", "'{}'"]
    : ["", "json_object('code', 'c-' || i)", "'[]'"];
  const time = `'2026-11-01T00:00:00.000Z'${postgres ? "::timestamptz" : ""}`;
  const address = `'p' || i${text} || '@chaos.example'`;
  await raw.run(`
    INSERT INTO ${raw.table("contacts")} (tenant, id, address, recipient_key, channel, name, locale, tags, fields, created_at, updated_at)
    SELECT '${tenant}', 'c' || i${text}, ${address}, ${address}, 'email', 'P ' || i${text}, 'en', ${tags}, ${fields}, ${time}, ${time}
    FROM ${numbers}`);
  if (postgres) await raw.run(`VACUUM ANALYZE ${raw.table("contacts")}`);
}
