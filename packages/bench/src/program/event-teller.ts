// A process that hands delivery events over, as a webhook handler does: those of its file, in chunks, some at once.
import { readFileSync } from "node:fs";
import { createMilepost, type DeliveryEventInput, MilepostError } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { runProgram } from "../process/link.js";

export interface EventTellerInput {
  readonly place: Place;
  /** JSON: chunks of events, their times as ISO text. */
  readonly file: string;
  readonly together: number;
}

export interface EventTellerReport {
  readonly recorded: number;
  readonly duplicates: number;
  /** How often a call was refused because the store was busy, and came again. */
  readonly repeated: number;
}

await runProgram<EventTellerInput>(async ({ place, file, together }, link) => {
  const chunks = JSON.parse(readFileSync(file, "utf8"), (name, value) =>
    name === "occurredAt" ? new Date(value) : value,
  ) as DeliveryEventInput[][];
  const opened = openPlace(place, { connections: together });
  const milepost = createMilepost({ store: opened.store });
  const report = { recorded: 0, duplicates: 0, repeated: 0 };
  let next = 0;
  async function work(): Promise<void> {
    for (let chunk = chunks[next++]; chunk !== undefined; chunk = chunks[next++]) {
      for (let told = false; !told; ) {
        try {
          const { recorded, duplicates } = await milepost.deliveryEvents.record(chunk);
          report.recorded += recorded;
          report.duplicates += duplicates;
          told = true;
        } catch (error) {
          if (!MilepostError.is(error) || !["store_busy", "store_unavailable"].includes(error.code)) throw error;
          report.repeated++;
        }
      }
    }
  }
  await Promise.all(Array.from({ length: together }, work));
  await milepost.close();
  await opened.close();
  link.send(report satisfies EventTellerReport);
});
