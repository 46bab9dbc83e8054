import { expect, test } from "vitest";
import { type Line, linesOf } from "./lines.js";

async function lines(...chunks: string[]): Promise<Line[]> {
  const all: Line[] = [];
  async function* bytes() {
    for (const chunk of chunks) yield Buffer.from(chunk, "latin1");
  }
  for await (const some of linesOf(bytes())) all.push(...some);
  return all;
}
const utf8 = (text: string) => Buffer.from(text).toString("latin1");

test("joins lines and characters that chunks cut apart", async () => {
  const text = utf8("\uFEFFé1\r\n\nb\u2028c");
  for (let cut = 0; cut <= text.length; cut++) {
    expect(await lines(text.slice(0, cut), text.slice(cut))).toEqual([
      { number: 1, text: "é1" },
      { number: 2, text: "" },
      { number: 3, text: "b\u2028c" },
    ]);
  }
});

test("gives up a line that does not end, and only that one", async () => {
  const long = "x".repeat(50_000);
  expect(await lines("a\n", long, long, long, "\nb\n")).toEqual([
    { number: 1, text: "a" },
    { number: 2, text: null },
    { number: 3, text: "b" },
  ]);
  expect(await lines(long, long)).toEqual([{ number: 1, text: null }]);
});

test("an empty file has no line", async () => {
  expect(await lines()).toEqual([]);
});
