import { MilepostError } from "../errors.js";

/** Who is to hear that there may be work. Its functions are called at any time, and must not throw. */
export interface WakeUpListener {
  /**
   * There may be work: a step that makes some has committed, in any process. Several may come as one, and some may not
   * come at all, so whoever listens goes on looking by itself. Called once more when listening begins, and when it begins
   * anew after an outage: what came before was not heard.
   */
  onWake(): void;
  /** Nothing can be heard; the store tries again by itself. Told once for each outage. */
  onOutage(error: MilepostError): void;
}

/** Somebody listens, until it is closed. */
export interface Listening {
  /** Ends it, and lets go of what it held. A repeat does nothing. */
  close(): Promise<void>;
}

/** The `listen` of a store without `supports.wakeUps`. */
export function noWakeUps(): Listening {
  throw new MilepostError("unsupported", "This store wakes nobody: look for work at intervals.", { path: "listen" });
}
