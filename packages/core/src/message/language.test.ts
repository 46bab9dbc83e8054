import { describe, expect, it } from "vitest";
import { canonicalLanguage, directionOf, localeFor, lookUpLanguage } from "./language.js";

describe("the variant for a locale (RFC 4647, lookup)", () => {
  const available = ["ar", "en", "he", "pt-BR", "zh-Hant", "zh-Hant-TW"];
  it.each([
    ["ar", "ar"],
    ["ar-EG", "ar"],
    ["AR-eg", "ar"],
    ["ar_EG", "ar"],
    ["ar-EG-u-nu-latn", "ar"],
    ["ar-x-home", "ar"],
    ["pt-br", "pt-BR"],
    ["pt-BR-x-sao-paulo", "pt-BR"],
    ["zh-Hant-HK", "zh-Hant"],
    ["zh-Hant-TW-x-a", "zh-Hant-TW"],
    ["iw-IL", "he"],
    ["pt", "en"],
    ["pt-PT", "en"],
    ["zh-TW", "en"],
    ["arq", "en"],
    ["", "en"],
    ["-", "en"],
    ["not a tag", "en"],
    ["constructor", "en"],
    [undefined, "en"],
  ])("%s is served by %s", (locale, language) => {
    expect(lookUpLanguage(locale, available, "en")).toBe(language);
  });
});

describe("the direction of a language", () => {
  it.each([
    "ar",
    "ar-EG",
    "he",
    "fa",
    "ur",
    "yi",
    "ckb",
    "ps",
    "sd",
    "ug",
    "dv",
    "syr",
    "pa-Arab",
    "ff-Adlm",
    "nqo",
    "en-Hebr",
  ])("%s is written from right to left", (language) => expect(directionOf(language)).toBe("rtl"));
  it.each(["en", "de", "ja", "ru", "az", "pa", "uz", "ks-Deva", "ar-Latn", "und"])(
    "%s is written from left to right",
    (language) => expect(directionOf(language)).toBe("ltr"),
  );
});

describe("the locale that values are written in", () => {
  it.each([
    ["ar", "ar-EG", "ar-EG"],
    ["ar", "ar_MA", "ar-MA"],
    ["ar-EG", "ar-SA", "ar-SA"],
    ["ar", "en-US", "ar"],
    ["ar", undefined, "ar"],
    ["ar", "?", "ar"],
    ["zh-Hant", "zh-CN", "zh-Hant"],
    ["zh-Hant", "zh-TW", "zh-TW"],
    ["sr-Latn", "sr-RS", "sr-Latn"],
  ])("of a variant in %s, for %s, is %s", (language, locale, expected) => {
    expect(localeFor(language, locale)).toBe(expected);
  });

  it("is a tag in its canonical form", () => {
    expect([canonicalLanguage("PT-br"), canonicalLanguage("iw"), canonicalLanguage("e")]).toEqual([
      "pt-BR",
      "he",
      undefined,
    ]);
  });
});
