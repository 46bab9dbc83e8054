import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { fileProblem } from "../file-problem.js";
import type { Problems } from "../problems.js";
import type { LoggedDelivery } from "./delivery.js";
import { formatOf, readDeliveryLog, UnreadableLog } from "./delivery-log.js";
import { generatedDeliveries } from "./generated-deliveries.js";
import type { Options } from "./options.js";

const bundledLog = fileURLToPath(new URL("sample/deliveries.csv", import.meta.url));

/** Where the deliveries of a run come from. */
export interface LogSource {
  /** For the report. */
  readonly name: string;
  /** How many there are, where that is known before. */
  readonly total: number | null;
  readonly deliveries: AsyncIterable<LoggedDelivery> | Iterable<LoggedDelivery>;
}

export function logSource(options: Options, clients: readonly string[], problems: Problems): LogSource {
  const { generate, seed, input } = options;
  if (generate !== undefined) {
    const deliveries = generatedDeliveries(generate, seed, clients);
    return { name: `generated with seed ${seed}`, total: generate, deliveries };
  }
  if (input === "-") {
    return {
      name: "standard input",
      total: null,
      deliveries: readDeliveryLog(process.stdin, null, problems),
    };
  }
  const file = input ?? bundledLog;
  const name = input === undefined ? `the bundled ${basename(file)}` : file;
  return { name, total: null, deliveries: readDeliveryLog(bytesOf(file), formatOf(file), problems) };
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: 262_144 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new UnreadableLog(`--input ${file}: ${fileProblem(error)}`);
  }
}
