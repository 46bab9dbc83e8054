import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { version } from "./version.js";

test("the version that workers tell is the package's", async () => {
  const file = await readFile(new URL("../package.json", import.meta.url), "utf8");
  expect(version).toBe((JSON.parse(file) as { version: string }).version);
});
