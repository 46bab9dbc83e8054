/** The values between which nothing can happen: quiet while `below < value < above`. null = no bound. */
export interface Band {
  readonly below: number | null;
  readonly above: number | null;
}

/** How a counter of one period kind is born. */
export interface CounterBirth extends Band {
  /** `lifetime`, or a calendar period's unit and zone, as in `month:Europe/Berlin`. */
  readonly period: string;
  /** Born due, because its levels depend on context that only an evaluation has. */
  readonly due: boolean;
  /** A new limit opens a counter of it, before its first event. */
  readonly opens?: boolean;
  /** Since when events feed it, an ISO time: a counter whose span had begun by then is partial. Absent: since ever. */
  readonly since?: string;
}

/** What is remembered of an event beside its effect: its id, or also its amount, its time and the value after it. */
export type Retain = "ids" | "events";

/** A milestone as data: enough to record by without its code. */
export interface InstalledMilestone {
  readonly name: string;
  /** A hash over all that evaluation depends on; code with another one must not evaluate. */
  readonly fingerprint: string;
  /** The generation it came with: events counted under an older one do not concern it. */
  readonly added: number;
  /** The generation of its last edit; `added` before any. */
  readonly changed: number;
  /** How it wants counters to be born; the metric's births are the narrowest of these. */
  readonly birth: CounterBirth;
}

/** What is counted under one metric and how: data, so that a process without the milestones' code can record. */
export interface InstalledDefinition {
  readonly metric: string;
  /** 1 at first; rises by one with each change. */
  readonly generation: number;
  /** Whether negative amounts are accepted. */
  readonly decrements: boolean;
  /** Whether it takes observations, which set its counters, instead of amounts. */
  readonly gauge: boolean;
  readonly retain: Retain;
  /** Milliseconds for which ids are remembered; null = for ever. */
  readonly eventRetention: number | null;
  /** Ids of events before this may be forgotten although `eventRetention` is longer; null = none. */
  readonly rememberedSince: Date | null;
  /** The counters an event feeds; `lifetime` is always among them. */
  readonly births: readonly CounterBirth[];
  readonly milestones: readonly InstalledMilestone[];
  /** Fingerprints and settings that were replaced, so that a process with old code does not bring them back. */
  readonly former: readonly string[];
  /** Names of milestones that were removed. */
  readonly removed: readonly string[];
  /** The generation up to which every counter that ran has met the milestones. */
  readonly adopted: number;
}

export interface DefinitionRepository {
  /**
   * Stores definitions, if each follows the stored one: its generation is one more, or 1 where none is stored. Answers
   * false, and stores none of them, if another process was first. Atomic over all of them; no `counters.add` that knows
   * an older generation commits after this step does. With `act` it is recorded, for each metric, as done by a person.
   * A repeat answers false.
   */
  install(input: {
    readonly definitions: readonly InstalledDefinition[];
    readonly act?: { readonly by: string; readonly why: string };
    readonly now?: Date;
  }): Promise<boolean>;

  /**
   * Notes that every counter of the metric has met the milestones of this generation. Answers false, and changes
   * nothing, if the stored generation is another. A repeat changes nothing.
   */
  adopted(input: { readonly metric: string; readonly generation: number }): Promise<boolean>;

  /** The stored definitions, ordered by metric (bytewise). */
  list(): Promise<readonly InstalledDefinition[]>;
}
