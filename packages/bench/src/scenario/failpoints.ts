import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, type DeliveryMode } from "@milepost/core";
import { checkCounting } from "../check/counting.js";
import { checkDelivery } from "../check/delivery.js";
import { atRest, readTables } from "../check/tables.js";
import { failpointNames } from "../fault/path-steps.js";
import { openPlace, type Place } from "../place/place.js";
import type { VictimInput, VictimReport } from "../program/victim.js";
import { type Sink, startSink } from "../sink/sink.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { eventsBySubject } from "../workload/event-streams.js";
import { seededRandom, shuffled } from "../workload/random.js";
import {
  membersPerSubject,
  mortalTiming,
  patientTiming,
  putSubjects,
  smallConcurrency,
  smallEvents,
  smallLevels,
  smallMilestone,
  smallShape,
} from "../workload/small-work.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";
import { type Figure, Verdict } from "./verdict.js";

const sizes = {
  cases: { full: 0, short: 10, what: "deaths tried at most", zero: "every point in both modes" },
  laterHits: { full: 1, short: 0, what: "1: also later passes of points passed often", zero: "only the first" },
  together: { full: 6, short: 4, what: "cases side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** A process dies when it comes by `point` for the `hit`th time. */
interface Death {
  readonly point: string;
  readonly hit: number;
}

/** One process after another that dies at its point, in one place; then one that does not. */
interface Case {
  readonly mode: DeliveryMode;
  readonly deaths: readonly Death[];
}

const modes = ["at-most-once", "at-least-once"] as const;

/** Points that only a process passes that cleans up behind a dead one. */
const secondDeaths: readonly (readonly string[])[] = [
  // what was marked: the reaper calls it ambiguous
  ["notifications.mark:after", "notifications.settle:before"],
  ["notifications.mark:after", "notifications.settle/commit:before"],
  ["notifications.mark:after", "notifications.settle/commit:after"],
  ["notifier.send:accepted", "notifications.settle:before"],
  ["notifier.send:accepted", "notifications.settle/commit:after"],
  // what was only claimed: the reaper gives it back
  ["notifications.claim:after", "notifications.release:before"],
  ["notifications.claim:after", "notifications.release/commit:after"],
  // and the same point twice
  ["notifications.mark:after", "notifications.mark:after"],
  ["crossings.announce/commit:before", "crossings.announce/commit:before"],
  ["counters.add/commit:after", "crossings.commitEvaluation/commit:before"],
  // the host's event, once more after its death
  ["host.commit:after", "counters.add(drained)/commit:after"],
  ["counters.add(drained)/commit:after", "counters.add(drained)/commit:after"],
];

export const failpoints: Scenario = {
  name: "failpoints",
  title:
    "kill -9 at every step between recording, also in a transaction of the host, and sent: before, in and after its transaction, in both modes",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

/** Every case of a full run. `hits` has how often a process that nobody kills passes each point. */
function allCases({ store, scale, seed }: ScenarioContext<Size>, hits: ReadonlyMap<string, number>): readonly Case[] {
  const points = failpointNames(store);
  const random = seededRandom(seed);
  const first = [...points.map((point) => [point]), ...secondDeaths];
  // how often depends a little on time, so no later than half of it
  const later = points.flatMap((point) => {
    const half = Math.floor((hits.get(point) ?? 0) / 2);
    return scale.laterHits === 0 || half < 2 ? [] : [[{ point, hit: 2 + Math.floor(random() * (half - 1)) }]];
  });
  const deaths = [...first.map((names) => names.map((point) => ({ point, hit: 1 }))), ...later];
  return modes.flatMap((mode) => deaths.map((each) => ({ mode, deaths: each })));
}

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, verdict, crew, places, faults, progress } = context;
  // one sink for all: notifications have ids of their own
  const sink = await startSink(crew, places.folder);
  const started = performance.now();
  const all = allCases(context, scale.laterHits === 0 ? new Map() : await countHits(context, sink));
  const chosen = scale.cases === 0 ? all : shuffled(all, seededRandom(seed)).slice(0, scale.cases);
  const totals = new Map<string, number>();
  const broken: string[] = [];
  let done = 0;

  async function work(queue: Case[]): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const one = await tryCase(context, next, sink);
      for (const [name, value] of Object.entries(one.figures)) add(totals, byMode(name, next.mode), value);
      const deaths = next.deaths.map(({ point, hit }) => `${point} (${hit})`).join(", then ");
      broken.push(...one.broken.map((why) => `${next?.mode}, ${deaths}: ${why}`));
      progress(++done, chosen.length);
    }
  }
  const queue = [...chosen];
  const lanes = Array.from({ length: scale.together }, () => work(queue));
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  await sink.stop();

  const points = new Set(chosen.flatMap(({ deaths }) => deaths.map(({ point }) => point)));
  verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
  verdict.exactly("cases", done, chosen.length);
  verdict.exactly(
    "kills",
    faults.read().length,
    chosen.reduce((sum, { deaths }) => sum + deaths.length, 0),
  );
  verdict.exactly("points", new Set(faults.read().map(({ fault }) => fault)).size, points.size);
  for (const [name, value] of totals) verdict.note(name, value);
  for (const why of broken) verdict.fail(why);
}

