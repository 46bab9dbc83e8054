import { setTimeout as sleep } from "node:timers/promises";
import { type CounterState, type Crossing, createMilepost, type Milepost, type Store } from "@milepost/core";
import { watchLockWaits } from "../check/lock-waits.js";
import { limit, rowsOf, tenant } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import type { Code, DeploymentInput, DeploymentOrder, DeploymentReport } from "../program/deployment.js";
import type { SteadyRecorderInput, SteadyRecorderOrder, SteadyRecorderReport } from "../program/steady-recorder.js";
import { startSink } from "../sink/sink.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { namedMilestone } from "../workload/announced-milestone.js";
import { metric } from "../workload/event-streams.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  counters: { full: 1_000_000, short: 2_000, what: "that run already and get no event meanwhile" },
  kills: { full: 5, short: 1, what: "of the process that adopts", zero: "none" },
  recorders: { full: 2, short: 1, what: "processes that go on recording, each on its own subject" },
  seconds: { full: 10, short: 1, what: "of recording before, to compare with" },
  sample: { full: 1_000, short: 20, what: "adopted counters with levels behind that get an event" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const adoption: Scenario = {
  name: "adoption",
  title: "a milestone is installed over many idle counters, and the process that adopts them is killed by kill -9",
  stores: ["postgres", "sqlite"],
  sizes,
  conflict({ counters, sample }: Size) {
    if (sample <= Math.ceil(counters / 10)) return undefined;
    return `--sample (${sample}) is above a tenth of --counters (${counters})`;
  },
  run,
};

const levels = [5, 10, 20];
const code: Code = { milestones: { met: levels } };
/** Every tenth idle counter stands at 10 and has two levels behind it; the others stand at 1. */
const seededValue = (i: number) => (i % 10 === 0 ? 10 : 1);
const seedChunk = 10_000;
/** Milliseconds. */
const patience = 1_200_000;

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, places, crew, verdict, progress } = context;
  const place = await places.create();
  const sink = await startSink(crew, places.folder);
  const opened = openPlace(place);
  try {
    await fill(opened.store, scale.counters, (done) => progress(done / 2, scale.counters));

    const subjects = Array.from({ length: scale.recorders }, (_, i) => `busy-${i}`);
    const recorders = subjects.map((subject) =>
      crew.start("steady-recorder", { place, subject, levels: [] } satisfies SteadyRecorderInput),
    );
    await Promise.all(recorders.map((child) => child.next()));
    const order = (message: SteadyRecorderOrder) => {
      for (const child of recorders) child.send(message);
    };
    const endPhase = async () => {
      const reports = Promise.all(recorders.map((child) => child.next<SteadyRecorderReport>()));
      // more than the highest level, so that all of them lie behind at the install
      order({ do: "end", atLeast: 50 });
      return reports;
    };
    order({ do: "begin" });
    await sleep(scale.seconds * 1_000);
    const before = await endPhase();

    order({ do: "begin" });
    const lockWaits = await watchLockWaits(place);
    const started = performance.now();
    const killed = await adoptUnderKills(context, { place, code, sinkPort: sink.port, works: true }, opened.store);
    const seconds = (performance.now() - started) / 1_000;
    const waits = await lockWaits();
    const during = await endPhase();
    order({ do: "stop" });
    await Promise.all(recorders.map((child) => child.finished()));

    verdict.note("counters", scale.counters);
    verdict.note("seconds", round(seconds));
    verdict.note("countersPerSecond", Math.round(scale.counters / seconds));
    verdict.exactly("kills", killed, scale.kills);
    verdict.exactly("loggedFaults", context.faults.read().length, scale.kills);
    const highest = (reports: readonly SteadyRecorderReport[], what: "p99" | "worst" | "calls" | "busy") =>
      round(Math.max(...reports.map((report) => report[what])));
    verdict.note("recordsBefore", highest(before, "calls"));
    verdict.note("recordP99Before", highest(before, "p99"));
    verdict.note("recordWorstBefore", highest(before, "worst"));
    verdict.note("recordsMeanwhile", highest(during, "calls"));
    verdict.note("recordP99Meanwhile", highest(during, "p99"));
    verdict.note("recordWorstMeanwhile", highest(during, "worst"));
    verdict.exactly("busySeen", highest(during, "busy"), 0);
    if (waits !== undefined) {
      verdict.note("lockWaitsSeen", waits.seen);
      verdict.note("longestLockWaitAtMost", round(waits.longestAtMost));
    }
    // what is recorded makes a counter due, which the process that was stopped may not have come to any more
    await evaluateRest(opened.store, sink.port);
    verdict.exactly("sentOfAdopted", (await sink.lines()).length, 0);
    const busy = new Map(during.map(({ subject, events }) => [subject, events]));
    await checkAdopted(opened.store, scale.counters, busy, context);
    await checkNext(context, opened.store, sink.port);
    const lines = await sink.lines();
    verdict.exactly("sentOfNext", lines.length, scale.sample);
    verdict.exactly("duplicated", lines.length - new Set(lines.map(({ notification }) => notification)).size, 0);
    await sink.stop();
  } finally {
    await opened.close();
  }
}

async function fill(store: Store, counters: number, progress: (done: number) => void): Promise<void> {
  const milepost = createMilepost({ store, onUnknownMetric: "count" });
  for (let from = 0; from < counters; from += seedChunk) {
    const count = Math.min(seedChunk, counters - from);
    await milepost.recordMany(
      Array.from({ length: count }, (_, k) => {
        const i = from + k;
        return { id: `idle-${i}`, metric, subject: `idle-${i}`, amount: seededValue(i) };
      }),
    );
    progress(from + count);
  }
}

