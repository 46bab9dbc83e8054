import type { FaultLog } from "../fault/fault-log.js";
import type { StoreName } from "../place/place.js";
import type { Places } from "../place/places.js";
import type { Crew } from "../process/crew.js";
import type { Verdict } from "./verdict.js";

/** How large a run is: numbers only, each of which the command line can set. */
export type Scale = Readonly<Record<string, number>>;

/** One fault and what must hold under it. A scenario is one file; `scenarios.ts` lists them. */
export interface Scenario<Size extends Scale = Scale> {
  /** As on the command line. */
  readonly name: string;
  /** One sentence for the help. */
  readonly title: string;
  readonly stores: readonly StoreName[];
  /** `full` gives the figures, `short` runs with the tests. */
  readonly scale: { readonly full: Size; readonly short: Size };
  /** Does its faults and writes figures and expectations into the verdict. */
  run(context: ScenarioContext<Size>): Promise<void>;
}

export interface ScenarioContext<Size extends Scale = Scale> {
  readonly store: StoreName;
  readonly scale: Size;
  readonly seed: number;
  readonly places: Places;
  readonly crew: Crew;
  readonly faults: FaultLog;
  readonly verdict: Verdict;
  /** How far the run is: `done` of `total`. */
  readonly progress: (done: number, total: number) => void;
}
