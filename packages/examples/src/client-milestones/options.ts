import { type SmtpServerOptions, smtpServerOf } from "@milepost/mailer";
import { parseFlags, UsageError, wholeNumber } from "../command.js";

export const help = `client-milestones: tells a client's people when their 1st, 1,000th, 10,000th … email was delivered.

Usage: npx -y pnpm@10 example client-milestones [options]

Input (one of; the bundled log unless said)
  --input FILE     a delivery log, CSV or NDJSON: id,client,address,status,delivered_at ("-" reads standard input)
  --generate N     N deliveries made up on the way; 1100000 are enough to cross 1,000,000
  --seed S         another stream for --generate (default 1)
  --clients FILE   JSON array of { id, name, domain, members: [{ email, firstName, lastName, role }] }
                   (default: the bundled clients, unless --input is given and the database has clients)

Delivery
  --smtp URL       sends by SMTP instead of printing, as in smtp://user:pass@mail.example.com:587
  --from ADDRESS   the sender with --smtp (default milestones@example.com)
  --record-only    counts the input and leaves the delivery to --worker or --once
  --once           reads no input: one pass over what is to be delivered, for cron
  --worker         reads no input: delivers what other processes record, until SIGINT or SIGTERM

Output and storage
  --json           one JSON object a line for each crossing; all else goes to standard error
  --db FILE        the SQLite database (default client-milestones.db); DATABASE_URL switches to Postgres
  --help           this text
`;

/** What the command line asks for. */
export interface Options {
  readonly mode: "run" | "record" | "once" | "worker";
  readonly input: string | undefined;
  readonly generate: number | undefined;
  readonly seed: number;
  readonly clients: string | undefined;
  readonly db: string;
  readonly json: boolean;
  readonly smtp: SmtpServerOptions | undefined;
  readonly from: string;
}

/** Throws `UsageError`; null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const values = parseFlags(args, {
    input: { type: "string" },
    generate: { type: "string" },
    seed: { type: "string" },
    clients: { type: "string" },
    db: { type: "string" },
    json: { type: "boolean" },
    smtp: { type: "string" },
    from: { type: "string" },
    "record-only": { type: "boolean" },
    once: { type: "boolean" },
    worker: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help) return null;

  const modes = (["record-only", "once", "worker"] as const).filter((name) => values[name]);
  if (modes.length > 1) throw new UsageError(`--${modes[0]} and --${modes[1]} exclude each other.`);
  if (values.input !== undefined && values.generate !== undefined) {
    throw new UsageError("--input and --generate exclude each other.");
  }
  const [flag] = modes;
  if (flag === "once" || flag === "worker") {
    for (const name of ["input", "generate", "clients"] as const) {
      if (values[name] !== undefined) throw new UsageError(`--${flag} reads no input: leave out --${name}.`);
    }
  }
  if (values.seed !== undefined && values.generate === undefined) {
    throw new UsageError("--seed belongs to --generate.");
  }
  return {
    mode: flag === "record-only" ? "record" : (flag ?? "run"),
    input: values.input,
    generate: wholeNumber("generate", values.generate, 1),
    seed: wholeNumber("seed", values.seed, 0) ?? 1,
    clients: values.clients,
    db: values.db ?? "client-milestones.db",
    json: values.json ?? false,
    smtp: smtpUrl(values.smtp),
    from: values.from ?? "milestones@example.com",
  };
}

function smtpUrl(text: string | undefined): SmtpServerOptions | undefined {
  if (text === undefined) return undefined;
  try {
    return smtpServerOf(text);
  } catch {
    throw new UsageError("--smtp: a URL like smtp://user:pass@mail.example.com:587 is expected.");
  }
}
