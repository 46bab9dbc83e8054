import { storeNames } from "../place/place.js";
import type { Scenario } from "../scenario/scenario.js";
import { scenarios } from "../scenario/scenarios.js";
import { sizeFlag } from "./size-flag.js";

/** Columns of a terminal that the help may fill. */
const width = 98;

/** The words of `text` in lines that begin at column `indent`; the first one goes on where something stands already. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

/** One width for all scenarios, so that their tables stand below each other. */
const flagWidth = 2 + Math.max(...scenarios.flatMap(({ sizes }) => Object.keys(sizes).map((n) => sizeFlag(n).length)));
const row = (first: string, full: string | number, short: string | number) =>
  `  ${first.padEnd(flagWidth)} ${String(full).padStart(8)} ${String(short).padStart(6)}`;

function described({ name, title, needs, stores, sizes }: Scenario): string {
  const rows = Object.entries(sizes).map(([size, { full, short, what, zero, only }]) => {
    const start = row(`${sizeFlag(size)} N`, full, short);
    const words = `${only === undefined ? "" : `${only}: `}${what}${zero === undefined ? "" : `; 0: ${zero}`}`;
    return `${start}  ${wrapped(words, start.length + 2)}`;
  });
  const words = needs === undefined ? title : `${title}. Only where it is named, as it needs ${needs}`;
  return [wrapped(`${name}: ${words}`, 2), row(stores.join(", "), "full", "short"), ...rows].join("\n");
}

export const help: string = `chaos: does faults to Milepost and checks what is left.
One JSON object a line for each scenario and store.

Usage: npx -y pnpm@10 chaos [options]

  --scenario NAME  one of those below; may be repeated (default: all that need nothing)
  --store NAME     ${storeNames.join(" or ")}; may be repeated (default: both)
  --seed N         the same streams, batches and plan of faults again (default: a new one)
  --short          the sizes that run with the tests, instead of the full ones
  --keep FOLDER    copies each run's fault log, sink log and answers there
  --json           no progress on standard error
  --help           this text

DATABASE_URL names a Postgres server to use, with an account that may create databases; without it
one is started.

The sizes of each scenario are options too: whole numbers of 1 or more, 0 only where it says so.
A size goes to those of the chosen scenarios that have it.

${scenarios.map(described).join("\n\n")}
`;
