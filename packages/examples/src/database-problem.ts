import { MilepostError } from "@milepost/core";
import { CommandError } from "./command.js";

interface Thrown {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/**
 * What a database's driver threw, under the name of the setting that chose the database, in one line and without the
 * setting's value, which may hold a password. Whatever else was thrown is handed back as it is.
 */
export function databaseProblem(setting: string, error: unknown): unknown {
  if (error instanceof CommandError || !(error instanceof Error)) return error;
  const ofStore = MilepostError.is(error) && error.code.startsWith("store_");
  if (!ofStore && !isDriverError(error)) return error;
  return new CommandError(`${setting}: ${rootMessage(error).split("\n")[0]}`, { cause: error });
}

/** Drivers give their errors a code; the pool of `pg` throws a few without one. */
function isDriverError(error: Error & Thrown): boolean {
  if (MilepostError.is(error)) return false;
  return typeof error.code === "string" || /connection|terminated|timeout/i.test(error.message);
}

/** The driver's own words: a connection tried at several addresses has none but those of each try. */
function rootMessage(error: Thrown): string {
  const inner = (error.cause ?? error.errors?.[0]) as Thrown | undefined;
  if (inner !== undefined) return rootMessage(inner);
  return String(error.message || error.code);
}
