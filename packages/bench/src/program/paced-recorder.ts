// Records a stream at a steady pace, each event until it is answered: what an outage held up is recorded after it.
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone } from "../workload/announced-milestone.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";
import { untilAnswered } from "../workload/until-answered.js";

export interface PacedRecorderInput {
  readonly place: Place;
  readonly shape: StreamShape;
  readonly stream: number;
  readonly levels: readonly number[];
  /** Milliseconds between two events. */
  readonly every: number;
}

export interface PacedRecorderReport {
  /** Events that are answered. */
  readonly done: number;
  /** Times the store was away, and an event was recorded again. */
  readonly retries: number;
}

await runProgram<PacedRecorderInput>(async ({ place, shape, stream, levels, every }, link) => {
  const opened = openPlace(place);
  const milepost = createMilepost({
    store: opened.store,
    milestones: [announcedMilestone(levels, sinkNotifier(0, "at-most-once"))],
  });
  await untilAnswered(() => milepost.ready());
  let done = 0;
  let retries = 0;
  const open = new Set<Promise<void>>();
  const began = performance.now();
  for (let n = 0; n < shape.events; n++) {
    const early = began + n * every - performance.now();
    if (early > 0) await sleep(early);
    const answered = untilAnswered(
      () => milepost.record(eventAt(shape, stream, n)),
      () => retries++,
    ).then(() => {
      done++;
      open.delete(answered);
    });
    open.add(answered);
    if (n % 10 === 0) link.send({ done, retries } satisfies PacedRecorderReport);
  }
  await Promise.all(open);
  link.send({ done, retries } satisfies PacedRecorderReport);
  await milepost.close();
  await opened.close();
});
