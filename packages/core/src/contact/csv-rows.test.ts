import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CsvRow, csvRows } from "./csv-rows.js";

async function rowsOf(pieces: readonly (string | Uint8Array)[], delimiter = ","): Promise<readonly CsvRow[]> {
  const rows: CsvRow[] = [];
  for await (const some of csvRows(pieces, delimiter)) rows.push(...some);
  return rows;
}

const cellsOf = (rows: readonly CsvRow[]) => rows.map(({ line, cells }) => [line, cells?.join("|") ?? null]);

describe("the rows of a CSV text", () => {
  it("have the line on which they begin, whatever is quoted and however lines end", async () => {
    const text = '\ufeffid,name\r\n1,"a ""b"", c"\r\n\r\n2,"two\nlines"\n3,last';
    expect(cellsOf(await rowsOf([text]))).toEqual([
      [1, "id|name"],
      [2, '1|a "b", c'],
      [4, "2|two\nlines"],
      [6, "3|last"],
    ]);
  });

  it("are the same however the text is cut, also inside a character", async () => {
    const text = 'id;näme\n1;"ü ""x""; \u{1f389}"\n2;"a\nb"\n3;c\n';
    const whole = await rowsOf([text], ";");
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at++) {
      expect(await rowsOf([bytes.subarray(0, at), bytes.subarray(at)], ";")).toEqual(whole);
    }
  });

  it("go on behind a quote that nobody closes, and behind one that stands where none may", async () => {
    const text = 'id,name\n1,"open\n2,b\n3,"c, d"\n4,5" pipe\n5,e\n6,"x"y\n7,f\n8,"g"\n';
    expect(cellsOf(await rowsOf([text]))).toEqual([
      [1, "id|name"],
      [2, null],
      [3, "2|b"],
      [4, "3|c, d"],
      [5, null],
      [6, "5|e"],
      [7, null],
      [8, "7|f"],
      [9, "8|g"],
    ]);
  });

  it("of a quote that is open for 1,000 lines lose none but its own", async () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => `${i},n${i}`);
    const found = await rowsOf([`id,name\nx,"open\n${rows.join("\n")}\ny,"open\n${rows.join("\n")}\n`]);
    expect(found.filter(({ cells }) => cells === null).map(({ line }) => line)).toEqual([2, 1_003]);
    expect(found).toHaveLength(2_003);
  });

  it("with more or fewer cells than the header are told apart", async () => {
    const found = await rowsOf(["id,name\n1\n2,b\n3,c,d\n"]);
    expect(found.flatMap((row) => (row.cells === null ? [[row.line, row.expected]] : []))).toEqual([
      [2, "2 cells, as the header has; there are 1"],
      [4, "2 cells, as the header has; there are 3"],
    ]);
  });

  it("come back as they were written, in any blocks", async () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", " ", "ü", "\u{1f389}"), maxLength: 6 });
    const table = fc.array(fc.tuple(fc.nat(), cell, cell), { maxLength: 40 });
    await expect(
      fc.assert(
        fc.asyncProperty(table, fc.integer({ min: 1, max: 50 }), async (rows, size) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = ["n,a,b", ...rows.map(([n, a, b]) => [n, quoted(a), quoted(b)].join(","))].join("\n");
          const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
            text.slice(i * size, (i + 1) * size),
          );
          const found = await rowsOf(pieces);
          expect(found.slice(1).map(({ cells }) => cells)).toEqual(rows.map(([n, a, b]) => [String(n), a, b]));
        }),
        { numRuns: 200 },
      ),
    ).resolves.toBeUndefined();
  });
});
