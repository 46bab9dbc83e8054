import type { Store } from "../store.js";
import type { WakeUpListener } from "../wake-ups.js";

/** Who listens in this process, which is all there is; a turn's wake-ups are one. */
export class MemoryWakeUps {
  readonly #listeners: Set<WakeUpListener> = new Set();
  #coming = false;

  readonly listen: Store["listen"] = (given) => {
    // the same listener may be given twice, and each is closed for itself
    const listener = { ...given, onWake: () => given.onWake() };
    this.#listeners.add(listener);
    setImmediate(() => {
      if (this.#listeners.has(listener)) listener.onWake();
    });
    return { close: async () => void this.#listeners.delete(listener) };
  };

  /** After the step that makes work: whoever is woken must find it. */
  wake(): void {
    if (this.#coming || this.#listeners.size === 0) return;
    this.#coming = true;
    setImmediate(() => {
      this.#coming = false;
      for (const { onWake } of this.#listeners) onWake();
    });
  }

  close(): void {
    this.#listeners.clear();
  }
}
