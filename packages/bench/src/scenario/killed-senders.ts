import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeliveryMode, DeliveryTiming } from "@milepost/core";
import { checkDelivery } from "../check/delivery.js";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { atRest, readTables } from "../check/tables.js";
import { readFlights } from "../fault/flight-log.js";
import { openPlace } from "../place/place.js";
import type { Child } from "../process/crew.js";
import type { SenderInput } from "../program/sender.js";
import type { SinkManner } from "../program/sink.js";
import { type Sink, startSink } from "../sink/sink.js";
import { addressesOf, openQueue } from "../workload/queue.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  notifications: { full: 10_000, short: 300, what: "that are queued before the first process starts" },
  processes: { full: 4, short: 2, what: "that send" },
  concurrency: { full: 10, short: 10, what: "messages that a process sends side by side" },
  kills: { full: 200, short: 6, what: "of processes with calls under way", zero: "none" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const delivery = {
  lease: 1_000,
  callDeadline: 700,
  settleMargin: 100,
  retryBase: 100,
  retryCap: 1_000,
  ambiguousHorizon: 2_000,
  maxClaims: 50,
} satisfies Partial<DeliveryTiming>;

interface Trial {
  readonly mode: DeliveryMode;
  readonly maxAttempts: number;
  readonly manner: Omit<SinkManner, "seed">;
}

export const killedAtMostOnce: Scenario = {
  name: "R8",
  title: "kill -9 of processes that send, at most once: nothing twice, nothing silently lost",
  stores: ["postgres", "sqlite"],
  sizes,
  run: (context: ScenarioContext<Size>) =>
    run(context, { mode: "at-most-once", maxAttempts: 5, manner: { before: [0, 20], after: [0, 20], refused: 0.04 } }),
};

export const killedAtLeastOnce: Scenario = {
  name: "R9",
  title: "the same at least once: nothing lost, and no more copies than calls were cut off",
  stores: ["postgres", "sqlite"],
  sizes,
  run: (context: ScenarioContext<Size>) =>
    run(context, {
      mode: "at-least-once",
      maxAttempts: 10,
      manner: { before: [0, 20], after: [0, 20], refused: 0.04 },
    }),
};

// A few of the messages takes longer than call and lease: the next attempt meets the first one at the provider.
export const killedIdempotent: Scenario = {
  name: "R10",
  title: "the same with a provider that honours idempotency keys: accepted once each",
  stores: ["postgres", "sqlite"],
  sizes,
  run: (context: ScenarioContext<Size>) =>
    run(context, {
      mode: "idempotent",
      maxAttempts: 20,
      manner: { before: [0, 20], after: [0, 20], keys: true, slow: 0.06, slowness: 1_500 },
    }),
};

async function run(context: ScenarioContext<Size>, { mode, maxAttempts, manner }: Trial): Promise<void> {
  const { scale, seed, places, crew, verdict } = context;
  const place = await places.create();
  await installJournal(place);
  const sink = await startSink(crew, places.folder, "sink", { seed, ...manner });
  const shape = { sinkPort: sink.port, mode, maxAttempts };
  const queue = await openQueue(place, shape);
  await queue.shut();
  await queue.fill(scale.notifications, "n");
  await queue.open();
  await queue.close();

  const started = performance.now();
  let starts = 0;
  const flightFiles = new Map<Child, string>();
  const atWork = new Set<Child>();
  function startSender(): Child {
    const name = `sender-${++starts}`;
    const flightFile = join(places.folder, `${name}.flights`);
    const { concurrency } = scale;
    const child = crew.start("sender", {
      ...shape,
      place,
      name,
      concurrency,
      delivery,
      flightFile,
    } satisfies SenderInput);
    child.onMessage(() => atWork.add(child));
    flightFiles.set(child, flightFile);
    return child;
  }
  const senders = Array.from({ length: scale.processes }, startSender);

  const cutOff = new Map<string, number>();
  const killed = await killAlong(context, sink, async (random) => {
    const working = senders.filter((sender) => atWork.has(sender));
    const victim = working[Math.floor(random() * working.length)];
    if (victim === undefined) return undefined;
    const { signal } = await victim.kill();
    if (signal !== "SIGKILL") throw new Error(`a sender had ended with ${signal}: ${victim.errors}`);
    atWork.delete(victim);
    senders[senders.indexOf(victim)] = startSender();
    const flights = readFlights(flightFiles.get(victim)!).filter(({ ended }) => ended === undefined);
    for (const { notification } of flights) cutOff.set(notification, (cutOff.get(notification) ?? 0) + 1);
    return flights.length;
  });

  const opened = openPlace(place, { connections: 2 });
  try {
    const deadline = performance.now() + 300_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) {
      context.progress(sink.report.accepted, scale.notifications);
      await sleep(100);
    }
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    await sink.stop();

    const inFlightAtKills = killed.reduce((sum, flights) => sum + flights, 0);
    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    verdict.exactly("kills", killed.length, scale.kills);
    verdict.exactly("loggedFaults", context.faults.read().length, scale.kills);
    verdict.note("starts", starts);
    verdict.note("killsWithCallsInFlight", killed.filter((flights) => flights > 0).length);
    // a run whose kills hit nobody at work shows nothing
    verdict.atLeast("inFlightAtKills", inFlightAtKills, scale.kills);
    verdict.atMost("inFlightOfOne", Math.max(0, ...killed), scale.concurrency);
    const tables = await readTables(opened.store);
    const unknown = tables.notifications.filter(({ state }) => state === "ambiguous" || state === "unknown");
    // a busy machine's doing and no kill's: 0 on one that keeps up
    const stalled = stalledFlights(flightFiles.values());
    const byStall =
      mode === "at-most-once"
        ? unknown.filter(({ id }) => stalled.has(id) && !cutOff.has(id)).length
        : [...stalled.values()].reduce((sum, count) => sum + count, 0);
    verdict.note("stalled", byStall);
    const lines = await sink.lines();
    verdict.exactly("queued", tables.notifications.length, scale.notifications);
    checkDelivery(
      tables,
      lines,
      { mode, recipients: addressesOf, inFlightAtKills: inFlightAtKills + byStall, maxAttempts },
      verdict,
    );

    // not only as many: the very ones that were under way when their process died
    const unexplained = unknown.filter(({ id }) => !cutOff.has(id) && !stalled.has(id));
    verdict.exactly("ambiguousNotInFlight", unexplained.length, 0);
    const copies = new Map<string, number>();
    for (const { notification } of lines) copies.set(notification, (copies.get(notification) ?? 0) + 1);
    const repeated = [...copies].filter(([, n]) => n > 1);
    const extra = repeated.filter(([id, n]) => n - 1 > (cutOff.get(id) ?? 0) + (stalled.get(id) ?? 0));
    verdict.exactly("copiesNotInFlight", extra.length, 0);
    const attempts = new Map(tables.notifications.map((row) => [row.id, row.attempts]));
    verdict.exactly("copiesOfOneAttempt", repeated.filter(([id]) => (attempts.get(id) ?? 0) < 2).length, 0);
    verdict.exactly("otherPayload", otherPayloads(lines) + sink.report.otherPayload, 0);
    if (manner.refused !== undefined) verdict.atLeast("refusals", sink.report.refused, 1);
    if (manner.keys === true) {
      verdict.exactly("acceptances", lines.length, scale.notifications);
      verdict.exactly("acceptedTwice", lines.length - copies.size, 0);
      verdict.atLeast("conflicts", sink.report.conflicts, 1);
      verdict.atLeast("replayed", sink.report.replayed, 1);
    }
    await checkInvariants([place], verdict);
  } finally {
    await opened.close();
  }
}

