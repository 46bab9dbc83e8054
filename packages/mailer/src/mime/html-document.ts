import type { Language } from "./language.js";

/** An opening html tag, after a doctype and comments if there are any. Each step takes what the next one cannot. */
const opening = /^((?:\s|<!--[\s\S]{0,10000}?-->|<!doctype[^>]*>)*<html)((?:\s[^>]*)?)>/i;

/**
 * Says in which language and direction a body is: assistive software reads `lang`, and without `dir` a message in Arabic
 * or Hebrew has its punctuation at the wrong end. A fragment becomes a document; of a document only attributes that its
 * html tag lacks are added.
 */
export function htmlDocument(html: string, language: Language | null): string {
  if (language === null) return html;
  const attributes = { lang: language.tag, dir: language.direction };
  const found = opening.exec(html);
  if (found === null) {
    return `<!doctype html>\n<html${written(attributes)}>\n<head><meta charset="utf-8"></head>\n<body>\n${html}\n</body>\n</html>\n`;
  }
  const [tag, start, given] = found;
  const missing = Object.entries(attributes).filter(([name]) => !new RegExp(`\\s${name}\\s*=`, "i").test(given!));
  return `${start}${given}${written(Object.fromEntries(missing))}>${html.slice(tag.length)}`;
}

// a canonical language tag has letters, digits and hyphens only: there is nothing to escape
function written(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join("");
}
