import { parseFlags, wholeNumber } from "../command.js";

export const help = `invoice-chaser: two companies remind their customers of 550 unpaid invoices, by real SMTP to mail servers on this machine.

Usage: npx -y pnpm@10 example invoice-chaser [options]

  --seed S      other customers, invoices and readers (default 1)
  --db FILE     keeps what happened in an SQLite database (default: a temporary one);
                DATABASE_URL switches to Postgres, schema "invoice_chaser"
  --help        this text
`;

/** What the command line asks for. */
export interface Options {
  readonly seed: number;
  readonly db: string | undefined;
}

/** Throws `UsageError`; null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const { seed, db, help } = parseFlags(args, {
    seed: { type: "string" },
    db: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  return help ? null : { seed: wholeNumber("seed", seed, 0) ?? 1, db };
}
