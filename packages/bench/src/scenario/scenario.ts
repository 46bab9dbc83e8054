import type { FaultLog } from "../fault/fault-log.js";
import type { StoreName } from "../place/place.js";
import type { Places } from "../place/places.js";
import type { Crew } from "../process/crew.js";
import type { Verdict } from "./verdict.js";

/** How large a run is: its sizes by name. */
export type Scale = Readonly<Record<string, number>>;

/** A number that says how large a run is. The command line can set it, to 1 or more. */
export interface SizeOption {
  /** Gives the figures. */
  readonly full: number;
  /** Runs with the tests. */
  readonly short: number;
  /** A few words for the help. */
  readonly what: string;
  /** What 0 means, where it is allowed; not for an amount of work, as a run that does nothing must not be ok. */
  readonly zero?: string;
  /** The one store on which it has an effect. */
  readonly only?: StoreName;
}

export type Sizes = Readonly<Record<string, SizeOption>>;
export type ScaleOf<Of extends Sizes> = { readonly [Name in keyof Of]: number };

/** One fault and what must hold under it. A scenario is one file; `scenarios.ts` lists them. */
export interface Scenario {
  /** As on the command line. */
  readonly name: string;
  /** One sentence for the help. */
  readonly title: string;
  /** What it needs of the machine, in words for the help; it runs only where it is named, and not with the tests. */
  readonly needs?: string;
  readonly stores: readonly StoreName[];
  readonly sizes: Sizes;
  /** Why these sizes cannot go together, where that is so. */
  conflict?(scale: Scale): string | undefined;
  /**
   * Does its faults and writes figures and expectations into the verdict.
   * This and `conflict` are methods: only of a method may the parameter say which names `sizes` has.
   */
  run(context: ScenarioContext): Promise<void>;
}

export interface ScenarioContext<Of extends Scale = Scale> {
  readonly store: StoreName;
  readonly scale: Of;
  readonly seed: number;
  readonly places: Places;
  readonly crew: Crew;
  readonly faults: FaultLog;
  readonly verdict: Verdict;
  /** How far the run is: `done` of `total`. */
  readonly progress: (done: number, total: number) => void;
}

/** A scenario's sizes of one form, or as `set`. */
export function scaleOf({ sizes }: Scenario, form: "full" | "short", set: Scale = {}): Scale {
  return Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, set[name] ?? size[form]]));
}
