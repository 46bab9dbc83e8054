import { parseFlags, UsageError, wholeNumber } from "../command.js";
import type { Raise } from "./budgets.js";
import { dayOf, zoneNamed } from "./calendar.js";
import { parseMoney } from "./money.js";

export const help = `shop-budgets: tells shops when 50% and 100% of a month's budget are spent, and takes them offline at 100%.

Usage: npx -y pnpm@10 example shop-budgets [options]

Spend
  --input FILE             CSV with a header: shop,month,budget,spent (default: eight shops in June and July 2020)
  --splits N               a shop's spend of a month arrives in N increments of random size and time (default 20)
  --seed S                 other increments (default 1)
  --zone ZONE              whose midnight ends a month, as in Europe/Berlin (default UTC)

Budgets
  --raise SHOP:AMOUNT      raises a shop's budget after the last month's spend, as in 6:1000.00
  --raise SHOP:AMOUNT@DAY  … at the beginning of a day, as in 6:1000.00@2020-06-25; may be given several times
  --remind DAYS            reminds shops every so many days as long as they are above a threshold

Output and storage
  --json                   one JSON object a line for each crossing; all else goes to standard error
  --db FILE                the SQLite database (default shop-budgets.db); DATABASE_URL switches to Postgres,
                           schema "shop_budgets"
  --help                   this text
`;

/** What the command line asks for. */
export interface Options {
  readonly input: string | undefined;
  /** Undefined where nothing is said: a database that was used before keeps its own. */
  readonly splits: number | undefined;
  readonly seed: number | undefined;
  readonly zone: string | undefined;
  readonly raises: readonly Raise[];
  readonly remindDays: number | undefined;
  readonly json: boolean;
  readonly db: string;
}

/** Throws `UsageError`; null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const values = parseFlags(args, {
    input: { type: "string" },
    splits: { type: "string" },
    seed: { type: "string" },
    zone: { type: "string" },
    raise: { type: "string", multiple: true },
    remind: { type: "string" },
    json: { type: "boolean" },
    db: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help) return null;
  return {
    input: values.input,
    splits: wholeNumber("splits", values.splits, 1),
    seed: wholeNumber("seed", values.seed, 0),
    zone: parseZone(values.zone),
    raises: (values.raise ?? []).map(parseRaise),
    remindDays: wholeNumber("remind", values.remind, 1),
    json: values.json ?? false,
    db: values.db ?? "shop-budgets.db",
  };
}

function parseZone(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const zone = zoneNamed(text);
  if (zone !== undefined) return zone;
  throw new UsageError(`--zone ${text}: a zone such as Europe/Berlin or UTC is expected.`);
}

function parseRaise(text: string): Raise {
  const [, shop, amount = "", date] = /^([1-9]\d{0,8}):([\d.]+)(?:@(\d{4}-\d\d-\d\d))?$/.exec(text) ?? [];
  const budget = parseMoney(amount);
  if (shop !== undefined && budget !== undefined && (date === undefined || isDate(date))) {
    return { shop: Number(shop), budget, ...(date !== undefined && { date }) };
  }
  throw new UsageError(
    `--raise ${text}: SHOP:AMOUNT or SHOP:AMOUNT@DAY is expected, as in 6:1000.00@2020-06-25, a day that exists.`,
  );
}

function isDate(text: string): boolean {
  try {
    return dayOf(text, "UTC").date === text;
  } catch {
    return false;
  }
}
