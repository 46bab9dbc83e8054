/** A line of a text file, counted from 1; null where it was longer than anybody's line should be. */
export interface Line {
  readonly number: number;
  readonly text: string | null;
}

const longest = 65_536;

/**
 * Splits a stream of bytes at its line breaks, chunk by chunk, so that memory stays flat whatever the file's size and
 * even if it has no line break at all. (node:readline would also split at U+2028, which JSON text may hold.)
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[]> {
  const decoder = new TextDecoder();
  let number = 0;
  let rest = "";
  let overlong = false;

  function line(text: string): Line {
    number++;
    const whole = rest + text;
    const tooLong = overlong || whole.length > longest;
    rest = "";
    overlong = false;
    return { number, text: tooLong ? null : whole.endsWith("\r") ? whole.slice(0, -1) : whole };
  }
  function split(text: string): Line[] {
    const parts = text.split("\n");
    const open = parts.pop()!;
    const lines = parts.map(line);
    rest += open;
    if (rest.length > longest) {
      overlong = true;
      rest = "";
    }
    return lines;
  }

  for await (const chunk of chunks) yield split(decoder.decode(chunk, { stream: true }));
  yield split(decoder.decode());
  if (rest !== "" || overlong) yield [line("")];
}
