import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeliveryMode, DeliveryTiming, Notification } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { FaultLog } from "../fault/fault-log.js";
import { readFlights } from "../fault/flight-log.js";
import { openPlace, type Place } from "../place/place.js";
import type { Poison, PoisonedInput } from "../program/poisoned.js";
import { startSink } from "../sink/sink.js";
import { openQueue, type QueueShape } from "../workload/queue.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  notifications: { full: 1_000, short: 60, what: "that are queued in each case, one of them poison" },
  processes: { full: 2, short: 2, what: "that send in each case, and are started again when they end" },
  concurrency: { full: 10, short: 10, what: "messages that a process sends side by side" },
  together: { full: 3, short: 5, what: "cases side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const maxAttempts = 3;
const maxClaims = 3;
const delivery: Partial<DeliveryTiming> = {
  lease: 1_000,
  callDeadline: 600,
  settleMargin: 100,
  retryBase: 500,
  retryCap: 2_000,
  ambiguousHorizon: 500,
  maxClaims,
};
/** Megabytes: reached before the lease is over. */
const smallHeap = 64;

const poisons = ["throws", "exits", "out of memory", "never settles", "exits unmarked"] as const;
const modes = ["at-most-once", "at-least-once"] as const;

export const poison: Scenario = {
  name: "R21",
  title: "one notification at which the notifier throws, ends or exhausts its process, or never settles",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

interface Outcome {
  readonly place: Place;
  readonly mode: DeliveryMode;
  readonly poison: Poison;
  readonly fired: number;
  readonly restarts: number;
  readonly poisoned: Notification;
  readonly others: readonly Notification[];
  /** What the processes that died had in flight beside the poison. */
  readonly inFlight: ReadonlySet<string>;
  readonly inSink: ReadonlySet<string>;
}

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, verdict } = context;
  const cases = modes.flatMap((mode) => poisons.map((kind) => ({ mode, kind })));
  const total = cases.length;
  const outcomes: Outcome[] = [];
  const started = performance.now();
  async function work(): Promise<void> {
    for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
      outcomes.push(await tryPoison(context, next.mode, next.kind));
      context.progress(outcomes.length, total);
    }
  }
  const lanes = Array.from({ length: scale.together }, work);
  await Promise.allSettled(lanes);
  await Promise.all(lanes);

  verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
  verdict.exactly("cases", outcomes.length, total);
  verdict.exactly("casesWithoutFault", outcomes.filter(({ fired }) => fired === 0).length, 0);
  const most = (figure: (outcome: Outcome) => number) => Math.max(...outcomes.map(figure));
  for (const kind of poisons) {
    const name = `restarts ${kind}`.replaceAll(/ (\w)/g, (_, letter: string) => letter.toUpperCase());
    verdict.atMost(
      name,
      Math.max(...outcomes.filter((each) => each.poison === kind).map(({ restarts }) => restarts)),
      3,
    );
  }
  verdict.atMost(
    "poisonAttempts",
    most(({ poisoned }) => poisoned.attempts),
    maxAttempts,
  );
  verdict.atMost(
    "poisonClaims",
    most(({ poisoned }) => poisoned.claims),
    maxClaims,
  );
  const dead = ({ poisoned }: Outcome) => ["failed", "unknown"].includes(poisoned.state) && poisoned.reason !== null;
  verdict.exactly("poisonNotDead", outcomes.filter((outcome) => !dead(outcome)).length, 0);
  verdict.exactly("poisonInSink", outcomes.filter(({ poisoned, inSink }) => inSink.has(poisoned.id)).length, 0);

  for (const { mode, poison: kind, others, inFlight, inSink } of outcomes) {
    const unsent = others.filter(({ state }) => state !== "sent");
    const where = `${kind}, ${mode}`;
    if (mode === "at-least-once" && unsent.length > 0) {
      verdict.fail(`${where}: ${unsent.length} others are not sent, such as ${unsent[0]!.state} ${unsent[0]!.reason}`);
    }
    // at most once, a call that its process took with it is not made again, and its row says so
    const silent = unsent.filter(
      ({ id, state, reason }) => state !== "unknown" || reason === null || !inFlight.has(id),
    );
    if (mode === "at-most-once" && silent.length > 0) {
      verdict.fail(`${where}: ${silent.length} others are not sent, such as ${silent[0]!.state} ${silent[0]!.reason}`);
    }
    const missing = others.filter(({ id, state }) => state === "sent" && !inSink.has(id));
    if (missing.length > 0) verdict.fail(`${where}: ${missing.length} are sent, and the sink has not got them`);
  }
  const unsentOf = (mode: DeliveryMode) =>
    outcomes.filter((each) => each.mode === mode).flatMap(({ others }) => others.filter((o) => o.state !== "sent"));
  verdict.exactly("othersUnsentAtLeastOnce", unsentOf("at-least-once").length, 0);
  const takenAlong = outcomes
    .filter((each) => each.mode === "at-most-once")
    .reduce((sum, { inFlight, poisoned }) => sum + inFlight.size - (inFlight.has(poisoned.id) ? 1 : 0), 0);
  verdict.note("inFlightAtDeathsAtMostOnce", takenAlong);
  verdict.atMost("othersUnknownAtMostOnce", unsentOf("at-most-once").length, takenAlong);
  await checkInvariants(
    outcomes.map(({ place }) => place),
    verdict,
  );
}

