import { existsSync, readFileSync } from "node:fs";

/** A message that a mail server took, as it wrote it down before it said so. */
export interface MailLine {
  readonly messageId: string;
  readonly to: string;
}

export function readMailLog(file: string): readonly MailLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as MailLine);
}
