import { describe, expect, test } from "vitest";
import { scaleOf } from "../scenario/scenario.js";
import { scenarios } from "../scenario/scenarios.js";
import { help } from "./help.js";
import { type Options, readOptions, UsageError } from "./options.js";
import { sizeFlag } from "./size-flag.js";

function read(line: string): Options {
  const options = readOptions(line === "" ? [] : line.split(" "));
  if (options === null) throw new Error("only the help was asked for");
  return options;
}

/** What the scenarios of a command line would run with. */
function scales(line: string): Record<string, Record<string, number>> {
  const options = read(line);
  return Object.fromEntries(options.scenarios.map((scenario) => [scenario.name, { ...options.scaleOf(scenario) }]));
}

const r1 = scenarios.find(({ name }) => name === "R1")!;

describe("a size is applied", () => {
  test.each([
    ["to the scenario", "--scenario R1 --events 5", { R1: { events: 5 } }],
    ["with a dash where its name has a capital", "--scenario R1 --worker-kills 3", { R1: { workerKills: 3 } }],
    ["over the short form", "--scenario R1 --short --events 5", { R1: { events: 5, kills: 6 } }],
    ["in the last value given", "--scenario R1 --events 5 --events 6", { R1: { events: 6 } }],
    [
      "to those of the chosen scenarios that have it",
      "--scenario R1 --scenario R4 --events 5",
      { R1: { events: 5 }, R4: { transactions: 2_000 } },
    ],
    ["to those of all scenarios that have it", "--rounds 2", { migrators: { rounds: 2 }, R1: { events: 200_000 } }],
    ["with the store on which it has an effect", "--scenario R5 --store sqlite --kills 3", { R5: { kills: 3 } }],
    ["as 0 where that is a count of faults", "--scenario R1 --scenario R4 --kills 0", { R1: { kills: 0 } }],
    ["as 0 where that has a meaning of its own", "--scenario failpoints --cases 0", { failpoints: { cases: 0 } }],
  ])("%s: %s", (_, line, wanted) => {
    expect(scales(line)).toMatchObject(wanted);
  });

  test("and without any, all of them are full or short", () => {
    expect(scales("--scenario r1")).toEqual({ R1: scaleOf(r1, "full") });
    expect(scales("--scenario R1 --short")).toEqual({ R1: scaleOf(r1, "short") });
  });
});

describe("a command line is refused", () => {
  test.each([
    [
      "for a size that the scenario does not have, with those it has",
      "--scenario migrators --transactions 5",
      "--transactions is no size of migrators. migrators has --migrators, --rounds.",
    ],
    [
      "for a size that none of the chosen scenarios has",
      "--scenario migrators --scenario failpoints --events 5",
      "--events is no size of migrators, failpoints. migrators has --migrators, --rounds. " +
        "failpoints has --cases, --later-hits, --together.",
    ],
    [
      "for a size without effect on the chosen store",
      "--scenario R5 --store sqlite --cuts 5",
      "--cuts is no size of R5 on sqlite. R5 has --kills, --clients, --subjects.",
    ],
    ["for no work", "--scenario R1 --events 0", "--events of R1 needs a whole number from 1 to 2147483648."],
    ["for no faults where they are the work", "--kills 0", "--kills of R5 needs a whole number from 1 to 2147483648."],
    ["for a fraction", "--events 1.5", "--events of R1 needs a whole number from 1 to 2147483648."],
    ["for a size below 0", "--scenario R1 --kills=-1", "--kills needs a whole number from 0 to 2147483648."],
    ["for a size beyond measure", "--events 9999999999", "--events of R1 needs a whole number from 1 to 2147483648."],
    ["for a seed that is none", "--seed x", "--seed needs a whole number from 0 to 2147483648."],
    [
      "for more faults than transactions",
      "--scenario R4 --transactions 5",
      "R4: --rollbacks (1000) and --kills (40) together are above --transactions (5).",
    ],
    [
      "for a sample that is not there",
      "--scenario adoption --counters 50 --short",
      "adoption: --sample (20) is above a tenth of --counters (50).",
    ],
    ["for a store that is none", "--store mysql", 'There is no store "mysql". There are: postgres, sqlite.'],
  ])("%s: %s", (_, line, message) => {
    expect(() => read(line)).toThrow(new UsageError(message));
  });

  test.each([
    ["for a scenario that is none", "--scenario R99", /no scenario "R99".*migrators/],
    ["for an option that is none", "--sise 3", /--sise/],
  ])("%s: %s", (_, line, message) => {
    expect(() => read(line)).toThrow(UsageError);
    expect(() => read(line)).toThrow(message);
  });
});

describe("the help", () => {
  test("stands alone", () => {
    expect(readOptions(["--help"])).toBe(null);
  });

  test("fits into 100 columns", () => {
    expect(help.split("\n").filter((line) => line.length >= 100)).toEqual([]);
  });

  test.each(scenarios)("has $name with its stores and the defaults of its sizes", ({ name, stores, sizes }) => {
    const part = help.split("\n\n").find((each) => each.startsWith(`${name}: `))!;
    expect(part).toContain(stores.join(", "));
    const rows = [...part.matchAll(/^ {2}(--\S+) N +(\d+) +(\d+) {2}\S/gm)].map(([, ...cells]) => cells);
    expect(rows).toEqual(Object.entries(sizes).map(([n, { full, short }]) => [sizeFlag(n), `${full}`, `${short}`]));
  });
});

test.each(scenarios)("the defaults of $name are what the command line would accept", ({ name, sizes }) => {
  for (const form of ["full", "short"] as const) {
    const flags = Object.entries(sizes).map(([size, option]) => `${sizeFlag(size)} ${option[form]}`);
    expect(scales(`--scenario ${name} ${flags.join(" ")}`)).toEqual(
      scales(`--scenario ${name}${form === "short" ? " --short" : ""}`),
    );
  }
});
