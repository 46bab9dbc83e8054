import { parseFlags, wholeNumber } from "../command.js";

export const help = `local-time-mailing: text messages to clients at a time of their own clocks, by an HTTP service that fails at times.

Usage: npx -y pnpm@10 example local-time-mailing [options]

  --clients FILE   imports clients first: CSV with a header, client,phone,operator,tag,zone (default: 24 in 12 zones)
  --seed S         other calls of the message service go wrong (default 1)
  --json           one JSON object a line for each message; all else goes to standard error
  --db FILE        the SQLite database (default local-time-mailing.db); DATABASE_URL switches to Postgres,
                   schema "local_time_mailing"
  --help           this text
`;

/** What the command line asks for. */
export interface Options {
  readonly clients: string | undefined;
  readonly seed: number;
  readonly json: boolean;
  readonly db: string;
}

/** Throws `UsageError`; null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const values = parseFlags(args, {
    clients: { type: "string" },
    seed: { type: "string" },
    json: { type: "boolean" },
    db: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help) return null;
  const { clients, json = false, db = "local-time-mailing.db" } = values;
  return { clients, seed: wholeNumber("seed", values.seed, 0) ?? 1, json, db };
}
