import { type ParseArgsConfig, parseArgs } from "node:util";
import { MilepostError } from "@milepost/core";

/** An end in words for the person at the command line: no stack is printed. */
export class CommandError extends Error {}

/** A command line that asks for something this program cannot do. */
export class UsageError extends CommandError {}

type Flags = NonNullable<ParseArgsConfig["options"]>;
type FlagValues<Known extends Flags> = ReturnType<typeof parseArgs<{ args: string[]; options: Known }>>["values"];

/** Throws `UsageError` for a flag that is not among the known ones, or that has no value where it needs one. */
export function parseFlags<const Known extends Flags>(args: readonly string[], known: Known): FlagValues<Known> {
  try {
    return parseArgs({ args: [...args], options: known }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Also of texts like 3_000_000 and 3,000,000; undefined stays undefined. */
export function wholeNumber(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text.replaceAll(/[_,]/g, ""));
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${flag} ${text}: a whole number of ${least} or more is expected.`);
}

/**
 * Runs a program. Exit code 2 says that its command line was wrong, 1 that something else was; `problemCode` is that of a
 * `CommandError`: 2 for a program to which a file or a database that was named wrongly is a wrong command line too.
 */
export function runCommand(
  main: (args: readonly string[]) => Promise<void>,
  { problemCode = 1 }: { readonly problemCode?: 1 | 2 } = {},
): void {
  main(process.argv.slice(2)).catch((error: unknown) => {
    const expected = error instanceof CommandError || MilepostError.is(error);
    console.error(expected ? error.message : error);
    if (error instanceof UsageError) console.error("--help tells what there is.");
    process.exitCode = error instanceof UsageError ? 2 : error instanceof CommandError ? problemCode : 1;
  });
}
