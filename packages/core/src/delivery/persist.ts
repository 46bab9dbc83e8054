import { setTimeout as sleep } from "node:timers/promises";

/**
 * Does `step` again until it succeeds, as long as `transient` finds its error worth that and `worthwhile` holds. Waits
 * a tenth of a second first, then twice as long each time, up to 3 s.
 */
export async function persist<T>(
  step: () => Promise<T>,
  transient: (error: unknown) => boolean,
  worthwhile: () => boolean = () => true,
): Promise<T> {
  for (let delay = 100; ; delay = Math.min(delay * 2, 3_000)) {
    try {
      return await step();
    } catch (error) {
      if (!transient(error) || !worthwhile()) throw error;
      await sleep(delay);
    }
  }
}
