/** An event that was recorded in a host's transaction and is not counted yet. */
export interface InboxEvent {
  readonly tenant: string;
  readonly metric: string;
  readonly id: string;
  readonly subject: string;
  /** A safe integer; of an observation the value that was observed. */
  readonly amount: number;
  /** Whether it observes a gauge; false: it adds its amount. Kept, because the metric may be defined anew until it counts. */
  readonly observed: boolean;
  readonly occurredAt: Date;
}

export interface InboxRow extends InboxEvent {
  /** Rises in the order of recording; of transactions side by side, not in the order of their commits. */
  readonly number: number;
  /** Why it cannot be counted, as an error code and a message; null while it waits. */
  readonly refusal: { readonly code: string; readonly message: string } | null;
}

/**
 * Events recorded inside transactions of the host: append-only for it, drained by the engine with `counters.add`. A
 * store without `supports.hostTransactions` has {@link noInbox}.
 */
export interface InboxRepository<Tx = never, Done extends void | Promise<void> = void | Promise<void>> {
  /**
   * Appends inside the host's open transaction `tx`, whose commit or rollback decides; synchronous where the driver is.
   * Takes no lock that another transaction could wait for, beyond the one writer of a database that has only one. Ids are not looked at: a repeat is a second row, which
   * counts nothing when it is drained. Throws `no_transaction` where `tx` has none open, and stores nothing.
   */
  enqueue(tx: Tx, events: readonly InboxEvent[]): Done;

  /** Committed rows that wait, or those that were refused, in the order of `number`, after `after`. Locks nothing. */
  list(input: {
    readonly refused: boolean;
    /** Of one tenant; of all unless given. */
    readonly tenant?: string;
    readonly metrics?: readonly string[];
    readonly after?: number;
    readonly limit: number;
  }): Promise<readonly InboxRow[]>;

  /** Sets a waiting row aside, so that it holds up no other. A row that is gone or refused is left as it is. */
  refuse(input: { readonly number: number; readonly code: string; readonly message: string }): Promise<void>;

  /**
   * A person's decision on refused rows: all of a tenant, or those with these numbers. They wait again (`retry`) or are
   * deleted (`discard`). Each is recorded as an act on entity `inbox`, id its number, in the order of the numbers, because
   * of a deleted row nothing else is left; where no row was decided, no act. Answers how many rows there were.
   */
  decide(input: {
    readonly tenant: string;
    readonly act: "retry" | "discard";
    readonly numbers?: readonly number[];
    readonly by: string;
    readonly why: string;
    readonly now?: Date;
  }): Promise<number>;
}
