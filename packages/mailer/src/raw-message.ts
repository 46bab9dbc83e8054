/** A header field as it stands in a message: its name in lower case, its value unfolded. */
export interface RawField {
  readonly name: string;
  readonly value: string;
}

/**
 * For tests: the header of a message, read byte by byte after RFC 5322 and by nothing of nodemailer's. Stricter than any
 * receiver: whatever somebody could take for a line break (CR, LF, NUL, VT, FF, NEL, U+2028) must not be there unless it
 * is a CRLF, and every line is a field or the continuation of one. Throws for anything else.
 */
export function rawHeader(bytes: Buffer): readonly RawField[] {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) throw new Error("the header has no end");
  const text = bytes.subarray(0, end).toString("utf8");
  const fields: { name: string; value: string }[] = [];
  for (const line of text.split("\r\n")) {
    if (Buffer.byteLength(line) > 998) throw new Error("a line is too long");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (/[\x00-\x08\x0a-\x1f\x7f\u0085\u2028\u2029]/.test(line))
      throw new Error(`a control character: ${JSON.stringify(line)}`);
    const field = /^([!-9;-~]+):(.*)$/.exec(line);
    if (/^[ \t]/.test(line)) {
      const last = fields.at(-1);
      if (last === undefined || line.trim() === "")
        throw new Error(`a continuation of nothing: ${JSON.stringify(line)}`);
      last.value += line;
    } else if (field !== null) fields.push({ name: field[1]!.toLowerCase(), value: field[2]! });
    else throw new Error(`no field: ${JSON.stringify(line)}`);
  }
  return fields.map(({ name, value }) => ({ name, value: value.trim() }));
}

/** The value of the only field of that name; throws where there are several. */
export function fieldOf(bytes: Buffer, name: string): string | undefined {
  const found = rawHeader(bytes).filter((field) => field.name === name.toLowerCase());
  if (found.length > 1) throw new Error(`${found.length} fields ${name}`);
  return found[0]?.value;
}

/** The addresses in angle brackets or alone, of a field of addresses whose names are quoted or encoded. */
export function addressesIn(value: string): readonly string[] {
  const withoutNames = value.replace(/"(?:[^"\\]|\\.)*"/g, "");
  return withoutNames.match(/[^\s<>,:;"]+@[^\s<>,:;"]+/g) ?? [];
}
