import { compile } from "html-to-text";
import { legibleHtml } from "./legible-html.js";

/** Characters of legible html that are read. The parser's time grows with the square of its nesting, which this bounds as well. */
const maxRead = 128_000;

/** Characters of text: each line of quotes in quotes has all their marks. */
const maxWritten = 256_000;

const textOf = compile({
  wordwrap: false,
  // elements in elements; its walk is recursive. Twenty tables in tables are 80.
  limits: { maxDepth: 100, ellipsis: "…" },
  selectors: [
    { selector: "a", options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
    { selector: "img", format: "skip" },
    // of a document without a body tag the parser gives all, its head included
    { selector: "title", format: "skip" },
    // a text has no elements: the characters that isolate as this one does
    { selector: "bdi", format: "inlineSurround", options: { prefix: "\u2068", suffix: "\u2069" } },
    // shown as given: loud headings were a fashion of the library's early days
    ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});

/**
 * The text part of a message that has only html: filters and text-only readers look at it first. Links stay as
 * `words [address]`, images and the head are left out, lines are not broken, as the reader's window decides on that.
 * What is too long or too deep ends in `…`. Null where there is nothing to read: a text of `…` alone would hide the html
 * from those who have a choice.
 */
export function plainText(html: string): string | null {
  const legible = legibleHtml(html);
  const text = textOf(legible.slice(0, maxRead));
  if (/^[\s…]*$/.test(text)) return null;
  return legible.length <= maxRead && text.length <= maxWritten ? text : `${text.slice(0, maxWritten)}…`;
}
