/** How a merged value is kept from changing the direction of what stands around it (UAX #9, "isolating"). */
export type Isolation = "element" | "characters";

const first = "\u2068"; // FIRST STRONG ISOLATE: the value's own direction, by its first letter
const pop = "\u2069"; // POP DIRECTIONAL ISOLATE

/** Characters that end a bidi paragraph (Bidi_Class B), and with it every isolate in it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what ends a paragraph
const paragraphs = /(\r\n|[\n\r\u001c-\u001e\u0085\u2029])/;

/** Each line of a text isolated; nothing for no text. */
export function isolated(text: string): string {
  return eachLine(text, (line) => first + balancedLine(line) + pop);
}

/**
 * A text of which no line leaves an isolate open or closes one that began before it, for an element that isolates it.
 * Embeddings and overrides need nothing: they end with the isolate that they are in (UAX #9, X6a).
 */
export function balanced(text: string): string {
  return /[\u2066-\u2069]/.test(text) ? eachLine(text, balancedLine) : text;
}

function eachLine(text: string, change: (line: string) => string): string {
  const pieces = text.split(paragraphs);
  return pieces.map((piece, i) => (i % 2 === 1 || piece === "" ? piece : change(piece))).join("");
}

function balancedLine(line: string): string {
  let open = 0;
  const kept = line.replace(/[\u2066-\u2069]/g, (control) => {
    if (control === pop && open === 0) return "";
    open += control === pop ? -1 : 1;
    return control;
  });
  return kept + pop.repeat(open);
}
