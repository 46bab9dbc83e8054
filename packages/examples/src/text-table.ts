/** Columns in line, two spaces apart and two from the left; those of `right` stand at the right. The first row is the header. */
export function textTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const padded = rows.map((row) =>
    row.map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))),
  );
  return padded.map((cells) => `  ${cells.join("  ").trimEnd()}\n`).join("");
}
