import { join } from "node:path";
import type { Crew } from "../process/crew.js";
import type { SinkInput, SinkManner, SinkReport } from "../program/sink.js";
import { readSinkLog, type SinkLine } from "./sink-log.js";

/** The outside world: a process that no scenario kills. */
export interface Sink {
  readonly port: number;
  /** What it has done until a moment ago; after {@link stop} exact. */
  readonly report: SinkReport;
  lines(): Promise<readonly SinkLine[]>;
  /** Throws if it did not live until now. */
  stop(): Promise<void>;
}

export async function startSink(
  crew: Crew,
  folder: string,
  name: string = "sink",
  manner: SinkManner = { seed: 0 },
): Promise<Sink> {
  const file = join(folder, `${name}.log`);
  const child = crew.start("sink", { file, manner } satisfies SinkInput);
  const { port } = await child.next<{ port: number }>();
  let report: SinkReport = { accepted: 0, refused: 0, conflicts: 0, replayed: 0, otherPayload: 0 };
  child.onMessage((message) => {
    report = message as SinkReport;
  });
  return {
    port,
    get report() {
      return report;
    },
    lines: () => readSinkLog(file),
    async stop() {
      child.send({});
      await child.finished();
    },
  };
}
