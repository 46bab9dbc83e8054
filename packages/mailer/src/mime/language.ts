export interface Language {
  /** A BCP 47 tag in its canonical form. */
  readonly tag: string;
  readonly direction: "ltr" | "rtl";
}

/** The scripts in use today that are written from right to left (Unicode Character Database, Bidi_Class R and AL). */
const rightToLeft: ReadonlySet<string> = new Set(
  "Adlm Arab Aran Hebr Mand Mend Nkoo Rohg Samr Syrc Thaa Yezi".split(" "),
);

/** The language that a recipient reads, from its locale; null for none, and for what is no language tag. */
export function languageOf(locale: string | undefined): Language | null {
  if (locale === undefined) return null;
  try {
    // ar_EG is how POSIX and many directories write it
    const language = new Intl.Locale(locale.replaceAll("_", "-"));
    // the likely script: `pa-PK` is Arabic, `pa` is not. Intl's own textInfo differs between versions of Node.
    const { script = "" } = language.maximize();
    return { tag: language.baseName, direction: rightToLeft.has(script) ? "rtl" : "ltr" };
  } catch {
    return null;
  }
}
