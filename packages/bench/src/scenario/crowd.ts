import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables } from "../place/raw-tables.js";
import { startSink } from "../sink/sink.js";
import { openQueue, queueMetric, queueMilestone } from "../workload/queue.js";
import type { ScenarioContext } from "./scenario.js";

/** Messages of the tenant that has few, and how often it sends so many. */
const few = 100;
const rounds = 5;

/** How long one tenant's hundred wait when nobody else sends, and when another's million does. */
export async function crowd({
  scale,
  seed,
  places,
  crew,
  verdict,
  progress,
}: ScenarioContext<{ readonly crowd: number }>): Promise<void> {
  const place = await places.create();
  const sink = await startSink(crew, places.folder, "crowd-sink", { seed, before: [8, 12] });
  const shape = { sinkPort: sink.port, mode: "at-most-once", maxAttempts: 5 } as const;
  const queue = await openQueue(place, shape);
  await queue.shut();
  for (let filled = 0, i = 0; filled < scale.crowd; i++) {
    filled += await queue.add(Math.min(50_000, scale.crowd - filled), `crowd${i}`);
    progress(filled, scale.crowd);
  }
  const sender = crew.start("sender", {
    ...{ ...shape, place, name: "sender", concurrency: 10, delivery: {} },
    flightFile: join(places.folder, "crowd.flights"),
  });
  const opened = openPlace(place, { connections: 2 });
  const milepost = createMilepost({ store: opened.store, milestones: [queueMilestone(shape)] });
  try {
    const waits = async (tenant: string) => {
      const all: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const subject = `r${round}/${few}`;
        await milepost.record({ id: subject, tenant, metric: queueMetric, subject });
        const open = { tenant, states: ["pending", "leased", "sending"], limit: 1 } as const;
        const until = performance.now() + 60_000;
        do await sleep(20);
        while (
          ((await milepost.notifications.count({ tenant })).length === 0 ||
            (await opened.store.notifications.list(open)).length > 0 ||
            (await waitsOf(place, tenant)).length < few * (round + 1)) &&
          performance.now() < until
        );
      }
      all.push(...(await waitsOf(place, tenant)));
      verdict.exactly(`${tenant}Sent`, all.length, few * rounds);
      return percentile(all, 0.95);
    };
    const idle = await waits("alone");
    await queue.open();
    const from = sink.report.accepted;
    const until = performance.now() + 60_000;
    while (sink.report.accepted < from + Math.min(500, scale.crowd / 4) && performance.now() < until) await sleep(10);
    const before = sink.report.accepted;
    const beside = await waits("beside");
    // the crowd went on meanwhile, and was not done
    verdict.atLeast("crowdSentMeanwhile", sink.report.accepted - before - few * rounds, 1);
    verdict.atLeast("crowdLeft", scale.crowd + few * rounds * 2 - sink.report.accepted, 1);
    verdict.note("waitAloneP95", Math.round(idle));
    verdict.note("waitBesideP95", Math.round(beside));
    verdict.atMost("waitBesideToAlone", Math.round((beside / idle) * 100) / 100, 2);
  } finally {
    sender.send({});
    await sender.kill();
    await sink.stop();
    await milepost.close();
    await opened.close();
    await queue.close();
  }
}

/** Milliseconds from queued to marked, by the database's clock. */
async function waitsOf(place: Place, tenant: string): Promise<readonly number[]> {
  const raw = openRawTables(place);
  try {
    const rows = await raw.all<{ created_at: string | Date; started_at: string | Date }>(`
      SELECT n.created_at, a.started_at FROM ${raw.table("attempts")} a
      JOIN ${raw.table("notifications")} n ON n.tenant = a.tenant AND n.id = a.notification
      WHERE a.tenant = '${tenant}' AND a.number = 1`);
    return rows.map((row) => new Date(row.started_at).getTime() - new Date(row.created_at).getTime());
  } finally {
    await raw.close();
  }
}

function percentile(numbers: readonly number[], part: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
