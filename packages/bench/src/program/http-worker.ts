// Records an event for each subject it is told, and delivers what comes of it over HTTP, until it is asked to stop.
import { createMilepost } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { metric } from "../workload/event-streams.js";
import { faultyMilestones, type HttpPorts } from "../workload/http-faults.js";

export interface HttpWorkerInput {
  readonly place: Place;
  readonly ports: HttpPorts;
  readonly concurrency: number;
  /** Milliseconds that the engine gives a call. */
  readonly callDeadline: number;
}

/** Subjects to record an event for; none: stop. */
export interface HttpWorkerOrder {
  readonly subjects: readonly string[];
}

export interface HttpWorkerReport {
  /** Rejections that nobody heard. */
  readonly unhandled: number;
}

await runProgram<HttpWorkerInput>(async ({ place, ports, concurrency, callDeadline }, link) => {
  let unhandled = 0;
  process.on("unhandledRejection", (reason) => {
    unhandled += 1;
    console.error(reason);
  });
  const opened = openPlace(place, { connections: 8 });
  const milepost = createMilepost({
    store: opened.store,
    milestones: faultyMilestones(ports),
    delivery: {
      callDeadline,
      settleMargin: 5_000,
      lease: callDeadline + 10_000,
      retryBase: 300,
      retryCap: 600,
      outageCap: 600,
    },
  });
  const worker = milepost.worker({ concurrency, pollInterval: 50, sweepInterval: 500 });
  await worker.start();
  await new Promise<void>((resolve, reject) => {
    link.onMessage((message) => {
      const { subjects } = message as HttpWorkerOrder;
      if (subjects.length === 0) resolve();
      else milepost.recordMany(subjects.map((subject) => ({ id: subject, metric, subject }))).catch(reject);
    });
    link.send({ ready: true });
  });
  await milepost.close();
  await opened.close();
  link.send({ unhandled } satisfies HttpWorkerReport);
});
