import type { Language } from "./language.js";

/** An html tag where one may begin: its name, then its attributes. */
const opening = /(<html)((?:\s[^>]*)?)>/iy;

/**
 * Says in which language and direction a body is: assistive software reads `lang`, and without `dir` a message in Arabic
 * or Hebrew has its punctuation at the wrong end. A fragment becomes a document; of a document only attributes that its
 * html tag lacks are added.
 */
export function htmlDocument(html: string, language: Language | null): string {
  if (language === null) return html;
  const attributes = { lang: language.tag, dir: language.direction };
  const start = afterProlog(html);
  opening.lastIndex = start;
  const found = opening.exec(html);
  if (found === null) {
    return `<!doctype html>\n<html${written(attributes)}>\n<head><meta charset="utf-8"></head>\n<body>\n${html}\n</body>\n</html>\n`;
  }
  const [tag, name, given] = found;
  const missing = Object.entries(attributes).filter(([key]) => !new RegExp(`\\s${key}\\s*=`, "i").test(given!));
  const rest = html.slice(start + tag.length);
  return `${html.slice(0, start)}${name}${given}${written(Object.fromEntries(missing))}>${rest}`;
}

const spaces = /\s*/y;
const doctype = /<!doctype/iy;

/**
 * Where a document's spaces, comments and doctype end. Looked for step by step, in time linear in them: one expression
 * for all of it can take a comment in many ways, and tries each of them where no html tag follows.
 */
function afterProlog(html: string): number {
  for (let at = 0; ; ) {
    at = endOf(spaces, html, at)!;
    // `<!-->` is a comment too (HTML Standard, 13.2.5.43)
    const comment = html.startsWith("<!--", at);
    if (!comment && endOf(doctype, html, at) === null) return at;
    const end = comment ? html.indexOf("-->", at + 2) : html.indexOf(">", at);
    if (end < 0) return at;
    at = end + (comment ? 3 : 1);
  }
}

/** Where a match of a sticky expression ends that begins there; null without one. */
function endOf(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

// a canonical language tag has letters, digits and hyphens only: there is nothing to escape
function written(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join("");
}
