/** One line for somebody who tries the example out. */
export function nextSteps(sent: number): string {
  const again = sent > 0 ? "the same again (sends nothing twice), " : "";
  return `Try next: ${again}--json, --generate 1100000 (crosses 1,000,000), --help\n`;
}
