import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { CommandError } from "../command.js";
import { csvFields } from "../csv-fields.js";
import { fileProblem } from "../file-problem.js";
import { Problems } from "../problems.js";
import { isMonth } from "./calendar.js";
import { parseMoney } from "./money.js";
import type { ShopMonth } from "./shop-month.js";

export const bundledMonths: string = fileURLToPath(new URL("sample/months.csv", import.meta.url));

const columns = ["shop", "month", "budget", "spent"] as const;

const money = z.string().transform((text, context) => {
  const cents = parseMoney(text);
  if (cents !== undefined && Number.isSafeInteger(cents)) return cents;
  context.issues.push({
    code: "custom",
    message: `"${text}" is no amount with two decimals (650.00 is one)`,
    input: text,
  });
  return z.NEVER;
});

const monthSchema: z.ZodType<ShopMonth> = z.object({
  shop: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, { error: ({ input }) => `"${input}" is no whole number of 1 or more` })
    .transform(Number),
  month: z.string().refine(isMonth, { error: ({ input }) => `"${input}" is no month (2020-06 is one)` }),
  budget: money.refine((cents) => cents > 0, "must be more than 0.00"),
  spent: money,
});

/** All rows of a CSV file, or `CommandError` with each row and field that is wrong: of a bad file nothing is taken. */
export async function readMonths(file: string): Promise<readonly ShopMonth[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new CommandError(`--input ${file}: ${fileProblem(error)}`);
  });
  const problems = new Problems();
  const months = parseMonths(text, problems);
  if (problems.count === 0) return months;
  throw new CommandError([`--input ${file}`, ...problems.printed()].join("\n  "));
}

/** Rows by their line, counted from 1; the first line names the columns, in any order. */
function parseMonths(text: string, problems: Problems): readonly ShopMonth[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const header = fieldsOf(lines[0]!, 1, problems);
  const missing = columns.filter((name) => header?.includes(name) === false);
  if (missing.length > 0) problems.add(1, `has no column ${missing.join(", ")}`);
  if (header === undefined || missing.length > 0) return [];
  const months: ShopMonth[] = [];
  const seen = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    if (i === 0 || line.trim() === "") continue;
    const month = parseMonth(header, line, i + 1, problems);
    if (month === undefined) continue;
    const key = `${month.shop} ${month.month}`;
    const before = seen.get(key);
    if (before === undefined) months.push(month);
    else problems.add(i + 1, `shop and month: ${key} stand in line ${before} too`);
    seen.set(key, before ?? i + 1);
  }
  if (months.length === 0 && problems.count === 0) problems.add(1, "there is no row below the header");
  return months;
}

function parseMonth(
  header: readonly string[],
  line: string,
  number: number,
  problems: Problems,
): ShopMonth | undefined {
  const fields = fieldsOf(line, number, problems);
  if (fields === undefined) return undefined;
  if (fields.length !== header.length) {
    problems.add(number, `has ${fields.length} columns instead of ${header.length}`);
    return undefined;
  }
  const parsed = monthSchema.safeParse(Object.fromEntries(header.map((name, i) => [name, fields[i]])));
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) problems.add(number, `${path.join(".")} ${message}`);
  return undefined;
}

function fieldsOf(line: string, number: number, problems: Problems): readonly string[] | undefined {
  try {
    return csvFields(line).map((field) => field.trim());
  } catch (error) {
    problems.add(number, (error as Error).message);
    return undefined;
  }
}
