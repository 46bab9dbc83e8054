import type { NewCrossing } from "./crossing.js";
import type { Level } from "./policy.js";

/** A crossing that was to be said and whose level was not armed again since: more may be said of it. */
export interface OpenCrossing {
  readonly crossing: string;
  readonly threshold: string;
  readonly at: number;
  readonly direction: "rising" | "falling";
  readonly arming: number;
  readonly limitVersion: number;
  /** Something may take it back: its level arms again, or measures against a limit. */
  readonly ends: boolean;
  /** How often it was reminded of. */
  readonly reminded: number;
}

/** A counter remembers so many of them; of older ones nothing more is said. */
const mostOpen = 1_000;

/**
 * Opens a crossing, as the last one. Those before it are kept if it is to be said that they ended. One whose key is there
 * already is the one that is stored: it goes on under its id.
 */
export function opened(
  open: readonly OpenCrossing[],
  { id: crossing, threshold, at, direction, arming, limitVersion }: NewCrossing,
  { ends, resolves }: { readonly ends: boolean; readonly resolves: boolean },
): readonly OpenCrossing[] {
  const same = open.find((each) => {
    return each.threshold === threshold && each.arming === arming && each.limitVersion === limitVersion;
  });
  const others = open.filter((each) => each.threshold !== threshold && each.ends && resolves);
  const fresh = { crossing, threshold, at, direction, arming, limitVersion, ends, reminded: 0 };
  return [...others, same ?? fresh].slice(-mostOpen);
}

/** Whether a value is still on the far side of the level, where it lies now. */
export function stillPassed({ at, direction }: Pick<Level, "at" | "direction">, value: number): boolean {
  return direction === "rising" ? value >= at : value <= at;
}
