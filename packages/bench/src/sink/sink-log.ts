import { readFile } from "node:fs/promises";

/** One accepted message, as the sink wrote it before it answered. */
export interface SinkLine {
  readonly notification: string;
  readonly attempt: number;
  readonly messageId: string;
  readonly to: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export async function readSinkLog(file: string): Promise<readonly SinkLine[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as SinkLine);
}
