import { parseArgs } from "node:util";
import { type StoreName, storeNames } from "../place/place.js";
import { type Scale, type Scenario, scaleOf } from "../scenario/scenario.js";
import { scenarios } from "../scenario/scenarios.js";
import { sizeFlag } from "./size-flag.js";

const sizeNames = [...new Set(scenarios.flatMap(({ sizes }) => Object.keys(sizes)))];

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly stores: readonly StoreName[];
  readonly seed: number;
  readonly json: boolean;
  readonly keep: string | undefined;
  readonly scaleOf: (scenario: Scenario) => Scale;
}

/** What the command line cannot mean; its message is for a person. */
export class UsageError extends Error {}

/** Null when only the help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const text = { type: "string" } as const;
  const many = { type: "string", multiple: true } as const;
  const flag = { type: "boolean" } as const;
  const sizeOptions = Object.fromEntries(sizeNames.map((name) => [sizeFlag(name).slice(2), text] as const));
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        ...sizeOptions,
        scenario: many,
        store: many,
        seed: text,
        keep: text,
        short: flag,
        json: flag,
        help: flag,
      },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help === true) return null;
  const run = {
    scenarios:
      values.scenario === undefined
        ? scenarios.filter(({ needs }) => needs === undefined)
        : chosen("scenario", values.scenario, scenarios, ({ name }) => name),
    stores: chosen("store", values.store, storeNames, (name) => name),
  };
  const set = Object.fromEntries(
    sizeNames.flatMap((name) => {
      const given = values[sizeFlag(name).slice(2)];
      return given === undefined ? [] : [[name, sizeGiven(run, name, given)] as const];
    }),
  );
  const scale = (scenario: Scenario) => scaleOf(scenario, values.short === true ? "short" : "full", set);
  for (const scenario of run.scenarios) {
    const conflict = scenario.conflict?.(scale(scenario));
    if (conflict !== undefined) throw new UsageError(`${scenario.name}: ${conflict}.`);
  }
  return {
    ...run,
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : wholeNumber("--seed", values.seed, 0),
    json: values.json === true,
    keep: values.keep as string | undefined,
    scaleOf: scale,
  };
}

/** A size that none of the chosen has is refused: they would run as if it had not been given. */
function sizeGiven(run: Pick<Options, "scenarios" | "stores">, name: string, given: unknown): number {
  const flag = sizeFlag(name);
  const sized = run.scenarios.map(({ name: scenario, sizes }) => {
    const used = Object.entries(sizes).filter(([, { only }]) => only === undefined || run.stores.includes(only));
    return { scenario, sizes: new Map(used) };
  });
  const having = sized.filter(({ sizes }) => sizes.has(name));
  if (having.length === 0) {
    const lists = sized.map(({ scenario, sizes }) => `${scenario} has ${[...sizes.keys()].map(sizeFlag).join(", ")}.`);
    const names = sized.map(({ scenario }) => scenario).join(", ");
    const on = storeNames.every((store) => run.stores.includes(store)) ? "" : ` on ${run.stores[0]}`;
    throw new UsageError(`${flag} is no size of ${names}${on}. ${lists.join(" ")}`);
  }
  const working = having.find(({ sizes }) => sizes.get(name)?.zero === undefined);
  return working === undefined ? wholeNumber(flag, given, 0) : wholeNumber(`${flag} of ${working.scenario}`, given, 1);
}

function wholeNumber(flag: string, given: unknown, least: number): number {
  const most = 2 ** 31;
  const number = Number(given);
  if (!/^\d+$/.test(String(given)) || number < least || number > most) {
    throw new UsageError(`${flag} needs a whole number from ${least} to ${most}.`);
  }
  return number;
}

function chosen<T>(option: string, given: unknown, all: readonly T[], nameOf: (item: T) => string): readonly T[] {
  if (given === undefined) return all;
  return (given as readonly string[]).map((name) => {
    const found = all.find((item) => nameOf(item).toLowerCase() === name.toLowerCase());
    if (found === undefined) {
      throw new UsageError(`There is no ${option} "${name}". There are: ${all.map(nameOf).join(", ")}.`);
    }
    return found;
  });
}
