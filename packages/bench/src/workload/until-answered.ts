import { setTimeout as sleep } from "node:timers/promises";
import { MilepostError } from "@milepost/core";

/** Codes of errors after which a host calls again, with the same ids. */
const passing: ReadonlySet<string> = new Set(["store_busy", "store_unavailable"]);

/** Makes a call again until it is answered; `onBusy` hears of each time it was not. */
export async function untilAnswered<T>(call: () => Promise<T>, onBusy: () => void = () => {}): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!MilepostError.is(error) || !passing.has(error.code)) throw error;
      onBusy();
      await sleep(20);
    }
  }
}
