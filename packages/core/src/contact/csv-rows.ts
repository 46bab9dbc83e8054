import { CsvError, parse } from "csv-parse/sync";

/** A row of a text: its cells, or that there is none to be read from this line. */
export type CsvRow =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly cells: null; readonly expected: string };

/** A quote that nobody closes takes no more than so many lines, or characters, with it before it is given up. */
const patience = { lines: 100, characters: 65_536 };
const longestLine = 1_048_576;
/** Lines that are parsed at once: one call for each would take three times as long. */
const blockLines = 500;

interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * The rows of a CSV text (RFC 4180), the first of them its header, in lists as they become known. What cannot be read costs
 * the line on which it begins and nothing that follows: the rows after an open quote are read again without it.
 */
export async function* csvRows(
  source: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  delimiter: string,
): AsyncGenerator<readonly CsvRow[], void, undefined> {
  let width: number | undefined;
  let waiting: Line[] = [];
  let block = blockLines;
  /** Takes what is complete from the lines that wait; all of them at the end. */
  function take(ended: boolean): CsvRow[] {
    const rows: CsvRow[] = [];
    while (waiting.length > 0) {
      let taken = completeLines(waiting, block);
      let read = taken > 0 ? readRows(waiting.slice(0, taken), delimiter, width) : undefined;
      block = Math.min(blockLines, 2 * block);
      if (taken > 0 && read === undefined) {
        // something in the block cannot be read: row by row, then in blocks that grow
        block = 1;
        taken = completeLines(waiting, block);
        read = readRows(waiting.slice(0, taken), delimiter, width);
      }
      if (taken === 0 && !ended && !isGivenUp(waiting)) break;
      if (read !== undefined) {
        width ??= read[0]?.cells?.length;
        rows.push(...read);
        waiting = waiting.slice(taken);
        continue;
      }
      const [{ number, text }] = waiting as [Line];
      if (text.trim() !== "") rows.push({ line: number, cells: null, expected: expectation(text, delimiter, width) });
      waiting = waiting.slice(1);
    }
    return rows;
  }
  for await (const lines of linesOf(source)) {
    waiting = waiting.length === 0 ? lines : waiting.concat(lines);
    const rows = take(false);
    if (rows.length > 0) yield rows;
  }
  const rows = take(true);
  if (rows.length > 0) yield rows;
}

/** How many of the first lines hold whole rows: up to `most` and the rest of the last one. 0 where a quote stays open. */
function completeLines(lines: readonly Line[], most: number): number {
  let complete = 0;
  let open = false;
  for (const [i, { text }] of lines.entries()) {
    if (!open && i >= most) break;
    if (open && i - complete >= patience.lines) break;
    for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) open = !open;
    if (!open) complete = i + 1;
  }
  return complete;
}

function isGivenUp(lines: readonly Line[]): boolean {
  if (lines.length > patience.lines) return true;
  return lines.reduce((sum, { text }) => sum + text.length, 0) > patience.characters;
}

/** The rows of these lines; undefined where one of them cannot be read, or has more or fewer cells than the header. */
function readRows(lines: readonly Line[], delimiter: string, width: number | undefined): CsvRow[] | undefined {
  const text = lines.map((line) => line.text).join("\n");
  const options = { delimiter, info: true, relax_column_count: true, skip_empty_lines: true } as const;
  try {
    // a row's `lines` is the one on which the next begins
    const found = parse(text, options) as unknown as { record: string[]; info: { lines: number; bytes: number } }[];
    const [first] = lines as [Line];
    const rows: CsvRow[] = [];
    for (const { record, info } of found) {
      const height = record.reduce((sum, cell) => sum + cell.split("\n").length - 1, 0);
      if (record.length !== (width ?? found[0]!.record.length)) return undefined;
      rows.push({ line: first.number + info.lines - 1 - height, cells: record });
    }
    return rows;
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
}

function expectation(text: string, delimiter: string, width: number | undefined): string {
  const alone = readRows([{ number: 1, text }], delimiter, undefined)?.[0]?.cells?.length;
  return alone === undefined || width === undefined || alone === width
    ? "a row of CSV, its quotes closed and doubled inside"
    : `${width} cells, as the header has; there are ${alone}`;
}

/** Lines without their ends, in lists; one without an end within 1 MB is cut off there. */
async function* linesOf(
  source: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): AsyncGenerator<Line[], void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  let number = 0;
  const line = (text: string): Line => ({ number: ++number, text: text.endsWith("\r") ? text.slice(0, -1) : text });
  let start = true;
  for await (const piece of source) {
    let text = rest + (typeof piece === "string" ? piece : decoder.decode(piece, { stream: true }));
    if (start && text.length > 0) {
      start = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    const parts = text.split("\n");
    rest = parts.pop()!;
    if (rest.length > longestLine) rest = rest.slice(0, longestLine);
    if (parts.length > 0) yield parts.map(line);
  }
  rest += decoder.decode();
  if (rest !== "") yield [line(rest)];
}
