import { compile } from "html-to-text";

/**
 * The text part of a message that has only html: filters and text-only readers look at it first. Links stay as
 * `words [address]`, images and the head are left out, lines are not broken, as the reader's window decides on that.
 */
export const plainText: (html: string) => string = compile({
  wordwrap: false,
  selectors: [
    { selector: "a", options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
    { selector: "img", format: "skip" },
    // shown as given: loud headings were a fashion of the library's early days
    ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});
