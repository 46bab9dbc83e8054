import { canonicalLanguage } from "./language.js";

/** How a merged value is written in the reader's language. */
export const valueFormats = ["number", "money", "date", "url"] as const;
export type ValueFormat = (typeof valueFormats)[number];

/** Who reads a message: a recipient, as it stands on the notification. */
export interface Reader {
  /** A BCP 47 language tag. */
  readonly locale?: string;
  /** An IANA time zone name; instants are written in UTC without one, or with one that this machine does not know. */
  readonly zone?: string;
}

interface Money {
  /** In the currency's minor unit: 1,050 of `USD` is 10.50, of `JPY` 1,050, of `KWD` 1.050. */
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
}

const day = /^\d{4}-\d\d-\d\d$/;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;
const schemes: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);

/** What a value of a format has to be. */
export const expectedOfFormat: Readonly<Record<ValueFormat, string>> = {
  number: "a number",
  money: "money: { amount, currency }, a safe integer in the minor unit and an ISO 4217 code",
  date: "an ISO date, or an ISO instant with its offset",
  url: "an http, https or mailto url",
};

export function fitsFormat(format: ValueFormat, value: unknown): boolean {
  if (format === "number") return typeof value === "number" && Number.isFinite(value);
  if (format === "money") return moneyOf(value) !== undefined;
  if (typeof value !== "string") return false;
  return format === "date" ? isDate(value) : urlOf(value) !== undefined;
}

/** Own fields only, as everywhere in data. */
function moneyOf(value: unknown): Money | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Object.hasOwn(value, "amount") || !Object.hasOwn(value, "currency")) return undefined;
  const { amount, currency } = value as Partial<Money>;
  const valid = Number.isSafeInteger(amount) && typeof currency === "string" && /^[A-Z]{3}$/.test(currency);
  return valid ? { amount: amount!, currency } : undefined;
}

function isDate(text: string): boolean {
  if (instant.test(text)) return !Number.isNaN(Date.parse(text)) && isDate(text.slice(0, 10));
  if (!day.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  // 30 February is read as 2 March
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** In ASCII, as a browser would ask for it: no letter and no control of it can turn what stands around it. */
function urlOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return schemes.has(protocol) ? href : undefined;
}

/** Making a formatter takes up to 80 us; using it 0.5 us, for an instant 3 us; a step of rendering 0.05 to 0.2 us. */
const stepsToMake = 1_000;
const stepsToUse: Readonly<Record<ValueFormat, number>> = { number: 10, money: 10, date: 30, url: 30 };

/** Formatters that were made, a bounded number: each holds some 10 kB of the process. */
export class Formatters {
  readonly #made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();
  readonly #capacity: number;

  constructor(capacity = 200) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#made.size;
  }

  get<Made extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => Made): Made {
    const known = this.#made.get(key) as Made | undefined;
    if (known !== undefined) return known;
    const made = make();
    if (this.#made.size >= this.#capacity) this.#made.clear();
    this.#made.set(key, made);
    return made;
  }
}

/** Writes the values of one message. */
export class ValueWriter {
  readonly #formatters: Formatters;
  readonly #locale: string;
  readonly #zone: string;
  readonly #spend: (steps: number) => void;
  /** Of this message: what it costs must not depend on what was rendered before it. */
  readonly #asked = new Set<string>();

  /** `locale` is one that this machine can read; `spend` throws once the message costs too much. */
  constructor(formatters: Formatters, locale: string, zone: string | undefined, spend: (steps: number) => void) {
    this.#formatters = formatters;
    this.#locale = canonicalLanguage(locale) ?? "en";
    this.#zone = zone ?? "UTC";
    this.#spend = spend;
  }

  /** Undefined for a value that does not fit. */
  write(format: ValueFormat, value: unknown): string | undefined {
    this.#spend(stepsToUse[format]);
    if (format === "url") {
      if (typeof value !== "string") return undefined;
      this.#spend(value.length);
      return urlOf(value);
    }
    if (format === "money") {
      const money = moneyOf(value);
      return money && this.#money(money);
    }
    if (!fitsFormat(format, value)) return undefined;
    return format === "number" ? this.#number().format(value as number) : this.#date(value as string);
  }

  #number(): Intl.NumberFormat {
    return this.#formatter("number", () => new Intl.NumberFormat(this.#locale));
  }

  #money({ amount, currency }: Money): string {
    const formatter = this.#formatter(
      `money ${currency}`,
      () => new Intl.NumberFormat(this.#locale, { style: "currency", currency }),
    );
    // as decimal text: a double has no room for three decimals of a large amount
    return formatter.format(inMajorUnit(amount, formatter.resolvedOptions().maximumFractionDigits!) as `${number}`);
  }

  #date(text: string): string {
    if (day.test(text)) {
      const formatter = this.#formatter(
        "day",
        () => new Intl.DateTimeFormat(this.#locale, { dateStyle: "long", timeZone: "UTC" }),
      );
      return formatter.format(Date.parse(`${text}T00:00:00Z`));
    }
    const formatter = this.#formatter(`instant ${this.#zone}`, () => this.#instants());
    return formatter.format(Date.parse(text));
  }

  #instants(): Intl.DateTimeFormat {
    try {
      return new Intl.DateTimeFormat(this.#locale, { ...shownOfInstant, timeZone: this.#zone });
    } catch {
      return new Intl.DateTimeFormat(this.#locale, { ...shownOfInstant, timeZone: "UTC" });
    }
  }

  #formatter<Made extends Intl.NumberFormat | Intl.DateTimeFormat>(name: string, make: () => Made): Made {
    const key = `${this.#locale} ${name}`;
    if (!this.#asked.has(key)) {
      this.#asked.add(key);
      this.#spend(stepsToMake);
    }
    return this.#formatters.get(key, make);
  }
}

/** With the zone's name, so that a reader without one is not misled. */
const shownOfInstant: Intl.DateTimeFormatOptions = {
  year: "numeric",
  month: "long",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  timeZoneName: "short",
};

/** 1234 with two digits as `12.34`. */
function inMajorUnit(amount: number, digits: number): string {
  const text = `${Math.abs(amount)}`.padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  const fraction = digits === 0 ? "" : `.${text.slice(-digits)}`;
  return `${amount < 0 ? "-" : ""}${whole}${fraction}`;
}
