import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, type DeliveryTiming, type Quota } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { readTables } from "../check/tables.js";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import type { Child } from "../process/crew.js";
import type { SenderInput } from "../program/sender.js";
import { startSink } from "../sink/sink.js";
import { type FastClock, fastNow } from "../workload/fast-clock.js";
import { openQueue, queueMilestone } from "../workload/queue.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  quota: { full: 500, short: 40, what: "messages a day" },
  days: { full: 5, short: 3, what: "of a clock that goes faster; the third has 25 hours" },
  daySeconds: { full: 15, short: 3, what: "seconds that one of its days takes" },
  processes: { full: 8, short: 3, what: "that send" },
  concurrency: { full: 10, short: 5, what: "messages that a process sends side by side" },
  kills: { full: 40, short: 4, what: "of processes", zero: "none" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

const day = 86_400_000;
const zone = "Europe/Berlin";
/** Local midnight two days before clocks go back in that zone. */
const start = Date.parse("2026-10-22T22:00:00Z");

export const quotas: Scenario = {
  name: "R25",
  title: "a quota by local day and one by any 24 hours, 8 processes, kill -9, clocks that go back: never one too many",
  stores: ["postgres", "sqlite"],
  sizes,
  async run(context: ScenarioContext<Size>) {
    for (const per of [`day:${zone}`, "24h"] as const) await runOf(context, per);
  },
};

async function runOf(context: ScenarioContext<Size>, per: Quota["per"]): Promise<void> {
  const { scale, seed, places, crew, faults, verdict, progress } = context;
  const figure = (name: string) => `${per === "24h" ? "rolling" : "daily"}${name}`;
  const place = await places.create();
  await installJournal(place);
  const manner = { seed, before: [0, 10], after: [0, 10], refused: 0.1 } as const;
  const sink = await startSink(crew, places.folder, `sink-${figure("")}`, manner);
  const shape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 20 } as const;
  const speed = day / (scale.daySeconds * 1_000);
  const delivery = {
    // by the fast clock; a call's deadline goes by the machine's
    ...{ lease: Math.round(2_000 * speed), retryBase: 60_000, retryCap: 600_000, ambiguousHorizon: 60_000 },
    ...{ callDeadline: 1_500, settleMargin: 300, maxClaims: 50 },
  } satisfies Partial<DeliveryTiming>;
  let clock: FastClock = { start, from: Date.now(), speed };
  const queue = await openQueue(place, shape, clock);
  await queue.shut();
  // more than all days allow, so that the quota is always what it waits for
  await queue.fill(scale.quota * (scale.days + 2), "n");
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store, milestones: [queueMilestone(shape)] });
  const limits = {
    notifier: "sink",
    quota: { count: scale.quota, per },
    by: "chaos",
    why: "the provider allows no more",
  };
  await milepost.lanes.limit(limits);
  await queue.open();
  clock = { ...clock, from: Date.now() };

  let starts = 0;
  function startSender(): Child {
    const name = `sender-${figure("")}-${++starts}`;
    const flightFile = join(places.folder, `${name}.flights`);
    const { concurrency } = scale;
    const input: SenderInput = { ...shape, place, name, concurrency, delivery, flightFile, clock };
    return crew.start("sender", input);
  }
  const senders = Array.from({ length: scale.processes }, startSender);
  const random = seededRandom(seed);
  const moments = Array.from({ length: scale.kills }, () => start + random() * scale.days * day).sort((a, b) => a - b);
  const end = start + scale.days * day;
  try {
    for (const moment of [...moments, end]) {
      while (fastNow(clock).getTime() < moment) {
        progress(Math.round((fastNow(clock).getTime() - start) / 1_000), (end - start) / 1_000);
        await sleep(5);
      }
      if (moment === end) break;
      const i = Math.floor(random() * senders.length);
      await senders[i]!.kill();
      faults.add("kill", `${per}, sender ${i}`);
      senders[i] = startSender();
    }
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    await sink.stop();

    const attempts = await readAttempts(place);
    const taken = attempts.filter(({ outcome }) => outcome !== "refused_transient");
    const lines = await sink.lines();
    const perDay = new Map<string, number>();
    for (const { at } of taken) perDay.set(localDate(at), (perDay.get(localDate(at)) ?? 0) + 1);
    const most =
      per === "24h"
        ? mostWithin(
            day,
            taken.map(({ at }) => at),
          )
        : Math.max(...perDay.values());
    verdict.atMost(figure("Most"), most, scale.quota);
    verdict.note(figure("Sent"), lines.length);
    verdict.note(figure("Kills"), scale.kills);
    verdict.atLeast(figure("Refused"), attempts.length - taken.length, 1);
    verdict.exactly(figure("Duplicated"), lines.length - new Set(lines.map((line) => line.notification)).size, 0);
    // nobody may get less than it has a right to: whole days are full
    const [, ...later] = [...perDay.values()];
    const whole = later.slice(0, -1);
    const fullest = per === "24h" ? most : Math.min(...whole);
    verdict.atLeast(figure("Fullest"), fullest, scale.quota - (per === "24h" ? 0 : leaks(scale)));
    // what the lane says is taken is what was taken: each refusal was given back, once
    const { usage } = (await opened.store.lanes.list({ tenant: "default" }))[0]!;
    const bySlot = new Map<string, number>();
    for (const { slot } of taken) bySlot.set(slot, (bySlot.get(slot) ?? 0) + 1);
    const wrong = Object.entries(usage.quota).filter(([slot, count]) => (bySlot.get(slot) ?? 0) !== count);
    verdict.exactly(figure("WrongSlots"), wrong.length, 0);
    const { notifications } = await readTables(opened.store);
    const atSink = new Set(lines.map(({ notification }) => notification));
    const reserved = notifications.filter(
      ({ id, state }) => (state === "unknown" || state === "ambiguous") && !atSink.has(id),
    );
    verdict.atMost(figure("ReservedNotSent"), reserved.length, scale.kills * scale.concurrency);
    verdict.exactly(
      figure("SentNotInSink"),
      notifications.filter(({ id, state }) => state === "sent" && !atSink.has(id)).length,
      0,
    );
    await checkInvariants([place], verdict);
  } finally {
    await milepost.close();
    await opened.close();
    await queue.close();
  }
}

/** At the end of a day some of its last places may be given back too late to be taken by another. */
const leaks = ({ concurrency, processes }: Size) => concurrency * processes;

interface TakenAttempt {
  readonly at: number;
  readonly outcome: string | null;
  readonly slot: string;
}

async function readAttempts(place: Place): Promise<readonly TakenAttempt[]> {
  const raw = openRawTables(place);
  try {
    const rows = await raw.all<{ started_at: string | Date; outcome: string | null; slot: string }>(
      `SELECT started_at, outcome, slot FROM ${raw.table("attempts")}`,
    );
    return rows.map(({ started_at, outcome, slot }) => ({ at: new Date(started_at).getTime(), outcome, slot }));
  } finally {
    await raw.close();
  }
}

const dates = new Intl.DateTimeFormat("en-CA", { timeZone: zone });
const localDate = (at: number) => dates.format(at);

/** The most of these instants that lie within any span of this length. */
function mostWithin(length: number, instants: readonly number[]): number {
  const sorted = [...instants].sort((a, b) => a - b);
  let most = 0;
  let first = 0;
  sorted.forEach((at, i) => {
    while (sorted[first]! <= at - length) first++;
    most = Math.max(most, i - first + 1);
  });
  return most;
}
