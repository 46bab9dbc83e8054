import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balanced, isolated } from "./isolation.js";

const [lri, rli, fsi, pdi] = ["\u2066", "\u2067", "\u2068", "\u2069"];

/** How many isolates are open after each character of a paragraph; below 0 where one is closed that was never opened. */
function depths(paragraph: string): readonly number[] {
  let depth = 0;
  return [...paragraph].map((char) => {
    if (char >= lri! && char <= fsi!) depth++;
    else if (char === pdi) depth--;
    return depth;
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what ends a paragraph
const paragraphs = /\r\n|[\n\r\u001c-\u001e\u0085\u2029]/;
const hostile = fc
  .array(
    fc.constantFrom(
      lri,
      rli,
      fsi,
      pdi,
      "\u202e",
      "\u202c",
      "\u200f",
      "a",
      "ب",
      "1",
      " ",
      "\n",
      "\r\n",
      "\u2029",
      "\u0085",
    ),
    {
      maxLength: 30,
    },
  )
  .map((chars) => chars.join(""));

describe("a merged value", () => {
  it("is isolated line by line, and what is empty not at all", () => {
    expect(isolated("Acme")).toBe(`${fsi}Acme${pdi}`);
    expect(isolated("")).toBe("");
    expect(isolated("a\r\n\nb\u2029")).toBe(`${fsi}a${pdi}\r\n\n${fsi}b${pdi}\u2029`);
  });

  it("neither closes the isolate that it is in nor leaves one open", () => {
    expect(isolated(`a${pdi}b`)).toBe(`${fsi}ab${pdi}`);
    expect(isolated(`a${rli}b`)).toBe(`${fsi}a${rli}b${pdi}${pdi}`);
    expect(balanced(`${rli}a${pdi}`)).toBe(`${rli}a${pdi}`);
    expect(balanced(`${pdi}${rli}`)).toBe(`${rli}${pdi}`);
  });

  it("changes the depth of nothing around it, whatever it holds", () => {
    fc.assert(
      fc.property(hostile, (value) => {
        for (const paragraph of `before ${isolated(value)} after`.split(paragraphs)) {
          const all = depths(paragraph);
          expect(Math.min(0, ...all)).toBe(0);
          expect(all.at(-1) ?? 0).toBe(0);
        }
        const inner = isolated(value).split(paragraphs);
        for (const line of inner.filter((text) => text !== "")) {
          // the first character opens what only the last one closes
          expect(
            depths(line)
              .slice(0, -1)
              .every((depth) => depth > 0),
          ).toBe(true);
        }
        for (const line of balanced(value).split(paragraphs)) {
          expect(depths(line).at(-1) ?? 0).toBe(0);
          expect(Math.min(0, ...depths(line))).toBe(0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps every character of a value without isolates", () => {
    fc.assert(fc.property(fc.string(), (text) => balanced(text) === text));
  });
});
