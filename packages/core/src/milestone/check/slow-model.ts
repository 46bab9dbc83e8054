import type { Level } from "../policy.js";

/** What a step does: the levels it passes, in their order, each with its arming, and those it arms again. */
export interface SlowStep {
  readonly passed: readonly { readonly threshold: string; readonly arming: number }[];
  readonly armed: readonly string[];
}

/** Arming as it is told in one sentence, to check the engine's against: every level is looked at in every step. */
export class SlowModel {
  readonly #levels: readonly Level[];
  readonly #armed = new Map<string, boolean>();
  readonly #armings = new Map<string, number>();

  constructor(levels: readonly Level[], start: number) {
    this.#levels = levels;
    for (const { threshold, direction, at } of levels) {
      this.#armed.set(threshold, direction === "falling" || at > start);
      this.#armings.set(threshold, 1);
    }
  }

  step(previous: number, next: number): SlowStep {
    const passed: Level[] = [];
    const armed: string[] = [];
    for (const level of this.#levels) {
      const { threshold, at, direction, rearmAt } = level;
      const reached = direction === "rising" ? previous < at && at <= next : next <= at && at < previous;
      const back = rearmAt !== undefined && (direction === "rising" ? next <= rearmAt : next >= rearmAt);
      if (this.#armed.get(threshold) && reached) {
        passed.push(level);
        this.#armed.set(threshold, false);
      } else if (!this.#armed.get(threshold) && back) {
        armed.push(threshold);
        this.#armed.set(threshold, true);
        this.#armings.set(threshold, this.#armings.get(threshold)! + 1);
      }
    }
    const order = next > previous ? 1 : -1;
    passed.sort((a, b) => order * (a.at - b.at || (a.threshold < b.threshold ? -1 : 1)));
    return { passed: passed.map(({ threshold }) => ({ threshold, arming: this.#armings.get(threshold)! })), armed };
  }
}
