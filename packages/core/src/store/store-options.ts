import { MilepostError } from "../errors.js";

/** Refuses misspelt options of a store: `{ scheme }` would quietly use the default schema. */
export function refuseUnknownOptions(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const expected = `only ${known.join(", ")}`;
  throw new MilepostError("invalid_options", `${unknown}: ${expected}`, { path: unknown, expected });
}

/** Refuses what is not the driver's object, told by the methods that are called. */
export function refuseOtherDriver(driver: unknown, methods: readonly string[], path: string, expected: string): void {
  const members = driver as Readonly<Record<string, unknown>> | null;
  if (typeof members === "object" && members !== null && methods.every((name) => typeof members[name] === "function")) {
    return;
  }
  throw new MilepostError("invalid_options", `${path}: ${expected}`, { path, expected });
}
