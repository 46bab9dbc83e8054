import { setTimeout as sleep } from "node:timers/promises";
import { type Crossing, createMilepost } from "@milepost/core";
import { checkDelivery } from "../check/delivery.js";
import { atRest, readTables, type Tables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import type { Child, Crew } from "../process/crew.js";
import type { Code, DeploymentInput, DeploymentOrder, DeploymentReport } from "../program/deployment.js";
import { startSink } from "../sink/sink.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { namedMilestone } from "../workload/announced-milestone.js";
import { eventAt, metric, type StreamShape } from "../workload/event-streams.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";
import type { Verdict } from "./verdict.js";

const sizes = {
  seconds: { full: 20, short: 3, what: "from the first event to the last" },
  perSecond: { full: 1_000, short: 500, what: "events of all old writers; one that only records adds a tenth" },
  writers: { full: 3, short: 3, what: "processes that record with the old code" },
  subjects: { full: 50, short: 10, what: "counters" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

export const deployments: Scenario = {
  name: "R6",
  title:
    "milestones are added, edited and removed by deployments while old code and record-only processes go on writing",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

/** The versions of the code, in the order of their deployment. */
function versions(highest: number): readonly Code[] {
  const every = (step: number) => Array.from({ length: Math.floor(highest / step) }, (_, i) => (i + 1) * step);
  const first = every(10);
  const brief = every(9);
  const added = every(7);
  const edited = every(8);
  const retains = true;
  return [
    { retains, milestones: { first, brief } },
    { retains, milestones: { first, brief, added } },
    { retains, milestones: { first: edited, brief, added } },
    { retains, milestones: { first: edited, added }, removed: ["brief"] },
  ];
}

/** Counters directly before an install was begun and directly after it was over. */
interface Change {
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
}

/** A process of some version, and what it has told. */
class Deployed {
  readonly child: Child;
  readonly version: number;
  readonly evaluated: { readonly subject: string; readonly value: number }[] = [];
  done = 0;
  behind = 0;
  #reached: (n: number) => void = () => {};
  readonly ready: Promise<void>;

  constructor(crew: Crew, version: number, input: DeploymentInput) {
    this.version = version;
    this.done = input.writes?.from ?? 0;
    this.child = crew.start("deployment", input);
    this.ready = new Promise<void>((resolve, reject) => {
      this.child.onMessage((message) => {
        const report = message as DeploymentReport;
        if ("ready" in report) resolve();
        else if ("reached" in report) this.#reached(report.reached);
        else if ("done" in report) this.done = report.done;
        else if ("behind" in report) this.behind++;
        else if ("evaluated" in report) this.evaluated.push(report.evaluated);
      });
      void this.child.ended.then(() => reject(new Error(`it ended too early: ${this.child.errors}`)));
    });
    this.ready.catch(() => {});
  }

  /** Lets it record up to this number, 0: no further than it is; answers where it is then. */
  async write(until: number): Promise<number> {
    const reached = new Promise<number>((resolve) => {
      this.#reached = resolve;
    });
    this.child.send({ until } satisfies DeploymentOrder);
    const ended = this.child.ended.then(() => Promise.reject(new Error(this.child.errors)));
    ended.catch(() => {});
    return Promise.race([reached, ended]);
  }

  async stop(): Promise<void> {
    this.child.send({ stop: true } satisfies DeploymentOrder);
    await this.child.finished();
  }
}

async function run(context: ScenarioContext<Size>): Promise<void> {
  await flow(context);
  await thousandth(context);
}

async function flow({ scale, seed, places, crew, faults, verdict, progress }: ScenarioContext<Size>): Promise<void> {
  const place = await places.create();
  const sink = await startSink(crew, places.folder);
  const total = scale.perSecond * scale.seconds;
  const codes = versions(Math.floor((2 * total) / scale.subjects));
  const shape: StreamShape = { seed, streams: scale.writers + 1, events: 0, subjects: scale.subjects };
  const recordOnly = scale.writers;
  const opened = openPlace(place, { connections: 1 });
  const everyone: Deployed[] = [];

  const deploy = async (version: number, more: Pick<DeploymentInput, "works" | "writes">, code?: Code) => {
    const input = { place, code: code ?? codes[version]!, sinkPort: sink.port, ...more } satisfies DeploymentInput;
    const deployed = new Deployed(crew, version, input);
    everyone.push(deployed);
    await deployed.ready;
    return deployed;
  };
  const startWriter = (stream: number, from: number) => {
    const perSecond = stream === recordOnly ? scale.perSecond / 10 : scale.perSecond / scale.writers;
    const more = { works: false, writes: { shape, stream, from, perSecond } };
    return deploy(0, more, stream === recordOnly ? { milestones: {} } : codes[0]);
  };
  const counters = async () => {
    const rows = await opened.store.counters.list({ tenant: "default", limit: 1_000 });
    return new Map(rows.map(({ subject, value }) => [subject, value]));
  };

  try {
    let workers = [await deploy(0, { works: true }), await deploy(0, { works: true })];
    const writers = await Promise.all(Array.from({ length: shape.streams }, (_, stream) => startWriter(stream, 0)));
    const started = performance.now();
    const begin = (writer: Deployed) => void writer.write(Number.MAX_SAFE_INTEGER).catch(() => {});
    writers.forEach(begin);
    const untilPart = async (part: number) => {
      await sleep(Math.max(0, started + scale.seconds * 1_000 * part - performance.now()));
      progress(part * 10, 10);
    };

    /** Rolling: the first new process installs while all old ones run; then one worker after the other is replaced. */
    const roll = async (version: number): Promise<Change> => {
      const before = await counters();
      const one = await deploy(version, { works: true });
      const after = await counters();
      await workers[0]!.stop();
      const two = await deploy(version, { works: true });
      await workers[1]!.stop();
      workers = [one, two];
      return { before, after };
    };

    await untilPart(0.25);
    const adding = await roll(1);
    await untilPart(0.4);
    const { signal } = await writers[0]!.child.kill();
    if (signal === "SIGKILL") faults.add("kill", "writer 0");
    const firstLife = writers[0]!;
    writers[0] = await startWriter(0, firstLife.done);
    begin(writers[0]);
    await untilPart(0.5);
    const editing = await roll(2);
    await untilPart(0.75);
    const removing = await roll(3);
    await untilPart(1);
    const ends = await Promise.all(writers.map((writer) => writer.write(0)));
    const seconds = (performance.now() - started) / 1_000;

    const notifier = sinkNotifier(sink.port, "at-most-once");
    const newest = createMilepost({
      store: opened.store,
      milestones: Object.entries(codes[3]!.milestones).map(([name, levels]) => namedMilestone(name, levels, notifier)),
      removed: codes[3]!.removed ?? [],
    });
    const settled = async () => {
      const [definition] = await newest.definitions.list();
      const due = (await opened.store.counters.list({ tenant: "default", limit: 1_000 })).some(
        (counter) => counter.due,
      );
      return definition?.adopted === true && !due && (await atRest(opened.store));
    };
    for (const deadline = performance.now() + 120_000; !(await settled()) && performance.now() < deadline; ) {
      await sleep(50);
    }
    const [definition] = await newest.definitions.list();
    await Promise.all([...writers, ...workers].map((each) => each.stop()));
    await sink.stop();

    verdict.note("seconds", round(seconds));
    verdict.note(
      "events",
      ends.reduce((sum, end) => sum + end, 0),
    );
    verdict.note("eventsPerSecond", Math.round(ends.reduce((sum, end) => sum + end, 0) / seconds));
    verdict.exactly("kills", faults.read().length, 1);
    verdict.exactly("generation", definition?.generation ?? 0, 4);
    verdict.exactly("adoptedByAll", Number(definition?.adopted ?? false), 1);

    const tables = await readTables(opened.store);
    const wanted = new Map<string, Set<string>>();
    for (const [stream, end] of ends.entries()) {
      for (let n = 0; n < end; n++) {
        const { subject, id } = eventAt(shape, stream, n);
        wanted.set(subject, (wanted.get(subject) ?? new Set()).add(id));
      }
    }
    const causes = await checkEvents(opened.store, wanted, tables, verdict);
    const [old, , edit] = codes;
    const firstBefore = new Set(old!.milestones.first);
    const firstAfter = new Set(edit!.milestones.first);
    const final = (subject: string) => wanted.get(subject)?.size ?? 0;
    const last = (change: Change) => (subject: string) => change.after.get(subject) ?? 0;
    const check = new CrossingCheck(tables.crossings, causes, [...wanted.keys()]);
    // added: what lies behind at the install is adopted, what lies ahead is told
    check.required("added", codes[1]!.milestones.added!, final);
    check.adoptedUpTo("added", adding);
    // edited: old levels that stay are said once, new ones adopted or said, old ones that are gone not after the edit
    check.required("first", edit!.milestones.first!, final);
    check.optional(
      "first",
      old!.milestones.first!.filter((level) => !firstAfter.has(level)),
      last(editing),
    );
    check.adoptedOnlyUpTo("first", editing, (level) => !firstBefore.has(level));
    check.optional("brief", old!.milestones.brief!, last(removing));
    check.report(verdict);

    // evaluated by a process for whose code the definition was too new already
    const oldCode = everyone.flatMap(({ version, evaluated }) =>
      version === 0 ? evaluated.filter(({ subject, value }) => value > last(adding)(subject)) : [],
    );
    const secondCode = everyone.flatMap(({ version, evaluated }) =>
      version === 1 ? evaluated.filter(({ subject, value }) => value > last(editing)(subject)) : [],
    );
    const byOldWriters = [firstLife, ...writers.slice(1, recordOnly)];
    verdict.atLeast("evaluatedByOldWritersBefore", byOldWriters.flatMap(({ evaluated }) => evaluated).length, 1);
    verdict.exactly("evaluatedByOldCodeAfter", oldCode.length + secondCode.length, 0);
    verdict.exactly("evaluatedByRestartedOldCode", writers[0].evaluated.length, 0);
    verdict.exactly("evaluatedByRecordOnly", writers[recordOnly]!.evaluated.length, 0);
    const behind = [firstLife, ...writers.slice(0, recordOnly)].filter((writer) => writer.behind > 0);
    verdict.exactly("oldWritersToldBehind", behind.length, scale.writers + 1);

    const cancelled = tables.crossings.filter(
      ({ milestone, state, reason }) => milestone === "brief" && state === "failed" && reason === "cancelled",
    );
    verdict.note("removedCancelled", cancelled.length);
    const told = tables.crossings.filter((crossing) => crossing.state !== "adopted" && !cancelled.includes(crossing));
    const delivery = { mode: "at-most-once", recipients: 1, inFlightAtKills: 0, maxAttempts: 5 } as const;
    checkDelivery({ ...tables, crossings: told }, await sink.lines(), delivery, verdict);
    await newest.close();
  } finally {
    await opened.close();
  }
}

/** The events that counted are those that were recorded; answers which event took each subject to each value. */
async function checkEvents(
  store: ReturnType<typeof openPlace>["store"],
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
  { counters }: Tables,
  verdict: Verdict,
): Promise<ReadonlyMap<string, string>> {
  const causes = new Map<string, string>();
  let lost = 0;
  let surplus = 0;
  let wrongValues = 0;
  for (const [subject, ids] of wanted) {
    const missing = new Set(ids);
    let value = 0;
    for (let page = await events(store, subject); page.length > 0; page = await events(store, subject, page.at(-1))) {
      for (const event of page) {
        if (event.value !== ++value) wrongValues++;
        causes.set(`${subject} ${event.value}`, event.id);
        if (!missing.delete(event.id)) surplus++;
      }
    }
    lost += missing.size;
    if (counters.find((counter) => counter.subject === subject)?.value !== ids.size) wrongValues++;
  }
  verdict.exactly("lostEvents", lost, 0);
  verdict.exactly("surplusEvents", surplus + counters.filter(({ subject }) => !wanted.has(subject)).length, 0);
  verdict.exactly("wrongValues", wrongValues, 0);
  return causes;
}

type Listed = Awaited<ReturnType<ReturnType<typeof openPlace>["store"]["events"]["list"]>>;

function events(
  store: ReturnType<typeof openPlace>["store"],
  subject: string,
  after?: Listed[number],
): Promise<Listed> {
  return store.events.list({ tenant: "default", metric, subject, limit: 1_000, ...(after && { after }) });
}

/** Crossings against what the deployments make of them. Amounts are 1, so a level's event takes the counter exactly to it. */
class CrossingCheck {
  readonly #crossings: ReadonlyMap<string, Crossing>;
  readonly #all: readonly Crossing[];
  readonly #causes: ReadonlyMap<string, string>;
  readonly #subjects: readonly string[];
  readonly #allowed = new Set<string>();
  #required = 0;
  #missing = 0;
  #wrongAdoptions = 0;

  constructor(crossings: readonly Crossing[], causes: ReadonlyMap<string, string>, subjects: readonly string[]) {
    this.#all = crossings;
    this.#crossings = new Map(crossings.map((crossing) => [keyOf(crossing), crossing]));
    this.#causes = causes;
    this.#subjects = subjects;
  }

  /** Every level up to where the subject came must be there. */
  required(milestone: string, levels: readonly number[], upTo: (subject: string) => number): void {
    for (const key of this.#keys(milestone, levels, upTo)) {
      this.#required++;
      if (!this.#crossings.has(key)) this.#missing++;
    }
    this.optional(milestone, levels, upTo);
  }

  /** Levels up to there may be there. */
  optional(milestone: string, levels: readonly number[], upTo: (subject: string) => number): void {
    for (const key of this.#keys(milestone, levels, upTo)) this.#allowed.add(key);
  }

  /** Of a milestone that was added: adopted is what lay behind its install, and nothing that came after it. */
  adoptedUpTo(milestone: string, change: Change): void {
    for (const crossing of this.#of(milestone)) {
      const adopted = crossing.state === "adopted";
      if (crossing.at <= (change.before.get(crossing.subject) ?? 0) && !adopted) this.#wrongAdoptions++;
    }
    this.adoptedOnlyUpTo(milestone, change, () => true);
    for (const subject of this.#subjects) {
      const own = this.#of(milestone).filter((crossing) => crossing.subject === subject);
      const baselines = new Set(own.filter(({ state }) => state === "adopted").map(({ value }) => value));
      const baseline = Math.max(0, ...baselines);
      if (baselines.size > 1) this.#wrongAdoptions++;
      if (own.some(({ state, at }) => state !== "adopted" && at <= baseline)) this.#wrongAdoptions++;
    }
  }

  adoptedOnlyUpTo(milestone: string, change: Change, mayBeAdopted: (level: number) => boolean): void {
    for (const { state, at, subject } of this.#of(milestone)) {
      if (state !== "adopted") continue;
      if (at > (change.after.get(subject) ?? 0) || !mayBeAdopted(at)) this.#wrongAdoptions++;
    }
  }

  report(verdict: Verdict): void {
    const adopted = this.#all.filter(({ state }) => state === "adopted");
    const caused = this.#all.filter(({ state }) => state !== "adopted");
    const wrong = caused.filter(({ subject, at, value, previous, eventId }) => {
      return value !== at || previous !== at - 1 || this.#causes.get(`${subject} ${at}`) !== eventId;
    });
    const notMet = adopted.filter(({ eventId, at, value, previous }) => {
      return eventId !== "" || at > value || value !== previous;
    });
    verdict.note("crossings", this.#all.length);
    verdict.note("crossingsRequired", this.#required);
    verdict.atLeast("adopted", adopted.length, 1);
    verdict.exactly("missingCrossings", this.#missing, 0);
    verdict.exactly("duplicateCrossings", this.#all.length - this.#crossings.size, 0);
    verdict.exactly("unexpectedCrossings", [...this.#crossings.keys()].filter((k) => !this.#allowed.has(k)).length, 0);
    verdict.exactly("crossingsOfWrongEvent", wrong.length, 0);
    verdict.exactly("wrongAdoptions", this.#wrongAdoptions + notMet.length, 0);
  }

  #of(milestone: string): readonly Crossing[] {
    return this.#all.filter((crossing) => crossing.milestone === milestone);
  }

  #keys(milestone: string, levels: readonly number[], upTo: (subject: string) => number): readonly string[] {
    return this.#subjects.flatMap((subject) =>
      levels
        .filter((level) => level <= upTo(subject))
        .map((level) => keyOf({ milestone, subject, threshold: `${level}` })),
    );
  }
}

function keyOf({ milestone, subject, threshold }: Pick<Crossing, "milestone" | "subject" | "threshold">): string {
  return `${milestone} ${subject} ${threshold}`;
}

/** A milestone is installed at 999 while one process still has the old code, and that one records the 1,000th event. */
async function thousandth({ seed, places, crew, verdict }: ScenarioContext<Size>): Promise<void> {
  const place: Place = await places.create();
  const sink = await startSink(crew, places.folder, "sink-of-the-thousandth");
  const shape: StreamShape = { seed, streams: 1, events: 1_000, subjects: 1 };
  const before: Code = { milestones: { first: [1] } };
  const after: Code = { milestones: { first: [1], thousand: [500, 1_000] } };
  const common = { place, sinkPort: sink.port };
  const writes = { shape, stream: 0, from: 0, perSecond: 100_000 };
  const old = new Deployed(crew, 0, { ...common, code: before, works: true, writes });
  await old.ready;
  await old.write(999);
  const young = new Deployed(crew, 1, { ...common, code: after, works: true });
  await young.ready;
  await old.write(1_000);

  const opened = openPlace(place, { connections: 1 });
  try {
    const { id, subject } = eventAt(shape, 0, 999);
    const isThere = async () => {
      const crossings = await opened.store.crossings.list({ tenant: "default", limit: 10 });
      return crossings.some(({ threshold }) => threshold === "1000") && (await atRest(opened.store));
    };
    for (const deadline = performance.now() + 60_000; !(await isThere()) && performance.now() < deadline; ) {
      await sleep(50);
    }
    // time for a second announcement, if there were one
    await sleep(500);
    await Promise.all([old.stop(), young.stop()]);
    await sink.stop();
    const { crossings, notifications } = await readTables(opened.store);
    const found = crossings.filter(({ milestone, threshold }) => milestone === "thousand" && threshold === "1000");
    const sources = new Map(notifications.map((row) => [row.id, row.source.id]));
    const lines = (await sink.lines()).map(({ notification }) => sources.get(notification));
    verdict.exactly("thousandthCrossings", found.length, 1);
    verdict.exactly("thousandthByItsEvent", found.filter(({ eventId }) => eventId === id).length, 1);
    verdict.exactly("thousandthSent", lines.filter((source) => source === found[0]?.id).length, 1);
    verdict.exactly("thousandthEvaluatedByOldCode", old.evaluated.filter(({ value }) => value > 1).length, 0);
    const adopted = crossings.filter(({ state }) => state === "adopted").map(({ threshold }) => threshold);
    verdict.exactly("thousandthAdoptedBelow", adopted.length, 1);
    // first 1 and thousand 1000, to nobody else
    verdict.exactly("thousandthSinkLines", lines.length, 2);
    const counter = await opened.store.counters.list({ tenant: "default", limit: 10 });
    if (counter.length !== 1 || counter[0]?.subject !== subject || counter[0].value !== 1_000) {
      verdict.fail("the counter is not at 1,000");
    }
  } finally {
    await opened.close();
  }
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
