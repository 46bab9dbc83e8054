import { setTimeout as sleep } from "node:timers/promises";
import { milestone, thresholds } from "@milepost/core";
import { checkCounting } from "../check/counting.js";
import { readTables } from "../check/tables.js";
import { createHostTable, openHostPlace } from "../place/host-place.js";
import { openPlace, type Place } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { HolderInput, HolderReport } from "../program/holder.js";
import type { SteadyRecorderInput, SteadyRecorderOrder, SteadyRecorderReport } from "../program/steady-recorder.js";
import { evenLevels, silentMilestone } from "../workload/announced-milestone.js";
import { metric } from "../workload/event-streams.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  seconds: { full: 10, short: 2, what: "the transactions stay open; calls are timed as long before" },
  calls: { full: 200, short: 200, what: "that each recorder answers at least in that time" },
  mostDelay: {
    full: 50,
    short: 0,
    what: "milliseconds that a call may lose",
    zero: "not looked at",
    only: "postgres",
  },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const levels = evenLevels(20, 2_000);
const beside = 20;
/** Milliseconds after which a recorder that should not wait counts as waiting. */
const patience = 60_000;

export const heldTransaction: Scenario = {
  name: "held-transaction",
  title: "transactions of a host that recorded an event stay open: who waits for them, and what is left of them",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

const holders = ["first", "second"] as const;
const ends = { first: "rollback", second: "commit" } as const;
/** One of the recorders has the subject of the held events. */
const subjects = ["other-1", "other-2", "held"] as const;

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { store, scale, places, crew, verdict, progress } = context;
  const place = await places.create();
  await createHostTable(place);
  const recorders = subjects.map((subject) =>
    crew.start("steady-recorder", { place, subject, levels } satisfies SteadyRecorderInput),
  );
  await Promise.all(recorders.map((child) => child.next()));
  const order = (message: SteadyRecorderOrder) => {
    for (const child of recorders) child.send(message);
  };
  const reports = () => Promise.all(recorders.map((child) => child.next<SteadyRecorderReport>()));

  order({ do: "begin" });
  await sleep(scale.seconds * 1_000);
  const reportedBefore = reports();
  order({ do: "end", atLeast: scale.calls });
  const before = await reportedBefore;
  progress(1, 3);

  const hold = async (name: (typeof holders)[number]): Promise<Child> => {
    const input = { place, name, subject: "held", levels, beside, end: ends[name] } satisfies HolderInput;
    const child = crew.start("holder", input);
    await child.next<HolderReport>();
    return child;
  };
  const release = async (child: Child): Promise<HolderReport> => {
    const ended = child.next<HolderReport>();
    child.send({});
    const report = await ended;
    await child.finished();
    return report;
  };

  let during: readonly SteadyRecorderReport[];
  const held: HolderReport[] = [];
  if (store === "postgres") {
    const open = await Promise.all(holders.map(hold));
    order({ do: "begin" });
    const steps = engineSteps(place);
    await sleep(scale.seconds * 1_000);
    const reported = reports();
    order({ do: "end", atLeast: scale.calls });
    // only then do the transactions end: whoever waits for one of them waits for ever
    during = await inTime("record()", reported);
    const { drained } = await inTime("an engine's steps", steps);
    verdict.exactly("drainedMeanwhile", drained, 1);
    verdict.note("stepsMeanwhile", ["migrate", "install", "drain", "runOnce"]);
    for (const child of open) held.push(await release(child));
    verdict.exactly("besideAnsweredMeanwhile", sumOf(held, "answeredBefore"), holders.length * beside);
  } else {
    // one writes at a time: one transaction after the other, and the others wait
    order({ do: "begin" });
    for (const name of holders) {
      const child = await hold(name);
      await sleep(scale.seconds * 1_000);
      held.push(await release(child));
    }
    const reported = reports();
    order({ do: "end", atLeast: scale.calls });
    during = await inTime("record()", reported);
    await engineSteps(place);
    // they share the handle of the transaction, and are not in it
    verdict.exactly("besideAnsweredMeanwhile", sumOf(held, "answeredBefore"), 0);
    verdict.note("besideBusy", sumOf(held, "busy"));
  }
  progress(2, 3);
  order({ do: "stop" });
  await Promise.all(recorders.map((child) => child.finished()));

  verdict.exactly("held", held.length, holders.length);
  verdict.note("heldSeconds", scale.seconds);
  verdict.atLeast("fewestCalls", Math.min(...during.map(({ calls }) => calls)), scale.calls);
  for (const [name, of] of [
    ["others", (subject: string) => subject !== "held"],
    ["same", (subject: string) => subject === "held"],
  ] as const) {
    const figure = (when: readonly SteadyRecorderReport[], what: "p99" | "worst") =>
      round(Math.max(...when.filter(({ subject }) => of(subject)).map((report) => report[what])));
    verdict.note(`${name}P99Before`, figure(before, "p99"));
    verdict.note(`${name}P99Held`, figure(during, "p99"));
    verdict.note(`${name}WorstBefore`, figure(before, "worst"));
    verdict.note(`${name}WorstHeld`, figure(during, "worst"));
  }
  const delay = (what: "p99" | "worst") =>
    round(Math.max(...during.map((report, i) => report[what] - before[i]![what])));
  const limit = store === "postgres" && scale.mostDelay > 0 ? scale.mostDelay : Number.POSITIVE_INFINITY;
  verdict.atMost("p99DelayMilliseconds", delay("p99"), limit);
  verdict.atMost("maxDelayMilliseconds", delay("worst"), limit);
  const busy = [...before, ...during].reduce((sum, report) => sum + report.busy, 0);
  if (store === "postgres") verdict.exactly("busySeen", busy, 0);
  else verdict.note("busySeen", busy);

  const opened = openPlace(place);
  const host = openHostPlace(place, { milestones: [silentMilestone(levels), later] });
  try {
    await host.milepost.runOnce();
    const events = new Map(
      during.map(({ subject, events: count }) => [
        subject,
        new Set(Array.from({ length: count }, (_, i) => `${subject}-${i + 1}`)),
      ]),
    );
    for (const name of holders) {
      events.set(`beside-${name}`, new Set(Array.from({ length: beside }, (_, i) => `beside-${name}-${i}`)));
    }
    events.get("held")!.add("held-second");
    events.set("drained", new Set(["drained"]));
    checkCounting(await readTables(opened.store), { events, levels }, verdict);
    const orders = [...(await host.orders()).keys()].sort();
    verdict.exactly("hostRows", orders.length, 2);
    if (orders.join() !== "drained,held-second") verdict.fail(`the host's rows are ${orders}`);
    verdict.exactly("inboxLeft", (await host.milepost.inbox.list()).length, 0);
  } finally {
    await host.close();
    await opened.close();
  }
}

/** Installed by another deployment while the transactions are open; nobody comes near its level. */
const later = milestone({ name: "later", metric, policy: thresholds(1_000_000_000) });

/** What another engine of the newest code does meanwhile. */
async function engineSteps(place: Place): Promise<{ readonly drained: number }> {
  const host = openHostPlace(place, { milestones: [silentMilestone(levels), later] });
  try {
    await host.milepost.migrate();
    await host.milepost.ready();
    const transaction = await host.begin();
    await transaction.order({ id: "drained", metric, subject: "drained" });
    await transaction.commit();
    const { counted } = await host.milepost.drain();
    await host.milepost.runOnce();
    return { drained: counted };
  } finally {
    await host.close();
  }
}

async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = sleep(patience, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what} waits for a transaction that is held open`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

function sumOf(reports: readonly HolderReport[], name: "answeredBefore" | "busy"): number {
  return reports.reduce((sum, report) => sum + ("ended" in report ? report[name] : 0), 0);
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
