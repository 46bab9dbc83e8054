// Records events of one subject, one after another, and tells how long each call took, phase by phase.
import { createMilepost } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { silentMilestone } from "../workload/announced-milestone.js";
import { metric } from "../workload/event-streams.js";
import { untilAnswered } from "../workload/until-answered.js";

export interface SteadyRecorderInput {
  readonly place: Place;
  readonly subject: string;
  /** Without any it only records. */
  readonly levels: readonly number[];
}

/** Begins a phase, ends it once so many calls are answered, or ends the process. */
export type SteadyRecorderOrder =
  | { readonly do: "begin" }
  | { readonly do: "end"; readonly atLeast: number }
  | { readonly do: "stop" };

export interface SteadyRecorderReport {
  readonly subject: string;
  /** Events recorded, over all phases. */
  readonly events: number;
  readonly calls: number;
  /** Times the store was busy for longer than its patience, and the event was recorded again. */
  readonly busy: number;
  /** Milliseconds of a call. */
  readonly p99: number;
  readonly worst: number;
}

await runProgram<SteadyRecorderInput>(async ({ place, subject, levels }, link) => {
  const opened = openPlace(place, { connections: 1 });
  const milestones = levels.length > 0 ? [silentMilestone(levels)] : [];
  const milepost = createMilepost({ store: opened.store, milestones, onUnknownMetric: "count" });
  milepost.on("behind", () => {});
  let events = 0;
  let enough = 0;
  let phase: Promise<void> = Promise.resolve();

  async function record(): Promise<void> {
    const latencies: number[] = [];
    let busy = 0;
    enough = Number.POSITIVE_INFINITY;
    while (latencies.length < enough) {
      const id = `${subject}-${++events}`;
      const started = performance.now();
      await untilAnswered(
        () => milepost.record({ id, metric, subject }),
        () => busy++,
      );
      latencies.push(performance.now() - started);
    }
    const sorted = latencies.sort((a, b) => a - b);
    const part = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    link.send({
      subject,
      events,
      calls: sorted.length,
      busy,
      p99: part(0.99),
      worst: part(1),
    } satisfies SteadyRecorderReport);
  }

  const stopped = new Promise<void>((resolve) => {
    link.onMessage((message) => {
      const order = message as SteadyRecorderOrder;
      if (order.do === "begin") phase = record();
      else if (order.do === "end") enough = order.atLeast;
      else resolve();
    });
  });
  await milepost.ready();
  link.send({ ready: true });
  await stopped;
  await phase;
  await milepost.close();
  await opened.close();
});
