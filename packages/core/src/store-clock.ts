import type { Runtime } from "./runtime.js";

/** The `now` of a store step: the injected clock's in a test, else absent, so that the database's clock decides. */
export function storeNow(runtime: Runtime): { readonly now?: Date } {
  return runtime.now === undefined ? {} : { now: runtime.now() };
}
