import { MilepostError } from "../errors.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { type MetricOptions, metricDefinition } from "./definition.js";
import type { Milestone } from "./milestone.js";

export interface RegistryOptions {
  readonly milestones: readonly Milestone[];
  readonly metrics: Readonly<Record<string, MetricOptions>>;
  readonly onUnknownMetric: "refuse" | "count";
}

/** The milestones this process has code for, and the stored definitions of their metrics. */
export class Registry {
  readonly #store: Store;
  readonly #options: RegistryOptions;
  readonly #byMetric = new Map<string, Milestone[]>();
  readonly #byName = new Map<string, Milestone>();
  readonly #installed = new Map<string, InstalledDefinition>();
  #ready: Promise<void> | undefined;

  constructor(store: Store, options: RegistryOptions) {
    this.#store = store;
    this.#options = options;
    for (const metric of Object.keys(options.metrics)) this.#byMetric.set(metric, []);
    options.milestones.forEach((milestone, i) => {
      if (this.#byName.has(milestone.name)) {
        const path = `milestones[${i}].name`;
        const message = `${path}: another milestone is named "${milestone.name}" too; crossings are stored under it`;
        throw new MilepostError("invalid_options", message, { path, expected: "a name no other milestone has" });
      }
      this.#byName.set(milestone.name, milestone);
      this.#byMetric.set(milestone.metric, [...this.of(milestone.metric), milestone]);
    });
  }

  /** Installs the definitions once, before the engine's first own step; a failed try is made again by the next call. */
  ready(): Promise<void> {
    this.#ready ??= this.#install([...this.#byMetric.keys()]).catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** The milestones on a metric, in the order they were given. */
  of(metric: string): readonly Milestone[] {
    return this.#byMetric.get(metric) ?? [];
  }

  milestone(name: string): Milestone | undefined {
    return this.#byName.get(name);
  }

  /** Names of the milestones that somebody is told of. */
  get announced(): readonly string[] {
    return this.#options.milestones.flatMap((m) => (m.announcement === undefined ? [] : [m.name]));
  }

  /** Metrics this process can evaluate: those whose milestones it has the code of. */
  get metrics(): readonly string[] {
    return [...this.#byMetric.keys()];
  }

  /** The definition of a metric that was known when the engine became ready. */
  installed(metric: string): InstalledDefinition {
    return this.#installed.get(metric)!;
  }

  /** Makes sure that a metric is known; throws `unknown_metric` with `path` if it is not and may not be. */
  async know(metric: string, path: string): Promise<void> {
    if (this.#installed.has(metric)) return;
    if (this.#options.onUnknownMetric === "refuse") {
      const known = [...this.#installed.keys()].slice(0, 10).map((name) => `"${name}"`);
      const expected = `a known metric (${known.join(", ") || "none is configured"}), or onUnknownMetric: "count"`;
      throw new MilepostError("unknown_metric", `${path}: ${expected}`, { path, expected });
    }
    // what another process installed is data enough to record by; evaluating it is left to that process
    const stored = (await this.#store.definitions.list()).find((definition) => definition.metric === metric);
    if (stored !== undefined) {
      this.#installed.set(metric, stored);
      return;
    }
    await this.#install([metric]);
    this.#byMetric.set(metric, []);
  }

  async #install(metrics: readonly string[]): Promise<void> {
    const { metrics: options } = this.#options;
    const definitions = metrics.map((metric) =>
      metricDefinition(metric, Object.hasOwn(options, metric) ? options[metric]! : {}, this.of(metric)),
    );
    for (const installed of await this.#store.definitions.install({ definitions })) {
      this.#installed.set(installed.metric, installed);
    }
  }
}
