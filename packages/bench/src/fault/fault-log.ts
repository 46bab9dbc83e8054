import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** One thing that was done to the system under test. */
export interface Fault {
  /** `kill`, `cut`, or a failpoint's name. */
  readonly fault: string;
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Every fault of a run with its time, one a line; written by the harness and by processes just before they die. */
export class FaultLog {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  add(fault: string, target: string): void {
    appendFileSync(this.file, `${JSON.stringify({ fault, target, at: Date.now() } satisfies Fault)}\n`);
  }

  read(): readonly Fault[] {
    if (!existsSync(this.file)) return [];
    const lines = readFileSync(this.file, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Fault);
  }
}
