import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Store } from "@milepost/core";
import { aroundSteps } from "./store-steps.js";

type Steps = Store["notifications"];
type Input<Step extends "mark" | "settle"> = Parameters<Steps[Step]>[0];

/**
 * What one process has in flight: from the moment it asks for a mark until it has heard that the result is written.
 * Written line by line without a buffer, so that what a kill -9 leaves behind is what was true then.
 */
export class FlightLog {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** The store, with its marks and settlements written down. */
  watch(store: Store): Store {
    return aroundSteps(store, async (step, call, input) => {
      if (step === "notifications.mark") {
        const { marks } = input as Input<"mark">;
        this.#write("begun", marks);
        const results = (await call()) as Awaited<ReturnType<Steps["mark"]>>;
        this.#write(
          "ended",
          marks.filter((_, i) => results[i]?.result !== "marked"),
        );
        return results;
      }
      const results = await call();
      if (step === "notifications.settle") this.#write("ended", (input as Input<"settle">).settlements);
      return results;
    });
  }

  #write(what: "begun" | "ended", rows: readonly { readonly id: string; readonly fence: number }[]): void {
    if (rows.length === 0) return;
    const at = Date.now();
    appendFileSync(this.#file, rows.map(({ id, fence }) => `${what} ${id} ${fence} ${at}\n`).join(""));
  }
}

/** A call, from the request for its mark to the answer that its result is written. Times in milliseconds since 1970. */
export interface Flight {
  readonly notification: string;
  readonly fence: number;
  readonly begun: number;
  /** Undefined: its process died before. */
  readonly ended: number | undefined;
}

/** What a process had in flight while it lived. */
export function readFlights(file: string): readonly Flight[] {
  if (!existsSync(file)) return [];
  const flights = new Map<string, Flight>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [what, notification, fence, at] = line.split(" ");
    if (notification === undefined || fence === undefined) continue;
    const key = `${notification} ${fence}`;
    const known = flights.get(key);
    if (what === "begun") {
      const begun = known?.begun ?? Number(at);
      flights.set(key, { notification, fence: Number(fence), begun, ended: undefined });
    } else if (known !== undefined) flights.set(key, { ...known, ended: known.ended ?? Number(at) });
  }
  return [...flights.values()];
}
