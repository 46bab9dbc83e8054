import { join } from "node:path";
import type { Crew } from "../process/crew.js";
import type { SinkInput } from "../program/sink.js";
import { readSinkLog, type SinkLine } from "./sink-log.js";

/** The outside world: a process that no scenario kills. */
export interface Sink {
  readonly port: number;
  lines(): Promise<readonly SinkLine[]>;
  /** Throws if it did not live until now. */
  stop(): Promise<void>;
}

export async function startSink(crew: Crew, folder: string, name: string = "sink"): Promise<Sink> {
  const file = join(folder, `${name}.log`);
  const child = crew.start("sink", { file } satisfies SinkInput);
  const { port } = await child.next<{ port: number }>();
  return {
    port,
    lines: () => readSinkLog(file),
    async stop() {
      child.send({});
      await child.finished();
    },
  };
}
