import type { ReportedCrossing } from "./crossings-report.js";
import type { DeliveryTally } from "./delivery-tally.js";

const waitsFor: Readonly<Record<string, string>> = { console: "a run without --smtp", smtp: "--smtp" };
const sendsThem: Readonly<Record<string, string>> = {
  console: ": run --once",
  smtp: " for another try: run --once with the same --smtp in a while",
};

/** The last lines of a run: what it sent by its notifier, what waits, and which run does that. */
export function closingText(
  { sent, refused, unknown }: DeliveryTally,
  crossings: readonly ReportedCrossing[],
  notifier: string,
): string {
  const waiting = new Map<string, number>();
  for (const other of crossings.flatMap(({ others }) => others)) {
    if (other.told === "waiting") waiting.set(other.notifier, (waiting.get(other.notifier) ?? 0) + 1);
  }
  const lines: string[] = [];
  if (sent > 0) lines.push(`${count(sent, "mail was", "mails were")} ${notifier === "console" ? "printed" : "sent"}.`);
  if (sent + unknown === 0) lines.push("Nothing new was sent.");
  if (refused > 0) lines.push(`${count(refused, "mail was", "mails were")} refused for good.`);
  if (unknown > 0) lines.push(`${count(unknown, "mail", "mails")} perhaps arrived, and will not be sent again.`);
  for (const [name, mails] of waiting) {
    const wait = count(mails, "mail waits", "mails wait");
    if (name === notifier) lines.push(`${wait}${sendsThem[name] ?? ""}.`);
    else lines.push(`${wait} for ${waitsFor[name] ?? `the notifier "${name}"`}.`);
  }
  const unannounced = crossings.filter(({ announced }) => !announced).length;
  if (unannounced > 0) {
    lines.push(`${count(unannounced, "milestone is", "milestones are")} not announced yet: run --once or --worker.`);
  }
  return `${lines.join("\n")}\n`;
}

function count(value: number, one: string, more: string): string {
  return `${value.toLocaleString("en-US")} ${value === 1 ? one : more}`;
}
