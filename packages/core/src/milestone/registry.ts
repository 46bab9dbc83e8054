import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, MilepostError } from "../errors.js";
import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { RecordingRules } from "../store/counter-repository.js";
import type { InstalledDefinition } from "../store/definition-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import {
  bandsSince,
  ignoredCode,
  type MetricCode,
  type MetricOptions,
  type MetricSettings,
  missingCode,
  nextDefinition,
} from "./definition.js";
import { refuseGaugeChange } from "./gauge-change.js";
import type { Milestone } from "./milestone.js";

export interface RegistryOptions {
  readonly milestones: readonly Milestone[];
  readonly metrics: Readonly<Record<string, MetricOptions>>;
  readonly removed: readonly string[];
  readonly onUnknownMetric: "refuse" | "count";
}

/** Who decided that replaced definitions are installed again, and why. */
export interface ReinstallAct {
  /**
   * Names of installed milestones that this process' code has not, and that are to go: what a rollback takes back. One
   * that was removed already is passed over, so that a script may run again; one that never was installed is refused.
   */
  readonly remove?: readonly string[];
  readonly by: string;
  readonly why: string;
}

interface InstallOptions {
  readonly act?: ReinstallAct;
  /** The process has just begun, so a contradiction is a mistake in its code. */
  readonly first?: boolean;
}

/** How often an install is tried again after another process was first. */
const maxTries = 20;

/** The milestones this process has code for, and the stored definitions, which any process may change at any time. */
export class Registry {
  readonly #store: Store;
  readonly #options: RegistryOptions;
  readonly #runtime: Runtime;
  readonly #emit: Emit;
  readonly #byMetric = new Map<string, Milestone[]>();
  readonly #byName = new Map<string, Milestone>();
  #installed: ReadonlyMap<string, InstalledDefinition> = new Map();
  #rules: ReadonlyMap<string, RecordingRules> = new Map();
  #evaluated: ReadonlyMap<string, InstalledDefinition> = new Map();
  readonly #settings = new Map<string, MetricSettings>();
  #ready: Promise<void> | undefined;
  /** Whether the stored definitions were read once. */
  #read = false;
  /** Whether a contradiction that is found may be a mistake in this process' code, because the process has just begun. */
  #beginning = true;
  #refreshing: Promise<void> | undefined;
  /** Reads and installs go one after another, so that what was read last is what is known. */
  #turn: Promise<void> = Promise.resolve();
  /** Definitions that were told of as being ahead of this process' code. */
  readonly #told = new Set<string>();

  constructor(store: Store, options: RegistryOptions, runtime: Runtime, emit: Emit) {
    this.#store = store;
    this.#options = options;
    this.#runtime = runtime;
    this.#emit = emit;
    for (const metric of Object.keys(options.metrics)) this.#byMetric.set(metric, []);
    options.milestones.forEach((milestone, i) => {
      if (this.#byName.has(milestone.name)) {
        const message = `another milestone is named "${milestone.name}" too; crossings are stored under it`;
        throw refused(`milestones[${i}].name`, message, "a name no other milestone has");
      }
      this.#byName.set(milestone.name, milestone);
      this.#byMetric.set(milestone.metric, [...(this.#byMetric.get(milestone.metric) ?? []), milestone]);
    });
    this.#refuseOwn("removed", options.removed);
  }

  /** This process' code over another store: what it reads and installs there is not known here, and the other way round. */
  over(store: Store, runtime: Runtime, emit: Emit): Registry {
    const other = new Registry(store, this.#options, runtime, emit);
    other.#beginning = !this.#read;
    return other;
  }

  /** Installs the definitions once, before the engine's first own step; a failed try is made again by the next call. */
  ready(): Promise<void> {
    this.#ready ??= this.#install([], { first: this.#beginning }).catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** Reads the definitions again, after a store's answer showed that another process changed them. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#install().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /**
   * Makes this process' code the installed one again where it was replaced: a rollback, decided by a person. Answers the
   * metrics that it was about: those that the code or `act.remove` speaks of.
   */
  async reinstall(act: ReinstallAct): Promise<readonly string[]> {
    const { remove = [] } = act;
    this.#refuseOwn("remove", remove);
    await this.#install([], { act });
    return this.all.flatMap(({ metric, removed }) =>
      this.#byMetric.has(metric) || removed.some((name) => remove.includes(name)) ? metric : [],
    );
  }

  /** The milestones this process has the code of. */
  get milestones(): readonly Milestone[] {
    return this.#options.milestones;
  }

  /** One of them. */
  milestone(name: string): Milestone | undefined {
    return this.#byName.get(name);
  }

  /** Names of the milestones that somebody is told of. */
  get announced(): readonly string[] {
    return this.#options.milestones.flatMap((m) => (m.announcement === undefined ? [] : [m.name]));
  }

  /** Names of those of whose crossings more is said later. */
  get noticed(): readonly string[] {
    return this.#options.milestones.flatMap(({ name, remindEvery, announcement }) => {
      return remindEvery > 0 || announcement?.resolved !== undefined ? [name] : [];
    });
  }

