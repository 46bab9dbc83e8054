import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bundledMonths, readMonths } from "./months-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shop-months-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function read(text: string) {
  const file = join(folder, "months.csv");
  await writeFile(file, text);
  return readMonths(file);
}

async function problems(text: string): Promise<readonly string[]> {
  const error = await read(text).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  const [head, ...lines] = error!.message.split("\n  ");
  expect(head).toBe(`--input ${join(folder, "months.csv")}`);
  return lines;
}

describe("a file of months", () => {
  test("has its columns in any order, and others beside them", async () => {
    const text = '\uFEFFspent,note,shop,month,budget\r\n0.00,"a, b",12,2020-06,650\r\n\r\n1.5,,3,2021-12,0.01\r\n';
    expect(await read(text)).toEqual([
      { shop: 12, month: "2020-06", budget: 65_000, spent: 0 },
      { shop: 3, month: "2021-12", budget: 1, spent: 150 },
    ]);
  });

  test("that is bundled has eight shops in two months", async () => {
    const months = await readMonths(bundledMonths);
    expect(months).toHaveLength(16);
    expect(months[2]).toEqual({ shop: 3, month: "2020-06", budget: 65_000, spent: 68_591 });
  });

  test("is refused with the row and the field of all that is wrong", async () => {
    const rows = [
      "shop,month,budget,spent",
      "x,2020-06,1.00,1.00",
      "1,June,1.00,1.00",
      "1,2020-13,1.00,1.00",
      "1,2020-06,0.00,-1",
      "2,2020-06,1.005,1.00",
      "2,2020-06,1.00",
      '2,2020-06,"1.00,1.00',
      "3,2020-06,1.00,1.00",
      "3,2020-06,2.00,2.00",
    ];
    expect(await problems(rows.join("\n"))).toEqual([
      'line 2: shop "x" is no whole number of 1 or more',
      'line 3: month "June" is no month (2020-06 is one)',
      'line 4: month "2020-13" is no month (2020-06 is one)',
      "line 5: budget must be more than 0.00",
      'line 5: spent "-1" is no amount with two decimals (650.00 is one)',
      'line 6: budget "1.005" is no amount with two decimals (650.00 is one)',
      "line 7: has 3 columns instead of 4",
      "line 8: a quote is not closed",
      "line 10: shop and month: 3 2020-06 stand in line 9 too",
    ]);
  });

  test("is refused without a column it needs, without a row, and where there is none", async () => {
    expect(await problems("shop,month\n1,2020-06\n")).toEqual(["line 1: has no column budget, spent"]);
    expect(await problems("shop,month,budget,spent\n")).toEqual(["line 1: there is no row below the header"]);
    await expect(readMonths(join(folder, "none.csv"))).rejects.toThrow("none.csv: there is no such file");
  });
});
