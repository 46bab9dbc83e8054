import type { Milepost } from "@milepost/core";

/** What goes wrong behind the scenes is seen too, on standard error. */
export function watch(milepost: Milepost): void {
  const describe = (error: unknown) => (error instanceof Error ? error.message : String(error));
  milepost.on("error", ({ where, error }) => console.error(`${where}: ${describe(error)}`));
  milepost.on("announce_failed", ({ subject, error }) => console.error(`${subject}: ${describe(error)}`));
}
