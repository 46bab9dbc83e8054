import * as z from "zod";
import { MilepostError } from "../../errors.js";
import { type Agrees, itemsOf, keySchema, parseInput } from "../../validation.js";
import { type Level, type LevelLabels, type Severity, severities } from "../policy.js";
import { isPercent, percentDown } from "./percent.js";

/**
 * Where a rising level arms again: it can be reached anew once the value has come down this far. Without it a level is
 * reached once in a period.
 *
 * | written | a level at 1,000 arms again at |
 * | --- | --- |
 * | `900` | 900 and below: a value in the unit of the level |
 * | `{ below: 50 }` | 950 and below: so far below the level |
 * | `{ percent: 80 }` | 800 and below: this part of the level, rounded down; 0 to below 100, at most 4 decimals |
 */
export type RearmAt = number | { readonly below: number } | { readonly percent: number };

/** A rising level: where it lies, alone or with what else is said of it. */
export type LevelSpec = number | RisingSpec;

export interface RisingSpec extends LevelLabels {
  /** A safe integer. */
  readonly at: number;
  readonly rearmAt?: RearmAt;
}

export const safeInteger: z.ZodType<number, number> = z
  .custom<number>(Number.isSafeInteger, "a safe integer")
  // adding 0 turns -0 into 0
  .transform((value) => value + 0);

export const labelFields: {
  readonly code: z.ZodOptional<z.ZodString>;
  readonly severity: z.ZodOptional<z.ZodType<Severity, Severity>>;
} = { code: keySchema.optional(), severity: z.enum(severities).optional() };

export const rearmAtSchema: z.ZodType<RearmAt, RearmAt> = z
  .custom<RearmAt>(
    (value) =>
      Number.isSafeInteger(value) ||
      isOnly(value, "below", isDistance) ||
      isOnly(value, "percent", (percent) => isPercent(percent) && percent < 100),
    "a safe integer, { below: a safe integer above 0 } or { percent: 0 to below 100, with at most 4 decimals }",
  )
  .transform((rearmAt) => (typeof rearmAt === "number" ? rearmAt + 0 : { ...rearmAt }));

const risingSchema = z.strictObject({ at: safeInteger, rearmAt: rearmAtSchema.optional(), ...labelFields });

true satisfies Agrees<typeof risingSchema, RisingSpec>;

/**
 * The rising levels of a list, sorted by where they lie; also what a host's users wrote and a store kept. Throws
 * `invalid_milestone` with the path of what cannot be used: `thresholds[1].rearmAt`.
 */
export function risingLevels(specs: readonly LevelSpec[], path: string): readonly Level[] {
  return listed(specs, path, risingLevel).sort((a, b) => a.at - b.at);
}

function risingLevel(spec: unknown, path: string): Level {
  const short = typeof spec === "number";
  const { at, rearmAt, ...labels } = short
    ? { at: parseInput(safeInteger, spec, "invalid_milestone", path) }
    : parseInput(risingSchema, spec, "invalid_milestone", path);
  const rearm = rearmAt !== undefined && { rearmAt: rearmBelow(rearmAt, at, `${path}.rearmAt`) };
  return { threshold: String(at), at, direction: "rising", ...rearm, ...present(labels) };
}

/** Where a rising level at `at` arms again, as a value; always below it. */
export function rearmBelow(rearmAt: RearmAt, at: number, path: string): number {
  if (typeof rearmAt === "object" && "percent" in rearmAt) {
    if (at <= 0) throw refused(path, `no percentage, because it is one of a level above 0; this one lies at ${at}`);
    return Number(percentDown(rearmAt.percent, at));
  }
  const value = typeof rearmAt === "number" ? rearmAt : at - rearmAt.below;
  if (!Number.isSafeInteger(value) || value >= at) throw refused(path, `a safe integer below the level at ${at}`);
  return value;
}

/** Reads a list from outside item by item; a name is there once. */
export function listed<Item extends { readonly threshold: string }>(
  specs: readonly unknown[],
  path: string,
  read: (spec: unknown, path: string) => Item,
): Item[] {
  const items = new Map<string, Item>();
  for (const [i, spec] of itemsOf(specs, "invalid_milestone", path)) {
    const item = read(spec, `${path}[${i}]`);
    const { threshold } = item;
    if (items.has(threshold)) throw refused(`${path}[${i}]`, `each level once; ${threshold} is there before`);
    items.set(threshold, item);
  }
  return [...items.values()];
}

/** A policy's key: what is given as it is given, what is not left out. */
export function keyOf(policy: string, parameters: readonly unknown[]): string {
  return `${policy}(${parameters.map((parameter) => JSON.stringify(parameter)).join(",")})`;
}

/** A level as a key writes it: a number, unless more is said of it than where it lies. */
export function shortest<Place extends string>(place: Place, item: LevelLabels & Record<Place, number>): unknown {
  const { rearmAt, code, severity } = item as LevelLabels & { readonly rearmAt?: unknown };
  const options = present({ rearmAt, code, severity });
  return Object.keys(options).length === 0 ? item[place] : { [place]: item[place], ...options };
}

/** The fields that are there. */
export function present<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

export function isOnly(value: unknown, field: string, holds: (inner: unknown) => boolean): boolean {
  if (typeof value !== "object" || value === null) return false;
  const [key, ...others] = Object.keys(value);
  return key === field && others.length === 0 && holds((value as Record<string, unknown>)[field]);
}

export function isDistance(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

export function refused(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_milestone", `${path}: ${expected}`, { path, expected });
}
