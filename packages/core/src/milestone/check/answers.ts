import type { MilepostError } from "../../errors.js";
import { failed, levelsOf } from "../levels.js";
import type { Level, MilestonePolicy, PolicyContext } from "../policy.js";

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Asks a policy about one context, and compares each answer with those before it. */
export class Answers {
  readonly policy: MilestonePolicy;
  /** Frozen, and tells what is read of it. */
  readonly context: PolicyContext;
  readonly #about: string;
  readonly #read = new Set<string>();
  readonly #known = new Map<string, { readonly text: string; readonly range: Range }>();
  #asked = 0;

  /** `about` ends every message: which context, which seed. */
  constructor(policy: MilestonePolicy, context: PolicyContext, about: string) {
    this.policy = policy;
    this.context = watched(context, (field) => this.#read.add(field));
    this.#about = about;
  }

  get asked(): number {
    return this.#asked;
  }

  get levels(): number {
    return this.#known.size;
  }

  failure(why: string): MilepostError {
    return failed(this.policy, `${why} (${this.#about})`);
  }

  /** Asks twice: the same question has the same answer, and a name is the name of one level. */
  ask(range: Range): readonly Level[] {
    this.#asked++;
    const asked = Object.freeze({ ...range });
    const [levels, again] = [1, 2].map(() => levelsOf(this.policy, asked, this.context)) as [Level[], Level[]];
    this.#refuseUndeclared();
    const [first, second] = [levels, again].map((answer) => new Set(answer.map(levelText))) as [
      Set<string>,
      Set<string>,
    ];
    const once = [...first].find((text) => !second.has(text)) ?? [...second].find((text) => !first.has(text));
    if (once !== undefined) {
      const when = first.has(once) ? "first" : "second";
      throw this.failure(
        `${question(range)} must have the same answer each time; it held ${once} only the ${when} time`,
      );
    }
    for (const level of levels) {
      const text = levelText(level);
      const before = this.#known.get(level.threshold);
      if (before === undefined) this.#known.set(level.threshold, { text, range });
      else if (before.text !== text) {
        const [one, other] = [`${question(before.range)} holds ${before.text}`, `${question(range)} holds ${text}`];
        throw this.failure(`"${level.threshold}" must name one level; ${one}, and ${other}`);
      }
    }
    return levels;
  }

  /** Compares the answer to a range within `wide` with the wide one. */
  compare(range: Range, wide: Range, levels: readonly Level[]): void {
    const answer = this.ask(range);
    const names = new Set(answer.map(({ threshold }) => threshold));
    const places = new Set(answer.map(({ at }) => at));
    const source = `, as ${question(wide)} does`;
    const missing = levels.find(({ at, threshold }) => isWithin(at, range) && !names.has(threshold));
    if (missing) throw this.failure(`${question(range)} must hold ${levelText(missing)}${source}`);
    const wideNames = new Set(levels.map(({ threshold }) => threshold));
    const surplus = answer.find(({ at, threshold }) => isWithin(at, wide) && !wideNames.has(threshold));
    if (surplus) throw this.failure(`${question(wide)} must hold ${levelText(surplus)}, as ${question(range)} does`);
    for (const nearest of [nearestBelow(levels, range.from), nearestAbove(levels, range.to)]) {
      if (nearest === undefined || places.has(nearest.at)) continue;
      throw this.failure(
        `${question(range)} must also hold the nearest level beyond its end, ${levelText(nearest)}${source}`,
      );
    }
  }

  /** Looks for a level beyond the wide range that is nearer than the nearest one of its answer, in growing steps. */
  compareBeyond(wide: Range, levels: readonly Level[]): void {
    const top = nearestAbove(levels, wide.to)?.at ?? Number.MAX_SAFE_INTEGER + 1;
    const bottom = nearestBelow(levels, wide.from)?.at ?? Number.MIN_SAFE_INTEGER - 1;
    const gaps = [
      ...growing(wide.to, top - 1),
      ...growing(-wide.from, -bottom - 1).map(({ from, to }) => ({ from: -to, to: -from })),
    ];
    for (const gap of gaps) {
      const missing = this.ask(gap).find(({ at }) => isWithin(at, gap));
      if (missing === undefined) continue;
      const source = `, as ${question(gap)} does`;
      throw this.failure(
        `${question(wide)} must also hold the nearest level beyond its end, ${levelText(missing)}${source}`,
      );
    }
  }

  #refuseUndeclared(): void {
    for (const field of this.#read) {
      const declared =
        field === "limit" || field === "thresholds"
          ? this.policy.needs?.includes(field)
          : this.policy.contextual === true;
      const how = field === "limit" || field === "thresholds" ? `needs: ["${field}"]` : "contextual: true";
      if (!declared) throw this.failure(`levels() reads context.${field}, so the policy must say ${how}`);
    }
  }
}

/** The values above `start` up to `end`, cut into ranges that double: 1, 2 to 3, 4 to 7, … above it. */
function growing(start: number, end: number): readonly Range[] {
  const ranges: Range[] = [];
  for (let near = 1; start + near <= end; near *= 2) {
    ranges.push({ from: start + near, to: Math.min(start + near * 2 - 1, end) });
  }
  return ranges;
}

function watched(context: PolicyContext, read: (field: string) => void): PolicyContext {
  const { tenant, subject, period, limit, thresholds } = context;
  const fields = { tenant, subject, period, limit, thresholds: thresholds && Object.freeze([...thresholds]) };
  const getters = Object.entries(fields).map(([field, value]) => {
    const get = () => {
      read(field);
      return value;
    };
    return [field, { get, enumerable: true }] as const;
  });
  return Object.freeze(Object.defineProperties({}, Object.fromEntries(getters))) as PolicyContext;
}

export function nearestAbove(levels: readonly Level[], value: number): Level | undefined {
  return levels.filter(({ at }) => at > value).sort((a, b) => a.at - b.at)[0];
}

export function nearestBelow(levels: readonly Level[], value: number): Level | undefined {
  return levels.filter(({ at }) => at < value).sort((a, b) => b.at - a.at)[0];
}

function isWithin(at: number, { from, to }: Range): boolean {
  return from <= at && at <= to;
}

function question({ from, to }: Range): string {
  return `levels({ from: ${from}, to: ${to} })`;
}

function levelText({ threshold, at, direction, rearmAt, code, severity }: Level): string {
  const rearm = rearmAt === undefined ? "" : `, armed again at ${rearmAt}`;
  const labels = code === undefined && severity === undefined ? "" : ` ${JSON.stringify({ code, severity })}`;
  return `"${threshold}" ${direction} at ${at}${rearm}${labels}`;
}
