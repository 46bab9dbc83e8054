import { parseFlags, UsageError } from "../command.js";
import { byCount, byLongestRun, type SegmentOf } from "./segments.js";
import { isWeek, type Week } from "./weeks.js";

export const help = `weekly-winback: every Saturday 09:00 GMT a mail to customers who paused next week, by how long they pause.

Usage: npx -y pnpm@10 example weekly-winback [options]

Without one of these four it lets some Saturdays of December 2026 and January 2027 pass, with a sample file
  --import FILE     imports subscriptions: CSV with a header, customer,email,name,week,status
  --once            one run, for a scheduler from outside such as cron or CI; a second one sends nothing
  --worker          runs until it is stopped, and sends by its own schedule
  --sent WEEK       who was told what for a week, as in 2026-W53; "all" for all weeks

More
  --segments BY     "run": by the longest run of paused weeks (default); "count": by how many are paused
  --now INSTANT     begins at another time than now, as in 2026-12-26T09:10:00Z, with --once and --worker
  --json            one JSON object a line for each customer that was told; all else goes to standard error
  --db FILE         the SQLite database (default weekly-winback.db); DATABASE_URL switches to Postgres,
                    schema "weekly_winback"
  --help            this text
`;

/** What the command line asks for. */
export interface Options {
  readonly import: string | undefined;
  readonly once: boolean;
  readonly worker: boolean;
  /** Undefined: not asked for. */
  readonly sent: Week | "all" | undefined;
  readonly segmentOf: SegmentOf;
  readonly now: Date | undefined;
  readonly json: boolean;
  readonly db: string;
}

/** Throws `UsageError`; null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const values = parseFlags(args, {
    import: { type: "string" },
    once: { type: "boolean" },
    worker: { type: "boolean" },
    sent: { type: "string" },
    segments: { type: "string" },
    now: { type: "string" },
    json: { type: "boolean" },
    db: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help) return null;
  const { once = false, worker = false, json = false, db = "weekly-winback.db" } = values;
  if (once && worker) throw new UsageError("--once and --worker: one of the two is expected.");
  return {
    ...{ import: values.import, once, worker, json, db },
    sent: parseWeek(values.sent),
    segmentOf: parseSegments(values.segments),
    now: parseInstant(values.now),
  };
}

function parseWeek(text: string | undefined): Week | "all" | undefined {
  if (text === undefined || text === "all" || isWeek(text)) return text;
  throw new UsageError(`--sent ${text}: a week that its year has, as in 2026-W53, or "all" is expected.`);
}

function parseSegments(text = "run"): SegmentOf {
  const known: Readonly<Record<string, SegmentOf>> = { run: byLongestRun, count: byCount };
  if (Object.hasOwn(known, text)) return known[text]!;
  throw new UsageError(`--segments ${text}: run or count is expected.`);
}

function parseInstant(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(at.getTime())) return at;
  throw new UsageError(`--now ${text}: an instant as in 2026-12-26T09:10:00Z is expected.`);
}
