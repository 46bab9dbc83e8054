import { MilepostError } from "../errors.js";
import type { Registry } from "../milestone/registry.js";
import type { Runtime } from "../runtime.js";
import { joinPath } from "../validation.js";
import type { ParsedEvent, ParseEvent } from "./event.js";

/** Everything that can be wrong with an event before it is stored. Asks this process only, never the database. */
export class Admission {
  readonly #registry: Registry;
  readonly #clockTolerance: number;
  readonly #now: () => Date;

  /** `clockTolerance`: milliseconds by which the clocks of processes and of the database may differ. */
  constructor(registry: Registry, clockTolerance: number, runtime: Runtime) {
    this.#registry = registry;
    this.#clockTolerance = clockTolerance;
    this.#now = runtime.now ?? (() => new Date());
  }

  /** The event, as `parse` reads it, or the refusal. `path` is where it stands in the caller's input. */
  check(input: unknown, path: string, parse: ParseEvent): ParsedEvent {
    let dated = true;
    const event = parse(input, path, () => {
      dated = false;
      return this.#now();
    });
    const { metric, amount, observed } = event;
    this.#registry.refuseUnknown(metric, joinPath(path, ["metric"]));
    const misfit = this.misfit(event, path);
    if (misfit !== undefined) throw misfit;
    const { decrements, eventRetention } = this.#registry.settings(metric);
    if (amount < 0 && !decrements && !observed) {
      const expected = "0 or more; a metric that goes down is declared with decrements: true";
      throw refused("invalid_event", joinPath(path, ["amount"]), expected);
    }
    if (eventRetention !== null && !dated) {
      throw refused(
        "invalid_event",
        joinPath(path, ["occurredAt"]),
        "a Date: this metric forgets events by their time",
      );
    }
    const late = this.outOfTime(event, path);
    if (late !== undefined) throw late;
    return event;
  }

  /** Why an event is none of its metric's: a gauge is observed, and what is no gauge is counted. */
  misfit({ metric, observed }: ParsedEvent, path: string): MilepostError | undefined {
    const { gauge } = this.#registry.settings(metric);
    if (gauge === observed) return undefined;
    const expected = gauge
      ? `a metric that counts; "${metric}" is a gauge: observe() it, with a value`
      : `a metric that is declared with gauge: true; "${metric}" counts: record() it, with an amount`;
    return refused("invalid_event", joinPath(path, ["metric"]), expected);
  }

  /**
   * Why an event cannot be counted (any more) where ids are forgotten: nothing might show that it was counted before, or
   * it would be remembered longer than others.
   */
  outOfTime({ metric, occurredAt }: ParsedEvent, path: string): MilepostError | undefined {
    const { eventRetention, rememberedSince } = this.#registry.settings(metric);
    const at = joinPath(path, ["occurredAt"]);
    if (rememberedSince !== null && occurredAt < rememberedSince) {
      const expected = `${rememberedSince.toISOString()} or later: events of "${metric}" before it were forgotten`;
      return refused("event_too_late", at, expected);
    }
    if (eventRetention === null) return undefined;
    const age = this.#now().getTime() - occurredAt.getTime();
    if (age > eventRetention) {
      const expected = `at most ${eventRetention} ms ago: events of "${metric}" are not remembered for longer`;
      return refused("event_too_late", at, expected);
    }
    if (age < -this.#clockTolerance) {
      return refused("event_too_early", at, `at most ${this.#clockTolerance} ms ahead of this process' clock`);
    }
    return undefined;
  }

  /**
   * Milliseconds after which an id of a metric may be forgotten; null = never. Twice the tolerance longer than events are
   * accepted: once for the clock of the process that accepts, once for the one that forgets.
   */
  keptFor(metric: string): number | null {
    const { eventRetention } = this.#registry.settings(metric);
    return eventRetention === null ? null : eventRetention + 2 * this.#clockTolerance;
  }
}

function refused(
  code: "invalid_event" | "event_too_late" | "event_too_early",
  path: string,
  expected: string,
): MilepostError {
  return new MilepostError(code, `${path}: ${expected}`, { path, expected });
}
