// Languages by their tags (BCP 47): which variant of a template somebody reads, and in which direction it is written.

/** Scripts that are written from right to left (Unicode, Bidi_Class R and AL) and that somebody writes a language in. */
const rightToLeft: ReadonlySet<string> = new Set([
  ...["Adlm", "Arab", "Aran", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"],
]);

/** The tag in its canonical form, `ar_eg` as `ar-EG` and `iw` as `he`; undefined for what is no tag. */
export function canonicalLanguage(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0];
  } catch {
    return undefined;
  }
}

/** By the script that a language is most likely written in (CLDR, likely subtags). */
export function directionOf(language: string): "ltr" | "rtl" {
  return rightToLeft.has(scriptOf(language)) ? "rtl" : "ltr";
}

function scriptOf(language: string): string {
  return new Intl.Locale(language).maximize().script ?? "";
}

/**
 * The one of `available` that somebody reads who asks for `locale`: RFC 4647 section 3.4, "Lookup".
 *
 * | `locale` | of `ar`, `en`, `pt-BR` |
 * | --- | --- |
 * | `ar-EG` | `ar` |
 * | `PT-br` | `pt-BR` |
 * | `pt` | the fallback |
 */
export function lookUpLanguage(locale: string | undefined, available: readonly string[], fallback: string): string {
  const byLowerCase = new Map(available.map((language) => [language.toLowerCase(), language]));
  const range = locale === undefined ? undefined : (canonicalLanguage(locale) ?? locale);
  const subtags = range?.toLowerCase().split("-") ?? [];
  while (subtags.length > 0) {
    const found = byLowerCase.get(subtags.join("-"));
    if (found !== undefined) return found;
    subtags.pop();
    // the letter that begins an extension says nothing without it
    if (subtags.at(-1)?.length === 1) subtags.pop();
  }
  return fallback;
}

/** Whose habits values are written by: the reader's own locale where it is of the language and script that is read. */
export function localeFor(language: string, locale: string | undefined): string {
  const own = locale === undefined ? undefined : canonicalLanguage(locale);
  if (own === undefined || new Intl.Locale(own).language !== new Intl.Locale(language).language) return language;
  return scriptOf(own) === scriptOf(language) ? own : language;
}
