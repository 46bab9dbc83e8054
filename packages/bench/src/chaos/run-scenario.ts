import { cp } from "node:fs/promises";
import { join } from "node:path";
import { FaultLog } from "../fault/fault-log.js";
import type { StoreName } from "../place/place.js";
import { openPlaces } from "../place/places.js";
import type { Programs } from "../process/bundle.js";
import { Crew } from "../process/crew.js";
import type { Scale, Scenario } from "../scenario/scenario.js";
import { type Figure, Verdict } from "../scenario/verdict.js";

export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly store: StoreName;
  readonly scale: Scale;
  readonly seed: number;
  readonly programs: Programs;
  /** A Postgres server; needed for the store `postgres`. */
  readonly serverUrl?: string | undefined;
  readonly progress?: (done: number, total: number) => void;
  /** Where the run's logs, and its SQLite files, are copied to before they are removed. */
  readonly keep?: string | undefined;
  /** Ends the run early: its processes are killed, its databases removed. */
  readonly signal?: AbortSignal;
}

/** What is printed of a run. */
export interface Report {
  readonly scenario: string;
  readonly store: StoreName;
  readonly ok: boolean;
  readonly seed: number;
  readonly broken?: readonly string[];
  readonly [figure: string]: Figure | undefined;
}

/** Runs one scenario on one store. Whatever comes of it, nothing of the run is left behind. */
export async function runScenario(run: ScenarioRun): Promise<Report> {
  const { scenario, store, scale, seed, programs, signal } = run;
  const verdict = new Verdict();
  const places = await openPlaces(store, run.serverUrl);
  const crew = new Crew(programs);
  // not waited for by the scenario: what it does in this process may take long to see that its processes are gone
  const interrupted = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  interrupted.catch(() => {});
  try {
    signal?.throwIfAborted();
    const faults = new FaultLog(join(places.folder, "faults.log"));
    const progress = run.progress ?? (() => {});
    const running = scenario.run({ store, scale, seed, places, crew, faults, verdict, progress });
    running.catch(() => {});
    await Promise.race([running, interrupted]);
  } catch (error) {
    signal?.throwIfAborted();
    verdict.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await crew.dispose();
    try {
      if (run.keep !== undefined) {
        await cp(places.folder, join(run.keep, `${scenario.name}-${store}`), { recursive: true });
      }
    } finally {
      // a server that went away in the middle must not take the report with it
      await places.dispose().catch((error: Error) => verdict.fail(error.message));
    }
  }
  const { ok, broken, figures } = verdict;
  return { scenario: scenario.name, store, ok, seed, ...(!ok && { broken }), ...figures };
}