/**
 * Kills as planned: at random in the first 85% of the way, so that somebody is still at work. Answers what each of the
 * killed had in flight. What was cut off counts as done: some of it never gets to the sink.
 */
async function killAlong(
  { scale, seed, faults, progress }: ScenarioContext<Size>,
  sink: Sink,
  killOne: (random: () => number) => Promise<number | undefined>,
): Promise<readonly number[]> {
  const random = seededRandom(seed);
  const plan = Array.from({ length: scale.kills }, () => Math.floor(random() * scale.notifications * 0.85));
  const killed: number[] = [];
  let cutOff = 0;
  for (const at of plan.sort((a, b) => a - b)) {
    const deadline = performance.now() + 120_000;
    const pause = random() * 20;
    for (;;) {
      if (performance.now() > deadline) return killed;
      progress(sink.report.accepted, scale.notifications);
      if (sink.report.accepted + cutOff >= at) {
        // not at the report itself: somewhere in the work that follows it
        await sleep(pause);
        const flights = await killOne(random);
        if (flights !== undefined) {
          faults.add("kill", `with ${flights} in flight`);
          killed.push(flights);
          cutOff += flights;
          break;
        }
      }
      await sleep(2);
    }
  }
  return killed;
}

/**
 * Calls that took so long that the engine gave them up, although nobody was killed: on a machine that stalls for as long as
 * such a short lease lets a call take. How many of each notification.
 */
function stalledFlights(files: Iterable<string>): ReadonlyMap<string, number> {
  const stalled = new Map<string, number>();
  for (const file of files) {
    for (const { notification, begun, ended } of readFlights(file)) {
      if (ended === undefined || ended - begun < delivery.callDeadline) continue;
      stalled.set(notification, (stalled.get(notification) ?? 0) + 1);
    }
  }
  return stalled;
}

/** Notifications whose calls did not all bring the same message under the same key. */
function otherPayloads(
  lines: readonly { readonly notification: string; readonly key: string; readonly payload: string }[],
): number {
  const first = new Map<string, string>();
  const other = new Set<string>();
  for (const { notification, key, payload } of lines) {
    const brought = `${key} ${payload}`;
    if ((first.get(notification) ?? brought) !== brought) other.add(notification);
    first.set(notification, brought);
  }
  return other.size;
}
