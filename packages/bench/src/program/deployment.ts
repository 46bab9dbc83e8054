// A process of some version of a host's code: it records a stream at a steady rate, works, or both, and tells what it
// evaluated itself.
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { namedMilestone } from "../workload/announced-milestone.js";
import { eventAt, metric, type StreamShape } from "../workload/event-streams.js";
import { untilAnswered } from "../workload/until-answered.js";

/** What differs between versions of the code. One without milestones only records. */
export interface Code {
  /** Levels by the milestone's name. */
  readonly milestones: Readonly<Record<string, readonly number[]>>;
  readonly removed?: readonly string[];
  /** Keeps each event with the value after it. */
  readonly retains?: true;
}

export interface DeploymentInput {
  readonly place: Place;
  readonly code: Code;
  readonly sinkPort: number;
  readonly works: boolean;
  readonly writes?: {
    readonly shape: StreamShape;
    readonly stream: number;
    readonly from: number;
    readonly perSecond: number;
  };
}

/** Records up to, but without, the event with this number, or ends. */
export type DeploymentOrder = { readonly until: number } | { readonly stop: true };

/** What it tells: its milestones are installed; an order was followed; events answered; what it evaluated. */
export type DeploymentReport =
  | { readonly ready: true }
  | { readonly reached: number }
  | { readonly done: number }
  | { readonly adopted: number }
  | { readonly behind: readonly string[] }
  | { readonly evaluated: { readonly subject: string; readonly value: number } };

/** Milliseconds between two steps of a stream, and events of one step at most. */
const pace = 20;
const together = 200;

await runProgram<DeploymentInput>(async ({ place, code, sinkPort, works, writes }, link) => {
  const tell = (report: DeploymentReport) => link.send(report);
  const opened = openPlace(place);
  const notifier = sinkNotifier(sinkPort, "at-most-once");
  const milestones = Object.entries(code.milestones).map(([name, levels]) => namedMilestone(name, levels, notifier));
  const milepost = createMilepost({
    store: opened.store,
    milestones,
    ...(code.retains && { metrics: { [metric]: { retain: "events" as const } } }),
    removed: code.removed ?? [],
    onUnknownMetric: "count",
    delivery: { lease: 20_000, callDeadline: 15_000, settleMargin: 1_000 },
  });
  milepost.on("behind", ({ milestones: lacking }) => tell({ behind: lacking }));
  milepost.on("crossing", ({ subject, value }) => tell({ evaluated: { subject, value } }));
  milepost.on("adopted", ({ counters }) => tell({ adopted: counters }));

  let until = 0;
  let stopped = false;
  let ordered: () => void = () => {};
  link.onMessage((message) => {
    const order = message as DeploymentOrder;
    if ("until" in order) until = order.until;
    else stopped = true;
    ordered();
  });
  await milepost.ready();
  if (works) await milepost.worker({ pollInterval: 50, sweepInterval: 200 }).start();
  tell({ ready: true });

  let n = writes?.from ?? 0;
  while (!stopped) {
    const order = new Promise<void>((resolve) => {
      ordered = resolve;
    });
    if (writes !== undefined && n < until) n = await write(writes, n);
    if (writes !== undefined && n >= until) tell({ reached: n });
    if (!stopped) await order;
  }
  await milepost.close();
  await opened.close();

  /** Until the order is followed, or another one ends it. */
  async function write(stream: NonNullable<typeof writes>, from: number): Promise<number> {
    const started = performance.now();
    let next = from;
    while (next < until && !stopped) {
      const due = Math.floor(((performance.now() - started) * stream.perSecond) / 1_000) - (next - from);
      const count = Math.min(due, together, until - next);
      const events = Array.from({ length: Math.max(0, count) }, (_, i) =>
        eventAt(stream.shape, stream.stream, next + i),
      );
      await Promise.all(events.map((event) => untilAnswered(() => milepost.record(event))));
      next += events.length;
      if (events.length > 0) tell({ done: next });
      await sleep(pace);
    }
    return next;
  }
});
