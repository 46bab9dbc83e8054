import fc from "fast-check";
import { expect, test } from "vitest";
import { compareKeys } from "../text-key.js";
import { groupedBy } from "./grouped.js";

interface Week {
  readonly customer: string;
  readonly paused: boolean;
}

/** Rows of customers, sorted: each customer has one to six weeks. */
const sortedRows = fc
  .uniqueArray(
    fc.record({
      customer: fc.string({ unit: "grapheme", minLength: 1 }),
      weeks: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
    }),
    {
      selector: ({ customer }) => customer,
      maxLength: 30,
    },
  )
  .map((customers) =>
    customers
      .filter(({ customer }) => customer.isWellFormed())
      .sort((a, b) => compareKeys(a.customer, b.customer))
      .flatMap(({ customer, weeks }) => weeks.map((paused): Week => ({ customer, paused }))),
  );

/** The longest run of paused weeks, as a person would count it. */
function longestRun(weeks: readonly boolean[]): number {
  return Math.max(...weeks.map((_, i) => [...weeks.slice(i), false].indexOf(false)));
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function* streamed<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

test("winback-shift: each customer has the segment of their own weeks, and each is told once, the last one too", async () => {
  await fc.assert(
    fc.asyncProperty(sortedRows, fc.boolean(), async (rows, asStream) => {
      const slow = [...new Set(rows.map(({ customer }) => customer))].map((customer) => {
        const own = rows.filter((row) => row.customer === customer);
        return [customer, longestRun(own.map(({ paused }) => paused))];
      });
      const groups = await all(groupedBy(asStream ? streamed(rows) : rows, ({ customer }) => customer));
      expect(groups.map((group) => [group.key, longestRun(group.rows.map(({ paused }) => paused))])).toEqual(slow);
      expect(groups.flatMap((group) => group.rows)).toEqual(rows);
    }),
    { numRuns: 500 },
  );
});

test("rows of any order are grouped if they are sorted, and refused if they are not, with the place of the first one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 })), async (keys) => {
      const wrong = keys.findIndex((key, i) => i > 0 && key < keys[i - 1]!);
      const grouped = all(groupedBy(keys, (key) => key));
      if (wrong === -1) expect((await grouped).map(({ key }) => key)).toEqual([...new Set(keys)]);
      else await expect(grouped).rejects.toMatchObject({ code: "unsorted_rows", path: `rows[${wrong}]` });
    }),
    { numRuns: 500 },
  );
});

test("texts are sorted by their bytes, and by another order if it is given", async () => {
  const keys = ["Zoe", "anna", "\u{FFFD}", "😀"];
  expect((await all(groupedBy(keys, (key) => key))).map(({ key }) => key)).toEqual(keys);
  const german = ["anna", "Zoe"];
  await expect(all(groupedBy(german, (key) => key))).rejects.toMatchObject({ code: "unsorted_rows" });
  const { compare } = new Intl.Collator("de");
  expect((await all(groupedBy(german, (key) => key, compare))).map(({ key }) => key)).toEqual(german);
});

test("keys that have no order are refused", async () => {
  await expect(all(groupedBy([1, Number.NaN], (key) => key))).rejects.toMatchObject({ path: "rows[1]" });
  await expect(all(groupedBy<number | string, number | string>([1, "1"], (key) => key))).rejects.toMatchObject({
    path: "rows[1]",
  });
});

test("a group is handed out before the row after the next key is asked for, and breaking off closes the source", async () => {
  const asked: number[] = [];
  let closed = false;
  async function* source(): AsyncGenerator<number> {
    try {
      for (const key of [1, 1, 2, 3]) {
        asked.push(key);
        yield key;
      }
    } finally {
      closed = true;
    }
  }
  for await (const { key, rows } of groupedBy(source(), (one) => one)) {
    expect([key, rows, asked]).toEqual([1, [1, 1], [1, 1, 2]]);
    break;
  }
  expect(closed).toBe(true);
});
