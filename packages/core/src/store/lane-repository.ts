import type { Lane } from "../delivery/lane.js";

export interface LaneRepository {
  /**
   * Pauses or resumes a lane, created if missing, and records the act in the same transaction. Waits for marks that
   * are under way: after it has committed a pause, no mark of that lane commits. Also when it changes nothing, the act
   * is recorded.
   */
  setPaused(input: {
    readonly tenant: string;
    readonly notifier: string;
    readonly paused: boolean;
    readonly by: string;
    readonly why: string;
    readonly now?: Date;
  }): Promise<Lane>;

  /**
   * Sets the rate or the quota of a lane, or takes it away with null; what is undefined stays. Creates the lane if it is
   * missing, records the act, and waits for marks that are under way. By core's `withLimits`.
   */
  limit(input: {
    readonly tenant: string;
    readonly notifier: string;
    readonly rate?: Lane["rate"];
    readonly quota?: Lane["quota"];
    readonly by: string;
    readonly why: string;
    readonly now?: Date;
  }): Promise<Lane>;

  /** A tenant's lanes, ordered by notifier. */
  list(input: { readonly tenant: string }): Promise<readonly Lane[]>;
}
