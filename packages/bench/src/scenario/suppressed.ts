import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost } from "@milepost/core";
import { checkInvariants } from "../check/invariants.js";
import { installJournal } from "../check/journal.js";
import { watchStops } from "../check/stops.js";
import { readTables } from "../check/tables.js";
import { openPlace } from "../place/place.js";
import { startSink } from "../sink/sink.js";
import { openQueue, queueMilestone } from "../workload/queue.js";
import { seededRandom } from "../workload/random.js";
import type { ScaleOf, Scenario, ScenarioContext, Sizes } from "./scenario.js";

const sizes = {
  trials: {
    full: 1_000,
    short: 12,
    what: "addresses that are suppressed, one after another, while they are written to",
  },
  each: { full: 100, short: 20, what: "messages to each address" },
  processes: { full: 4, short: 2, what: "that send" },
  concurrency: { full: 10, short: 5, what: "messages that a process sends side by side" },
} satisfies Sizes;
type Size = ScaleOf<typeof sizes>;

/** Addresses that are queued together: each its messages, a part of them while it is suppressed. */
const together = 4;

export const suppressed: Scenario = {
  name: "R24",
  title: "a suppression while messages to its address are sent and others are queued: no mark after its commit",
  stores: ["postgres", "sqlite"],
  sizes,
  run,
};

async function run(context: ScenarioContext<Size>): Promise<void> {
  const { scale, seed, places, crew, faults, verdict, progress } = context;
  const place = await places.create();
  await installJournal(place);
  const stops = await watchStops(place, "suppressions");
  const sink = await startSink(crew, places.folder, "sink", { seed, before: [0, 8], after: [0, 8], refused: 0.1 });
  const shape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 10, shared: true } as const;
  const queue = await openQueue(place, shape);
  const started = performance.now();
  const delivery = { retryBase: 20, retryCap: 100 };
  const senders = Array.from({ length: scale.processes }, (_, i) =>
    crew.start("sender", {
      ...{ ...shape, place, name: `sender-${i}`, concurrency: scale.concurrency, delivery },
      flightFile: join(places.folder, `sender-${i}.flights`),
    }),
  );
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store, milestones: [queueMilestone(shape)] });
  const random = seededRandom(seed);
  let stopped = 0;
  let tried = 0;
  try {
    for (let round = 0; tried < scale.trials; round++) {
      const count = Math.min(together, scale.trials - tried);
      const batch = `r${round}`;
      // half of them before, half of them at the very moment: what an announcement is about to commit is stopped too
      const half = Math.floor(scale.each / 2);
      await queue.announce(count, half, `${batch}-a`, batch);
      await queue.announced();
      const more = queue.announce(count, scale.each - half, `${batch}-b`, batch);
      for (let i = 0; i < count; i++) {
        await sleep(random() * 10);
        const address = `${batch}-${i}@chaos.example`;
        stopped += (await milepost.suppressions.add({ address, by: "chaos", why: "it bounced", reason: "hard_bounce" }))
          .stopped;
        faults.add("suppress", address);
        progress(++tried, scale.trials);
      }
      await more;
    }
    await queue.announced();
    const deadline = performance.now() + 120_000;
    const open = ["pending", "leased", "sending"] as const;
    while (performance.now() < deadline) {
      if ((await opened.store.notifications.list({ tenant: "default", states: open, limit: 1 })).length === 0) break;
      await sleep(50);
    }
    for (const sender of senders) sender.send({});
    await Promise.all(senders.map((sender) => sender.finished()));
    await sink.stop();

    verdict.note("seconds", Math.round((performance.now() - started) / 100) / 10);
    const watched = await stops.read();
    verdict.exactly("trials", watched.length, scale.trials);
    let late = 0;
    let underWay = 0;
    for (const { key, marks } of watched) {
      const total = await stops.marks(key);
      late += total - marks;
      if (marks > 0) underWay++;
    }
    verdict.exactly("marksAfterSuppression", late, 0);
    const { notifications } = await readTables(opened.store);
    const lines = await sink.lines();
    const atSink = new Set(lines.map(({ notification }) => notification));
    const ended = notifications.filter(({ state }) => state === "suppressed");
    const bornSuppressed = ended.filter(({ attempts, claims, fence }) => attempts + claims + fence === 0).length;
    verdict.exactly("notifications", notifications.length, scale.trials * scale.each);
    // suppressions of what nobody had begun to send, or had sent already, would show nothing
    verdict.atLeast("trialsUnderWay", underWay, Math.ceil(scale.trials / 10));
    verdict.atLeast("stopped", stopped, scale.trials);
    verdict.note("neverClaimed", bornSuppressed);
    verdict.note("sent", notifications.filter(({ state }) => state === "sent").length);
    verdict.exactly("suppressedAtSink", ended.filter(({ id }) => atSink.has(id)).length, 0);
    verdict.exactly(
      "otherEnds",
      notifications.filter(({ state }) => state !== "sent" && state !== "suppressed").length,
      0,
    );
    verdict.exactly("withoutReason", ended.filter(({ reason }) => reason !== "suppressed").length, 0);
    verdict.exactly("duplicated", lines.length - atSink.size, 0);
    await checkInvariants([place], verdict);
  } finally {
    await milepost.close();
    await opened.close();
    await stops.close();
    await queue.close();
  }
}
