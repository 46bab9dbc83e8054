import { readFile } from "node:fs/promises";

/** What a notifier of the harness hands to the sink: one call. */
export interface SinkCall {
  readonly notification: string;
  readonly attempt: number;
  readonly messageId: string;
  readonly to: string;
  readonly key: string;
  /** Of the message's text. */
  readonly payload: string;
  /** The process that called. */
  readonly caller: string;
}

/** One accepted message, as the sink wrote it before it answered. */
export interface SinkLine extends SinkCall {
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * `accepted`: it is on disk, or was at an earlier call with the same key (`replayed`). `busy`: a call with the same key
 * is under way (HTTP 409). `refused`: not taken, come again.
 */
export interface SinkAnswer {
  readonly notification: string;
  readonly attempt: number;
  readonly answer: "accepted" | "busy" | "refused";
  readonly receipt: string;
}

export async function readSinkLog(file: string): Promise<readonly SinkLine[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as SinkLine);
}
