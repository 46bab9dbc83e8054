import { parseArgs } from "node:util";
import { type StoreName, storeNames } from "../place/place.js";
import type { Scale, Scenario } from "../scenario/scenario.js";
import { scenarios } from "../scenario/scenarios.js";

const sizes = [...new Set(scenarios.flatMap(({ scale }) => Object.keys(scale.full)))].sort();

export const help: string = `chaos: does faults to Milepost and checks what is left. One JSON object a line for each scenario and store.

Usage: npx -y pnpm@10 chaos [options]

  --scenario NAME  one of those below; may be repeated (default: all)
  --store NAME     ${storeNames.join(" or ")}; may be repeated (default: both)
  --seed N         the same streams, batches and plan of faults again (default: another one each time)
  --short          the size that runs with the tests
  --keep FOLDER    copies each run's fault log, sink log and answers there
  --json           nothing on standard error
  --help           this text

Sizes, where a scenario has them (default: its full size):
  ${sizes.map((name) => `--${flagOf(name)} N`).join("  ")}

Scenarios:
${scenarios.map(({ name, title }) => `  ${name.padEnd(10)} ${title}`).join("\n")}

DATABASE_URL names a Postgres server to use, with an account that may create databases; without it one is started.
`;

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
  const sizeOptions = Object.fromEntries(sizes.map((name) => [flagOf(name), text] as const));
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
  const set = Object.fromEntries(
    sizes.flatMap((name) => {
      const given = values[flagOf(name)];
      return given === undefined ? [] : [[name, wholeNumber(flagOf(name), given)] as const];
    }),
  );
  return {
    scenarios: chosen("scenario", values.scenario, scenarios, ({ name }) => name),
    stores: chosen("store", values.store, storeNames, (name) => name),
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : wholeNumber("seed", values.seed),
    json: values.json === true,
    keep: values.keep as string | undefined,
    scaleOf({ scale }) {
      const base = values.short === true ? scale.short : scale.full;
      return Object.fromEntries(Object.entries(base).map(([name, value]) => [name, set[name] ?? value]));
    },
  };
}

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function wholeNumber(name: string, given: unknown): number {
  const number = Number(given);
  if (!/^\d+$/.test(String(given)) || number > 2 ** 31) throw new UsageError(`--${name} needs a whole number.`);
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
