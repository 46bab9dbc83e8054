// Opens a place, waits for the word, and migrates it.
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";

export interface MigratorInput {
  readonly place: Place;
}

export interface MigratorReport {
  readonly applied: readonly string[];
}

await runProgram<MigratorInput>(async ({ place }, link) => {
  const opened = openPlace(place, { connections: 1 });
  const go = new Promise<void>((resolve) => link.onMessage(() => resolve()));
  link.send({ ready: true });
  await go;
  const { applied } = await opened.store.migrate();
  link.send({ applied } satisfies MigratorReport);
  await opened.close();
});
