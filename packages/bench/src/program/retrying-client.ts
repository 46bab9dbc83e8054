// Records a stream one event at a time. An event whose answer did not come is recorded again, with the same id.
import { createMilepost, MilepostError, type RecordResult } from "@milepost/core";
import { openFailpointPlace } from "../fault/failpoint-place.js";
import { Failpoints, type Target } from "../fault/failpoints.js";
import type { Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { silentMilestone } from "../workload/announced-milestone.js";
import { eventAt, type StreamShape } from "../workload/event-streams.js";

export interface RetryingClientInput {
  readonly place: Place;
  readonly shape: StreamShape;
  readonly stream: number;
  /** The first event's number. */
  readonly from: number;
  readonly levels: readonly number[];
  /** It asks before each event and waits for leave, so that its connection can be prepared. */
  readonly asks: boolean;
  readonly target?: Target;
}

export interface RetryingClientReport {
  readonly n: number;
  /** Calls that threw before one was answered. */
  readonly lostAnswers: number;
  /** Codes of what they threw; `raw` for what is no MilepostError. */
  readonly codes: readonly string[];
  readonly duplicate: boolean;
  readonly crossed: readonly number[];
}

await runProgram<RetryingClientInput>(async ({ place, shape, stream, from, levels, asks, target }, link) => {
  const { store, close } = openFailpointPlace(place, new Failpoints(target));
  const milepost = createMilepost({ store, milestones: [silentMilestone(levels)] });
  let leave = () => {};
  link.onMessage(() => leave());
  await milepost.ready();
  for (let n = from; n < shape.events; n++) {
    if (asks) {
      await new Promise<void>((resolve) => {
        leave = resolve;
        link.send({ ask: n });
      });
    }
    const codes: string[] = [];
    let result: RecordResult | undefined;
    while (result === undefined) {
      try {
        result = await milepost.record(eventAt(shape, stream, n));
      } catch (error) {
        codes.push(MilepostError.is(error) ? error.code : "raw");
        if (codes.length > 50) throw error;
      }
    }
    const { duplicate, crossings } = result;
    const crossed = crossings.map(({ at }) => at);
    link.send({ n, lostAnswers: codes.length, codes, duplicate, crossed } satisfies RetryingClientReport);
  }
  await milepost.close();
  await close();
});
