import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { mutatedStores } from "./mutants.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const places = mutatedStores.flatMap(({ name, folder, mutants }) =>
  mutants.flatMap((mutant) =>
    mutant.replacements.map(({ file, find }) => [`${name}, ${mutant.name}`, join(root, folder, "src", file), find]),
  ),
) as [string, string, string][];

test.each(places)("%s: what it breaks is still there, once", (_, file, find) => {
  expect(readFileSync(file, "utf8").split(find)).toHaveLength(2);
});
