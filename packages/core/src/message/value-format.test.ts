import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Formatters, fitsFormat, type ValueFormat, ValueWriter } from "./value-format.js";

const writer = (locale: string, zone?: string) => new ValueWriter(new Formatters(), locale, zone, () => {});
const money = (locale: string, amount: unknown, currency: unknown) =>
  writer(locale)
    .write("money", { amount, currency })
    ?.replaceAll(/[\u00a0\u202f]/g, " ");

describe("money in minor units", () => {
  it.each([
    ["en-US", 123_456, "USD", "$1,234.56"],
    ["en-US", -5, "USD", "-$0.05"],
    ["en-US", 0, "EGP", "EGP 0.00"],
    ["en-US", 1_234, "JPY", "¥1,234"],
    ["en-US", 1_234_567, "KWD", "KWD 1,234.567"],
    ["de-DE", 123_456, "EUR", "1.234,56 €"],
    ["ar-EG", 123_456, "EGP", "\u200f١٬٢٣٤٫٥٦ ج.م.\u200f"],
    ["ar-EG", 1_234_567, "KWD", "\u200f١٬٢٣٤٫٥٦٧ د.ك.\u200f"],
    ["ar-EG", 1_234, "JPY", "\u200f١٬٢٣٤ JP¥"],
    ["ar-EG", 123_456, "USD", "\u200f١٬٢٣٤٫٥٦ US$"],
  ])("is written in %s: %s %s", (locale, amount, currency, expected) => {
    expect(money(locale, amount, currency)).toBe(expected);
  });

  it("keeps every digit of the largest amount, which a double of the major unit would not", () => {
    expect(money("en", Number.MAX_SAFE_INTEGER, "KWD")).toBe("KWD 9,007,199,254,740.991");
    expect(money("en", -Number.MAX_SAFE_INTEGER, "USD")).toBe("-$90,071,992,547,409.91");
  });

  it("has the digits of the amount, in every currency", () => {
    const currencies = ["USD", "EGP", "JPY", "KWD", "CLF", "ISK"];
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.constantFrom(...currencies), (amount, currency) => {
        const digits = money("en", amount, currency)!.replaceAll(/\D/g, "");
        expect(digits.replace(/^0+/, "")).toBe(`${Math.abs(amount)}`.replace(/^0+/, ""));
      }),
    );
  });
});

describe("numbers, dates and urls", () => {
  it("are written as the locale has them", () => {
    expect(writer("de").write("number", 1_234.5)).toBe("1.234,5");
    expect(writer("ar-EG").write("number", 7)).toBe("٧");
    expect(writer("en-GB").write("date", "2026-02-28")).toBe("28 February 2026");
    expect(writer("en-GB", "Pacific/Apia").write("date", "2026-02-28"), "a date has no zone").toBe("28 February 2026");
  });

  it("writes an instant by the clocks of a zone and names it; by UTC where the zone is missing or none", () => {
    const at = (zone?: string) => writer("en-GB", zone).write("date", "2026-11-30T22:30:00.5+00:00");
    expect(at("Africa/Cairo")).toBe("1 December 2026 at 00:30 EET");
    expect(at("Asia/Kathmandu")).toBe("1 December 2026 at 04:15 GMT+5:45");
    expect(at()).toBe("30 November 2026 at 22:30 UTC");
    expect(at("Mars/Base")).toBe("30 November 2026 at 22:30 UTC");
  });

  it("writes a url in ASCII, without a character that could turn or end anything", () => {
    const url = (text: string) => writer("ar").write("url", text);
    expect(url("https://بيت.example/\u202eأ?x=\u2069")).toBe("https://xn--ngbe9g.example/%E2%80%AE%D8%A3?x=%E2%81%A9");
    expect(url("mailto:a@b.example")).toBe("mailto:a@b.example");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => /^[!-~]*$/.test(url(`https://a.example/${text}`) ?? "")),
    );
  });

  const wrong: readonly [ValueFormat, readonly unknown[]][] = [
    ["number", ["1", Number.NaN, Number.POSITIVE_INFINITY, true, {}, []]],
    ["money", [1, "1 USD", {}, { amount: 1.5, currency: "USD" }, { amount: 2 ** 53, currency: "USD" }]],
    [
      "money",
      [
        { amount: "1", currency: "USD" },
        { amount: 1, currency: "usd" },
        { amount: 1, currency: "USDT" },
      ],
    ],
    ["money", [Object.create({ amount: 1, currency: "USD" }), { amount: 1, currency: ["USD"] }]],
    ["date", ["2026-02-30", "2026-13-01", "30.11.2026", "2026-11-30T25:00Z", "2026-02-30T10:00Z", "2026-11-30T10:00"]],
    ["date", [1_780_000_000_000, "tomorrow", "", {}]],
    ["url", ["javascript:alert(1)", "data:text/html,x", "tel:1", "ftp://a.example", "/orders/7", "a.example", "", 7]],
    ["url", ["https://", "https://a b/", "\u2069", "java\nscript:1"]],
  ];
  it.each(wrong)("knows what is no %s", (format, values) => {
    for (const value of values) {
      expect([value, fitsFormat(format, value)]).toEqual([value, false]);
      expect(writer("en").write(format, value)).toBeUndefined();
    }
  });
});

it("keeps a bounded number of formatters, and costs a message the same whether they are there or not", () => {
  const formatters = new Formatters(10);
  const cost = () => {
    let spent = 0;
    const write = new ValueWriter(formatters, "en", undefined, (steps) => {
      spent += steps;
    });
    for (const last of ["A", "B", "C", "A"]) write.write("money", { amount: 1, currency: `AA${last}` });
    return spent;
  };
  const first = cost();
  expect(cost()).toBe(first);
  for (let i = 0; i < 26; i++) {
    new ValueWriter(formatters, "en", undefined, () => {}).write("money", {
      amount: 1,
      currency: `AB${String.fromCharCode(65 + i)}`,
    });
    expect(formatters.size).toBeLessThanOrEqual(10);
  }
  expect(cost()).toBe(first);
});