/** One process after another adopts until all counters are; answers how many of them were killed before that. */
async function adoptUnderKills(
  { scale, crew, faults, progress }: ScenarioContext<Size>,
  input: DeploymentInput,
  store: Store,
): Promise<number> {
  const isDone = async () => {
    const [definition] = await store.definitions.list();
    return (definition?.milestones.length ?? 0) > 0 && definition!.adopted === definition!.generation;
  };
  const deadline = performance.now() + patience;
  let killed = 0;
  let earlier = 0;
  for (;;) {
    const child = crew.start("deployment", input);
    let adopted = 0;
    child.onMessage((message) => {
      const report = message as DeploymentReport;
      if ("adopted" in report) adopted = report.adopted;
      progress(scale.counters / 2 + (earlier + adopted) / 2, scale.counters);
    });
    const killAt = killed < scale.kills ? scale.counters * 0.7 * ((killed + 0.2) / scale.kills) : undefined;
    for (;;) {
      if (killAt !== undefined && earlier + adopted >= killAt) break;
      if (performance.now() > deadline) throw new Error(`only ${earlier + adopted} counters were adopted in time`);
      if (!child.running) throw new Error(`the process that adopts ended: ${child.errors}`);
      if (killAt === undefined ? await isDone() : adopted >= scale.counters) {
        child.send({ stop: true } satisfies DeploymentOrder);
        await child.finished();
        return killed;
      }
      await sleep(killAt === undefined ? 50 : 1);
    }
    const { signal } = await child.kill();
    // of use only while there is something left to adopt
    if (signal === "SIGKILL" && !(await isDone())) {
      faults.add("kill", `adopting process at ${earlier + adopted}`);
      killed++;
    }
    earlier += adopted;
  }
}

async function evaluateRest(store: Store, sinkPort: number): Promise<void> {
  const milepost = newest(store, sinkPort);
  await milepost.runOnce();
  await milepost.close();
}

function newest(store: Store, sinkPort: number): Milepost {
  const milestones = [namedMilestone("met", levels, sinkNotifier(sinkPort, "at-most-once"))];
  return createMilepost({ store, milestones });
}

/** Every counter has met the milestone, and each level behind it is there once. */
async function checkAdopted(
  store: Store,
  counters: number,
  busy: ReadonlyMap<string, number>,
  { verdict }: ScenarioContext<Size>,
): Promise<void> {
  const [definition] = await store.definitions.list();
  const reports = createMilepost({ store, onUnknownMetric: "count" });
  verdict.exactly("definitionAdopted", Number((await reports.definitions.list())[0]?.adopted ?? false), 1);
  let unmet = 0;
  for (let after: Awaited<ReturnType<typeof store.counters.idle>>["next"] | undefined; after !== null; ) {
    const chunk = { metric, generation: definition!.generation, limit, ...(after && { after }) };
    const page = await store.counters.idle(chunk);
    unmet += page.counters.length;
    after = page.next;
  }
  verdict.exactly("countersThatHaveNotMetIt", unmet, 0);

  let wrongValues = 0;
  let found = 0;
  const everyCounter = rowsOf((after: CounterState | undefined) =>
    store.counters.list({ tenant, limit, ...(after && { after }) }),
  );
  for await (const { subject, value } of everyCounter) {
    found++;
    if (value !== (busy.get(subject) ?? seededValue(Number(subject.slice("idle-".length))))) wrongValues++;
  }
  verdict.exactly("countersFound", found, counters + busy.size);
  verdict.exactly("wrongValues", wrongValues, 0);

  const keys = new Set<string>();
  let crossings = 0;
  let wrong = 0;
  const everyCrossing = rowsOf((after: Crossing | undefined) =>
    store.crossings.list({ tenant, limit, ...(after && { after: after.id }) }),
  );
  for await (const { subject, threshold, state, eventId, value, previous, at } of everyCrossing) {
    crossings++;
    keys.add(`${subject} ${threshold}`);
    const standsAt = busy.has(subject) ? value : seededValue(Number(subject.slice("idle-".length)));
    const sound = state === "adopted" && eventId === "" && value === previous && value === standsAt && at <= value;
    if (!sound) wrong++;
  }
  const wanted = Math.ceil(counters / 10) * 2 + busy.size * levels.length;
  verdict.exactly("adoptedCrossings", crossings, wanted);
  verdict.exactly("duplicateCrossings", crossings - keys.size, 0);
  verdict.exactly("wrongCrossings", wrong, 0);
}

/** The next event of counters that were adopted is told, and only the level that it passes. */
async function checkNext({ scale, verdict }: ScenarioContext<Size>, store: Store, sinkPort: number): Promise<void> {
  const milepost = newest(store, sinkPort);
  const subjects = Array.from({ length: scale.sample }, (_, i) => `idle-${i * 10}`);
  const { crossings } = await milepost.recordMany(
    subjects.map((subject) => ({ id: `next-${subject}`, metric, subject, amount: 10 })),
  );
  const right = crossings.filter(({ threshold, eventId, subject }) => {
    return threshold === "20" && eventId === `next-${subject}`;
  });
  verdict.exactly("nextCrossings", crossings.length, scale.sample);
  verdict.exactly("nextCrossingsRight", right.length, scale.sample);
  await milepost.runOnce({ concurrency: 20 });
  await milepost.close();
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
