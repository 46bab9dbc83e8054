import type { Store, StoreSupports } from "../store/store.js";

/** A store as a case gets it: empty and migrated, its own for this case. */
export interface OpenedStore {
  readonly store: Store;
  /**
   * A second, independent store over the same data, as another engine would open it; for a store without
   * `persistence` absent.
   */
  reopen?(): Promise<Store>;
  /**
   * Begins a transaction of a host on the store's database. Cases have one open at a time, and take no step of `store`
   * meanwhile: it may share the host's connection. Required of a store with `hostTransactions`, together with
   * `reopen`; absent for others.
   */
  hostTransaction?(): Promise<HostTransaction>;
  /** The host's own tables in the store's database. Required of a store with `effect`; absent for others. */
  readonly host?: HostDatabase;
  /** Closes every store that was opened and removes the data. */
  dispose(): Promise<void>;
}

/** A transaction of a host. */
export interface HostTransaction {
  /** What the host hands to `inbox.enqueue`; after `commit` or `rollback` it has no transaction open any more. */
  readonly tx: never;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/**
 * What a host does in its own database beside the store, each call in a transaction of its own. Tables of the cases have
 * names that begin with `host_`, are found without a schema, also by the statements that the store is given to run, and
 * are gone with the store.
 */
export interface HostDatabase {
  /** Runs one statement. */
  run(sql: string): Promise<void>;
  /** The rows of one query, as the driver has them: the cases ask for text, or compare in the query. */
  all(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** What a store's author supplies. */
export interface StoreHarness {
  open(): Promise<OpenedStore>;
}

/** One sentence about behaviour and the code that checks it; independent of any test runner. */
export interface ConformanceCase {
  /** The repository or part of the engine it is about. */
  readonly about: string;
  readonly name: string;
  /** Skipped, with this as the reason, where the store does not support it. */
  readonly requires?: keyof StoreSupports;
  run(opened: OpenedStore): Promise<void>;
}

/** Runs one case on a fresh store; answers whether it ran or was skipped, throws what it found. */
export async function runConformanceCase(
  harness: StoreHarness,
  conformanceCase: ConformanceCase,
): Promise<"passed" | "skipped"> {
  const opened = await harness.open();
  try {
    const { requires } = conformanceCase;
    if (requires !== undefined && !opened.store.supports[requires]) return "skipped";
    await conformanceCase.run(opened);
    return "passed";
  } finally {
    await opened.dispose();
  }
}
