import { CommandError } from "../command.js";
import { csvFields } from "../csv-fields.js";
import type { Problems } from "../problems.js";
import { type LoggedDelivery, parseDelivery } from "./delivery.js";
import { linesOf } from "./lines.js";

export type LogFormat = "csv" | "ndjson";

/** An input that cannot be read at all, in words for the person who named it. */
export class UnreadableLog extends CommandError {}

const columns = ["id", "client", "address", "status", "delivered_at"];

/** By the file's extension; null where that says nothing and the first line has to. */
export function formatOf(path: string): LogFormat | null {
  if (/\.csv$/i.test(path)) return "csv";
  return /\.(ndjson|jsonl|json)$/i.test(path) ? "ndjson" : null;
}

/**
 * Producer: the deliveries of a log in their order. A line that is broken goes to `problems` and harms no other: a
 * delivery never spans two lines, so each is parsed by itself and an open quote ends with its line.
 */
export async function* readDeliveryLog(
  chunks: AsyncIterable<Uint8Array>,
  format: LogFormat | null,
  problems: Problems,
): AsyncGenerator<LoggedDelivery> {
  let toRow: ((text: string) => unknown) | undefined;
  for await (const lines of linesOf(chunks)) {
    for (const { number, text } of lines) {
      if (text === null) {
        problems.add(number, "is longer than 64 kB");
        continue;
      }
      if (text.trim() === "") continue;
      if (toRow === undefined) {
        const csv = format === null ? !text.trimStart().startsWith("{") : format === "csv";
        toRow = csv ? csvRow(text) : jsonRow;
        if (csv) continue;
      }
      const delivery = parsed(text, toRow);
      if ("problem" in delivery) problems.add(number, delivery.problem);
      else yield { line: number, delivery };
    }
  }
}

function parsed(text: string, toRow: (text: string) => unknown): ReturnType<typeof parseDelivery> {
  try {
    return parseDelivery(toRow(text));
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function jsonRow(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // the line is named already, and within it there is no other
    throw new Error(`is no JSON: ${(error as Error).message.replace(/ \(line \d+ column \d+\)$/, "")}`);
  }
}

function csvRow(header: string): (text: string) => unknown {
  const names = columnNames(header);
  const missing = columns.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new UnreadableLog(
      `--input: the first line must name the columns ${columns.join(",")}: there is no ${missing.join(", ")}.`,
    );
  }
  return (text) => {
    const fields = csvFields(text);
    if (fields.length !== names.length) throw new Error(`has ${fields.length} columns instead of ${names.length}`);
    return Object.fromEntries(names.map((name, i) => [name, fields[i]]));
  };
}

function columnNames(header: string): readonly string[] {
  try {
    return csvFields(header).map((name) => name.trim().toLowerCase());
  } catch (error) {
    throw new UnreadableLog(`--input: the first line must name the columns, but ${(error as Error).message}.`);
  }
}
