/** The longest text key in bytes of UTF-8; keeps every composed index entry below Postgres' 2,704 byte limit. */
export const maxKeyBytes = 200;

/** Why `text` cannot be a key, or undefined when it can: 1 to 200 UTF-8 bytes, no NUL, no lone surrogate. */
export function keyProblem(text: string): string | undefined {
  if (text.length === 0) return "must not be empty";
  // UTF-16 length never exceeds the UTF-8 length, so a 10 MB string is refused without being encoded
  if (text.length > maxKeyBytes || Buffer.byteLength(text) > maxKeyBytes) {
    return `must be at most ${maxKeyBytes} bytes of UTF-8`;
  }
  if (text.includes("\0")) return "must not contain NUL";
  if (!text.isWellFormed()) return "must not contain a lone surrogate";
  return undefined;
}

/** Orders text by its UTF-8 bytes, as `COLLATE "C"` and SQLite's BINARY do; `<` alone compares UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // the one difference: UTF-16 writes what lies beyond U+FFFF with units below U+E000
    return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
