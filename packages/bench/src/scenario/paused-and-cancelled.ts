import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, MilepostError } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { watchStops } from "../check/stops.js";
import { atRest, readTables } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import { startSink } from "../sink/sink.js";
import { openQueue, queueMilestone } from "../workload/queue.js";
import { seededRandom, shuffled } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  notifications: { full: 60_000, short: 1_200, what: "that are queued before the first process starts" },
  processes: { full: 4, short: 2, what: "that send" },
  concurrency: { full: 10, short: 10, what: "messages that a process sends side by side" },
  cancels: { full: 5_000, short: 200, what: "of notifications, while they are sent" },
  pauses: { full: 1_000, short: 20, what: "of the lane, each resumed after a moment" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** Milliseconds for which a lane stays paused: longer than a mark takes that had begun before. */
const pause = 15;

export const pausedAndCancelled: Scenario = {
  name: "R23",
  title: "pausing and cancelling while processes send: no mark after the commit that forbade it",
  stores: ["postgres", "sqlite"],
  sizes,
  conflict: ({ notifications, cancels, pauses }) =>
    (cancels ?? 0) + (pauses ?? 0) > (notifications ?? 0) ? "more cancels and pauses than notifications" : undefined,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, faults, verdict, progress } = context;
  const place = await places.create();
  await installJournal(place);
  const stops = await watchStops(place, "pauses");
  const sink = await startSink(crew, places.folder, "sink", { seed, before: [0, 8], after: [0, 8] });
  const shape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 5 } as const;
  const queue = await openQueue(place, shape);
  await queue.shut();
  const ids = await queue.fill(scale.notifications, "n");
  await queue.open();

  const started = performance.now();
  const senders = Array.from({ length: scale.processes }, (_, i) =>
    crew.start("sender", {
      ...{ ...shape, place, name: `sender-${i}`, concurrency: scale.concurrency, delivery: {} },
      flightFile: join(places.folder, `sender-${i}.flights`),
    }),
  );
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store, milestones: [queueMilestone(shape)] });
  try {
    const random = seededRandom(seed);
    const chosen = shuffled(ids, random).slice(0, scale.cancels);
    let cancelled = 0;
    let requested = 0;
    let tooLate = 0;
    let late = 0;
    let marked = 0;
    for (let i = 0; i < scale.pauses; i++) {
      // each pause is to meet processes at work
      const patience = performance.now() + 10_000;
      const left = () => sink.report.accepted + cancelled < scale.notifications && performance.now() < patience;
      while ((await stops.marks()) === marked && left()) await sleep(1);
      const share = chosen.splice(0, Math.ceil(chosen.length / (scale.pauses - i)));
      for (const id of share) {
        try {
          const row = await milepost.notifications.cancel({ id, by: "chaos", why: "no longer wanted" });
          if (row.state === "cancelled") cancelled++;
          else requested++;
        } catch (error) {
          if (!MilepostError.is(error) || error.code !== "act_refused") throw error;
          tooLate++;
        }
      }
      await queue.shut();
      faults.add("pause", `${i}`);
      marked = (await stops.read()).at(-1)!.marks;
      await sleep(pause);
      late += (await stops.marks()) - marked;
      await queue.open();
      progress(i + 1, scale.pauses);
    }
    const deadline = performance.now() + 600_000;
    while (!(await atRest(opened.store)) && performance.now() < deadline) await sleep(50);
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    await sink.stop();

    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    const watched = await stops.read();
    verdict.exactly("pauses", watched.length, scale.pauses);
    const moved = watched.slice(1).filter(({ marks }, i) => marks > watched[i]!.marks).length;
    // pauses between which nothing was sent would show nothing
    verdict.atLeast("pausesOfWorkUnderWay", moved, Math.ceil(scale.pauses / 2));
    verdict.exactly("marksAfterPause", late, 0);

    const { notifications } = await readTables(opened.store);
    const lines = await sink.lines();
    const count = (state: string) => notifications.filter((row) => row.state === state).length;
    const atSink = new Set(lines.map(({ notification }) => notification));
    const stopped = notifications.filter(({ state }) => state === "cancelled");
    verdict.atLeast("cancelled", cancelled, Math.ceil(scale.cancels / 10));
    verdict.note("cancelRequested", requested);
    verdict.note("tooLate", tooLate);
    verdict.exactly("cancels", cancelled + requested + tooLate, scale.cancels);
    verdict.exactly("cancelledAtSink", stopped.filter(({ id }) => atSink.has(id)).length, 0);
    verdict.exactly("sentPlusCancelled", count("sent") + count("cancelled"), scale.notifications);
    verdict.exactly("duplicated", lines.length - atSink.size, 0);
    verdict.exactly("sentNotInSink", notifications.filter((n) => n.state === "sent" && !atSink.has(n.id)).length, 0);
    await checkInvariants([place], verdict);
  } finally {
    await milepost.close();
    await opened.close();
    await stops.close();
    await queue.close();
  }
}
