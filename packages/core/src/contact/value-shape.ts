const longest = 40;

/** What a value looks like, and nothing of what it says: `a` for each letter, `9` for each digit, at most 40 characters. */
export function valueShape(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value !== "string") return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  const shown = Array.from(value.slice(0, 2 * longest))
    .slice(0, longest)
    .join("")
    .replace(/\p{L}\p{M}*/gu, "a")
    .replace(/\p{N}/gu, "9")
    .replace(/[\p{C}\p{Z}]/gu, " ")
    .replace(/[^a9\p{P}\p{S} ]/gu, "?");
  return value.length > longest ? `${shown}… (${value.length} characters)` : shown;
}
