import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A message in a maildir, as Python's email package reads it. */
export interface DeliveredMail {
  /** The maildir: the address' local part. */
  readonly box: string;
  /** Names in lower case, values decoded, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly to: readonly string[];
  readonly type: string;
  readonly text: string | null;
  readonly html: string | null;
  /** What is not as the standards have it. */
  readonly defects: readonly string[];
}

const program = fileURLToPath(new URL("read-maildirs.py", import.meta.url));

export async function deliveredMail(maildirs: string): Promise<readonly DeliveredMail[]> {
  const { stdout } = await promisify(execFile)("python3", [program, maildirs], { maxBuffer: 2 ** 30 });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as DeliveredMail);
}
