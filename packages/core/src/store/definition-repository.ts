/** The values between which nothing can happen: quiet while `below < value < above`. null = no bound. */
export interface Band {
  readonly below: number | null;
  readonly above: number | null;
}

/** How a counter of one period kind is born. */
export interface CounterBirth extends Band {
  /** `lifetime`, or a calendar period's kind and zone. */
  readonly period: string;
  /** Born due, because its levels depend on context that only an evaluation has. */
  readonly due: boolean;
}

/** What is counted under one metric and how: data, so that a process without the milestones' code can record. */
export interface MetricDefinition {
  readonly metric: string;
  /** Whether negative amounts are accepted. */
  readonly decrements: boolean;
  /** The counters an event feeds; `lifetime` is always among them. */
  readonly births: readonly CounterBirth[];
  /** Names of the milestones on the metric, and a hash over everything that evaluation depends on. */
  readonly milestones: readonly string[];
  readonly fingerprint: string;
}

export interface InstalledDefinition extends MetricDefinition {
  /** Rises by one whenever the metric's definition changes. */
  readonly generation: number;
}

export interface DefinitionRepository {
  /**
   * Makes `definitions` the current ones; returns them as stored, in the given order.
   *
   * Per metric: unknown = stored with generation 1; same fingerprint = left as it is; another fingerprint = replaced
   * with the next generation if the metric has no counter yet, else the whole step throws `definitions_changed`.
   * Atomic over all of them; no `counters.add` that knows an older generation commits after this step does.
   * A repeat changes nothing.
   */
  install(input: { readonly definitions: readonly MetricDefinition[] }): Promise<readonly InstalledDefinition[]>;

  /** The stored definitions, ordered by metric (bytewise). */
  list(): Promise<readonly InstalledDefinition[]>;
}