/** Where the modes promise different things, they have figures of their own. */
function byMode(name: string, mode: DeliveryMode): string {
  if (name !== "duplicated" && name !== "ambiguous") return name;
  return `${name}${mode === "at-most-once" ? "AtMostOnce" : "AtLeastOnce"}`;
}

async function countHits({ crew, places }: ScenarioContext<Size>, sink: Sink): Promise<ReadonlyMap<string, number>> {
  const input: VictimInput = { place: await places.create(), sinkPort: sink.port, mode: "at-most-once" };
  const { hits } = await crew.start("victim", input).next<VictimReport>();
  return new Map(hits);
}

function add(totals: Map<string, number>, name: string, value: Figure): void {
  if (typeof value === "number") totals.set(name, (totals.get(name) ?? 0) + value);
}

async function tryCase(
  { crew, places, faults }: ScenarioContext<Size>,
  { mode, deaths }: Case,
  sink: Sink,
): Promise<Verdict> {
  const verdict = new Verdict();
  const place = await places.create();
  for (const [i, death] of deaths.entries()) {
    // what the one before held is free then, and the next one begins with taking it back
    if (i > 0) await sleep(mortalTiming.lease + 100);
    const target = { ...death, faultFile: faults.file };
    const victim = crew.start("victim", { place, sinkPort: sink.port, mode, target } satisfies VictimInput);
    const { signal } = await victim.ended;
    if (signal !== "SIGKILL") verdict.fail(`the failpoint was not reached. ${victim.errors}`);
  }
  await recover(place, mode, sink);

  const opened = openPlace(place, { connections: 1 });
  try {
    const tables = await readTables(opened.store);
    checkCounting(tables, { events: eventsBySubject(smallShape), levels: smallLevels }, verdict);
    const ids = new Set(tables.notifications.map(({ id }) => id));
    const lines = (await sink.lines()).filter(({ notification }) => ids.has(notification));
    const inFlightAtKills = smallConcurrency * deaths.length;
    checkDelivery(tables, lines, { mode, recipients: membersPerSubject, inFlightAtKills, maxAttempts: 5 }, verdict);
  } finally {
    await opened.close();
  }
  return verdict;
}

/** The process that is started after the last death: it knows the events, not what became of them. */
async function recover(place: Place, mode: DeliveryMode, sink: Sink): Promise<void> {
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({
    store: opened.store,
    milestones: [smallMilestone(sinkNotifier(sink.port, mode))],
    delivery: patientTiming,
  });
  try {
    await putSubjects(milepost);
    await milepost.recordMany(smallEvents);
    const deadline = performance.now() + 120_000;
    for (;;) {
      await milepost.runOnce({ concurrency: smallConcurrency });
      if ((await atRest(opened.store)) || performance.now() > deadline) return;
      await sleep(50);
    }
  } finally {
    await milepost.close();
    await opened.close();
  }
}