  /** Those whose levels are stored. */
  get storedLevels(): readonly Milestone[] {
    return this.#options.milestones.filter(({ policy }) => policy.needs?.includes("thresholds"));
  }

  /** Names of the milestones this process was told to remove. */
  get removed(): readonly string[] {
    return this.#options.removed;
  }

  /** The definitions this process can evaluate, as it knows them now; the map is never changed, only replaced. */
  get evaluated(): ReadonlyMap<string, InstalledDefinition> {
    return this.#evaluated;
  }

  get all(): readonly InstalledDefinition[] {
    return [...this.#installed.values()];
  }

  isKnown(metric: string): boolean {
    return this.#installed.has(metric) || this.#byMetric.has(metric);
  }

  get countsUnknown(): boolean {
    return this.#options.onUnknownMetric === "count";
  }

  /** What holds for a metric's events, by the stored definition or, before it was read, by this process' own code. */
  settings(metric: string): MetricSettings {
    const known = this.#settings.get(metric);
    if (known !== undefined) return known;
    const settings = this.#settingsOf(metric);
    this.#settings.set(metric, settings);
    return settings;
  }

  #settingsOf(metric: string): MetricSettings {
    const own = this.#code(metric).options;
    const stored = this.#installed.get(metric);
    return {
      decrements: own.decrements ?? stored?.decrements ?? false,
      gauge: stored?.gauge ?? own.gauge ?? false,
      retain: stored?.retain ?? own.retain ?? "ids",
      eventRetention: stored === undefined ? (own.eventRetention ?? null) : stored.eventRetention,
      rememberedSince: stored?.rememberedSince ?? null,
    };
  }

