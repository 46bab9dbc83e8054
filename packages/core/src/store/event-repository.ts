/** An event of a metric that retains events, with its effect. */
export interface RetainedEvent {
  readonly tenant: string;
  readonly metric: string;
  readonly id: string;
  readonly subject: string;
  readonly amount: number;
  readonly occurredAt: Date;
  /** The lifetime counter directly after it. */
  readonly value: number;
  /** The lifetime counter's rev that it is part of, and its place among that batch's events, from 0. */
  readonly rev: number;
  readonly place: number;
}

export interface EventRepository {
  /** What is retained of a subject's events, in the order of their effect, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly metric: string;
    readonly subject: string;
    readonly after?: { readonly rev: number; readonly place: number };
    readonly limit: number;
  }): Promise<readonly RetainedEvent[]>;

  /** Those of these ids that are remembered, each once and in any order. Changes nothing, and locks nothing. */
  known(input: {
    readonly tenant: string;
    readonly metric: string;
    readonly ids: readonly string[];
  }): Promise<readonly string[]>;

  /**
   * Forgets up to `limit` ids, and up to `limit` retained events, of a metric that occurred more than `age` milliseconds
   * ago; answers the larger of the two numbers. Ids that were remembered without a time, because the metric had no
   * retention then, stay. Never touches counters. Forgets nothing, and answers 0, if the stored generation is another: the
   * retention may be longer by now.
   */
  purge(input: {
    readonly metric: string;
    readonly generation: number;
    readonly age: number;
    readonly limit: number;
    readonly now?: Date;
  }): Promise<number>;
}
