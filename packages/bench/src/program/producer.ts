// Records one stream of events, and writes down each answer as soon as it has it. Started again after a kill it goes on
// where its answers end, minus a few events that it replays, as a host does whose source gives at least once.
import { openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createMilepost, MilepostError, type RecordResult } from "@milepost/core";
import type { AnswerLine } from "../check/answers.js";
import { answersIn } from "../check/answers.js";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { sinkNotifier } from "../sink/sink-notifier.js";
import { announcedMilestone } from "../workload/announced-milestone.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";

export interface ProducerInput {
  readonly place: Place;
  readonly shape: StreamShape;
  readonly stream: number;
  readonly levels: readonly number[];
  /** Where its answers go; what is in it is where a new start goes on. */
  readonly file: string;
  /** Events recorded side by side. */
  readonly together: number;
  /** Events replayed by a start after a kill. */
  readonly replay: number;
}

export interface ProducerReport {
  /** Events of the stream that are answered. */
  readonly done: number;
  /** Times the store was busy or away, and the event was recorded again. */
  readonly retries: number;
}

await runProgram<ProducerInput>(async ({ place, shape, stream, levels, file, together, replay }, link) => {
  const out = openSync(file, "a+");
  const before = answersIn(readFileSync(file, "utf8"));
  // a line that the kill cut in two ends here
  if (before.length > 0) writeSync(out, "\n");
  const done = before.reduce((highest, answer) => Math.max(highest, answer.to), 0);

  const opened = openPlace(place);
  const milepost = createMilepost({
    store: opened.store,
    milestones: [announcedMilestone(levels, sinkNotifier(0, "at-most-once"))],
  });
  let retries = 0;

  async function recordUntilAnswered(n: number): Promise<RecordResult> {
    for (;;) {
      try {
        return await milepost.record(eventAt(shape, stream, n));
      } catch (error) {
        if (!MilepostError.is(error) || !["store_busy", "store_unavailable"].includes(error.code)) throw error;
        retries++;
        await sleep(20);
      }
    }
  }

  await milepost.ready();
  for (let from = Math.max(0, done - replay); from < shape.events; from += together) {
    const to = Math.min(shape.events, from + together);
    const numbers = Array.from({ length: to - from }, (_, i) => from + i);
    const results = await Promise.all(numbers.map(recordUntilAnswered));
    const line: AnswerLine = {
      from,
      to,
      values: results.map(({ counted, value }) => (counted ? value : null)),
      crossed: results.flatMap(({ crossings }, i) => crossings.map(({ at }): [number, number] => [from + i, at])),
    };
    writeSync(out, `${JSON.stringify(line)}\n`);
    link.send({ done: Math.max(done, to), retries } satisfies ProducerReport);
  }
  await milepost.close();
  await opened.close();
});