  #code(metric: string, remove: readonly string[] = []): MetricCode {
    const { metrics, removed } = this.#options;
    return {
      metric,
      options: Object.hasOwn(metrics, metric) ? metrics[metric]! : {},
      milestones: this.#byMetric.get(metric) ?? [],
      removed: [...removed, ...remove],
    };
  }

  /** The definition of a metric that is known. */
  installed(metric: string): InstalledDefinition {
    return this.#installed.get(metric)!;
  }

  rules(metric: string): RecordingRules {
    return this.#rules.get(metric)!;
  }

  /** Throws `unknown_metric` with `path` for a metric that neither code nor store knows, where those are refused. */
  refuseUnknown(metric: string, path: string): void {
    if (this.countsUnknown || this.isKnown(metric)) return;
    const known = [...new Set([...this.#installed.keys(), ...this.#byMetric.keys()])].slice(0, 10);
    const early = this.#read ? "" : "; stored ones are known after ready()";
    const expected = `a known metric (${known.map((name) => `"${name}"`).join(", ") || "none is configured"}${early}), or onUnknownMetric: "count"`;
    throw refused(path, expected, expected, "unknown_metric");
  }

  /** Makes sure that the definitions of these metrics are there to record by. */
  async know(metrics: Iterable<string>): Promise<void> {
    const unknown = [...new Set(metrics)].filter((metric) => !this.#installed.has(metric));
    if (unknown.length > 0) await this.#install(unknown);
  }

  /**
   * Reads what is stored, and stores what this process' code adds to it, until nothing is to be added. `also` are metrics
   * without milestones of this process.
   */
  #install(also: readonly string[] = [], how: InstallOptions = {}): Promise<void> {
    const installed = this.#turn.then(() => this.#installNow(also, how));
    this.#turn = installed.catch(() => {});
    return installed;
  }

  async #installNow(also: readonly string[], { act, first = false }: InstallOptions): Promise<void> {
    const removed = [...this.#options.removed, ...(act?.remove ?? [])];
    for (let tries = 1; tries <= maxTries; tries++) {
      const stored = new Map((await this.#store.definitions.list()).map((each) => [each.metric, each]));
      const holdsRemoved = [...stored.values()]
        .filter(({ milestones }) => milestones.some(({ name }) => removed.includes(name)))
        .map(({ metric }) => metric);
      // later, old code may still run that has the name where it was before
      if (first) this.#refuseMoved(stored.values());
      refuseNeverInstalled(act?.remove ?? [], [...stored.values()]);
      const change = { now: this.#runtime.now?.() ?? new Date(), bringBack: act !== undefined };
      const changed = [...new Set([...this.#byMetric.keys(), ...also, ...holdsRemoved])].flatMap((metric) => {
        const next = nextDefinition(stored.get(metric), this.#code(metric, act?.remove), change);
        return next === stored.get(metric) ? [] : next;
      });
      await refuseGaugeChange(this.#store.counters, stored, changed);
      if (changed.length > 0) {
        const install = {
          definitions: changed,
          ...(act && { act: { by: act.by, why: act.why } }),
          ...storeNow(this.#runtime),
        };
        if (!(await this.#store.definitions.install(install))) {
          await sleep(this.#runtime.random() * 10 * tries);
          continue;
        }
      }
      for (const definition of changed) stored.set(definition.metric, definition);
      this.#take(stored);
      return;
    }
    throw new MilepostError(
      "stale_definitions",
      "Other processes change the milestones all the time; this one could not install its own. Nothing was stored.",
    );
  }

  #take(installed: ReadonlyMap<string, InstalledDefinition>): void {
    const evaluated = new Map<string, InstalledDefinition>();
    for (const [metric, definition] of installed) {
      const missing = missingCode(definition, (name) => this.#byName.get(name));
      if (missing.length === 0) evaluated.set(metric, definition);
      this.#tellBehind(definition, missing);
    }
    this.#installed = installed;
    this.#read = true;
    this.#settings.clear();
    this.#evaluated = evaluated;
    this.#rules = new Map(
      [...installed].map(([metric, definition]) => [metric, rulesOf(definition, !evaluated.has(metric))]),
    );
  }

  /** Once per definition. A process without any milestone on the metric only records: it has nothing to be behind with. */
  #tellBehind(definition: InstalledDefinition, missing: readonly string[]): void {
    const { metric, generation } = definition;
    const code = this.#code(metric);
    const lacks = code.milestones.length > 0 ? missing : [];
    const ignored = ignoredCode(definition, code).filter((name) => !lacks.includes(name));
    const key = `${metric}\0${generation}`;
    if ((lacks.length === 0 && ignored.length === 0) || this.#told.has(key)) return;
    this.#told.add(key);
    const absent = lacks.filter((name) => !this.#byName.has(name));
    this.#emit("behind", { metric, generation, milestones: lacks, absent, ignored });
  }

  /** What is to go must not be what this process runs: `option` and the code contradict each other. */
  #refuseOwn(option: string, names: readonly string[]): void {
    names.forEach((name, i) => {
      if (!this.#byName.has(name)) return;
      throw refused(`${option}[${i}]`, `"${name}" is among the milestones too`, "a milestone the code has no longer");
    });
  }

  /** A name stands for one milestone for good: its crossings are stored under it, whatever metric they were on. */
  #refuseMoved(stored: Iterable<InstalledDefinition>): void {
    for (const { metric, milestones } of stored) {
      const moved = milestones.find(({ name }) => (this.#byName.get(name)?.metric ?? metric) !== metric);
      if (moved === undefined) continue;
      const expected = `a new name: "${moved.name}" is installed on metric "${metric}", and its crossings are stored under it`;
      throw refused("milestones", expected, expected, "invalid_milestone");
    }
  }
}

function rulesOf(definition: InstalledDefinition, left: boolean): RecordingRules {
  const { generation, gauge, retain, eventRetention } = definition;
  return { generation, bandsSince: bandsSince(definition), gauge, retain, purged: eventRetention !== null, left };
}

/** A misspelt name would remove nothing and say nothing. One that is removed already is no mistake: a repeat names it. */
function refuseNeverInstalled(names: readonly string[], stored: readonly InstalledDefinition[]): void {
  const installed = stored.flatMap(({ milestones }) => milestones.map(({ name }) => name));
  const known = new Set([...installed, ...stored.flatMap(({ removed }) => removed)]);
  names.forEach((name, i) => {
    if (known.has(name)) return;
    const expected = `an installed milestone (${quotedNames(installed)})`;
    throw refused(`remove[${i}]`, expected, expected);
  });
}

/** For a message: the first ten. */
function quotedNames(names: readonly string[]): string {
  const shown = names.slice(0, 10).map((name) => `"${name}"`);
  return [...shown, ...(names.length > 10 ? ["…"] : [])].join(", ") || "none is";
}

function refused(path: string, message: string, expected: string, code: ErrorCode = "invalid_options"): MilepostError {
  return new MilepostError(code, `${path}: ${message}`, { path, expected });
}