async function tryPoison(context: ScenarioContext<Size>, mode: DeliveryMode, kind: Poison): Promise<Outcome> {
  const { scale, places, crew, seed } = context;
  const place = await places.create();
  await installJournal(place);
  const name = `${mode}-${kind}`.replaceAll(" ", "-");
  const sink = await startSink(crew, places.folder, `sink-${name}`, { seed, before: [0, 10] });
  const shape: QueueShape = { sinkPort: sink.port, mode, maxAttempts };
  const queue = await openQueue(place, shape);
  await queue.shut();
  const ids = await queue.fill(scale.notifications, "n");
  await queue.open();
  await queue.close();
  const poisoned = ids[Math.floor(seededRandom(seed + poisons.indexOf(kind))() * ids.length)]!;
  const faults = new FaultLog(join(places.folder, `faults-${name}.log`));

  let over = false;
  let restarts = 0;
  const inFlight = new Set<string>();
  /** One process after another: whoever runs the host starts it again. */
  async function keep(number: number): Promise<void> {
    for (let life = 0; ; life++) {
      const flightFile = join(places.folder, `${name}-${number}-${life}.flights`);
      const child = crew.start(
        "poisoned",
        {
          ...shape,
          ...{ place, poison: kind, poisoned, delivery, flightFile, concurrency: scale.concurrency },
          ...{ name: `${name}-${number}`, faultFile: faults.file },
        } satisfies PoisonedInput,
        kind === "out of memory" ? { heapMegabytes: smallHeap } : {},
      );
      const ended = child.ended.then(() => true);
      while (!over && !(await Promise.race([ended, sleep(50, false)])));
      if (over) {
        child.send({});
        await child.finished();
        return;
      }
      restarts++;
      for (const flight of readFlights(flightFile)) if (flight.ended === undefined) inFlight.add(flight.notification);
    }
  }
  const kept = Promise.all(Array.from({ length: scale.processes }, (_, number) => keep(number)));
  kept.catch(() => {});
  const opened = openPlace(place, { connections: 2 });
  try {
    const deadline = performance.now() + 180_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) await sleep(100);
    over = true;
    await kept;
    await sink.stop();
    const { notifications } = await readTables(opened.store);
    const fired = faults.read();
    for (const { fault, target } of fired) context.faults.add(fault, target);
    return {
      ...{ place, mode, poison: kind, restarts, inFlight, fired: fired.length },
      poisoned: notifications.find(({ id }) => id === poisoned)!,
      others: notifications.filter(({ id }) => id !== poisoned),
      inSink: new Set((await sink.lines()).map(({ notification }) => notification)),
    };
  } finally {
    over = true;
    await opened.close();
  }
}
