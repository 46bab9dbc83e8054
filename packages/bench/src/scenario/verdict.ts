export type Figure = number | string | boolean | readonly string[];

/** The figures of a run, and which of the expectations on them do not hold. */
export class Verdict {
  readonly #figures: Record<string, Figure> = {};
  readonly #broken: string[] = [];

  get figures(): Readonly<Record<string, Figure>> {
    return this.#figures;
  }

  /** One sentence for each expectation that does not hold. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  get ok(): boolean {
    return this.#broken.length === 0;
  }

  /** A figure without an expectation. */
  note(name: string, value: Figure): void {
    this.#figures[name] = value;
  }

  exactly(name: string, value: number, wanted: number): void {
    this.note(name, value);
    if (value !== wanted) this.#broken.push(`${name} is ${value}, not ${wanted}`);
  }

  atMost(name: string, value: number, limit: number): void {
    this.note(name, value);
    if (!(value <= limit)) this.#broken.push(`${name} is ${value}, above ${limit}`);
  }

  atLeast(name: string, value: number, limit: number): void {
    this.note(name, value);
    if (!(value >= limit)) this.#broken.push(`${name} is ${value}, below ${limit}`);
  }

  fail(why: string): void {
    this.#broken.push(why);
  }
}
