import { parseFlags, wholeNumber } from "../command.js";

export const help = `flights: when did each US airport see its 1st, 1,000th, 10,000th and 100,000th departure of 2001?

Usage: npx -y pnpm@10 example flights [options]

  --full        all 3,000,000 flights of flights-3m.parquet instead of the 20,000 of flights-20k.json
  --limit N     the first N flights only
  --json        one JSON object a line for each crossing, and one for the run; all else goes to standard error
  --db FILE     keeps the count in an SQLite database (default: a temporary one, so that each run counts afresh);
                DATABASE_URL switches to Postgres, where it is kept in the schema "flights"
  --help        this text
`;

/** What the command line asks for. */
export interface Options {
  readonly full: boolean;
  readonly limit: number;
  readonly json: boolean;
  readonly db: string | undefined;
}

/** Throws `UsageError`; null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const { full, limit, json, db, help } = parseFlags(args, {
    full: { type: "boolean" },
    limit: { type: "string" },
    json: { type: "boolean" },
    db: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (help) return null;
  return {
    full: full ?? false,
    limit: wholeNumber("limit", limit, 1) ?? Number.POSITIVE_INFINITY,
    json: json ?? false,
    db,
  };
}
