import type { Milepost } from "@milepost/core";
import { departures } from "./departures.js";
import type { Flight, FlightFile } from "./flight.js";

/** What one run made of a file. */
export interface CountReport {
  /** Flights that were read: those counted now and those that were known before. */
  readonly events: number;
  readonly counted: number;
  readonly known: number;
  /** From the first row read to the last one committed. */
  readonly seconds: number;
}

export interface CountInput {
  readonly file: FlightFile;
  /** Rows to read at most. */
  readonly limit: number;
  /** Stops reading; what was read is still counted. */
  readonly signal: AbortSignal;
  /** Called after each commit with the number of flights that are done. */
  readonly onProgress: (done: number) => void;
}

/** Counts each flight for the airport it left from, in the file's order. */
export async function countDepartures(milepost: Milepost, input: CountInput): Promise<CountReport> {
  const { file, limit, signal, onProgress } = input;
  const startedAt = performance.now();
  let done = 0;
  const flights = limit < file.total ? upToRow(limit, file.flights) : file.flights;
  const { pulled, counted, duplicates } = await milepost.consume<Flight>(flights, {
    signal,
    toEvent: ({ row, origin, departedAt }) => ({
      // row numbers are unique in one file only; what is counted of two files in one database is kept apart
      tenant: file.name,
      id: String(row),
      metric: departures,
      subject: origin,
      occurredAt: departedAt,
    }),
    acknowledge(batch) {
      done += batch.length;
      onProgress(done);
    },
  });
  return { events: pulled, counted, known: duplicates, seconds: (performance.now() - startedAt) / 1_000 };
}

async function* upToRow(last: number, flights: FlightFile["flights"]): AsyncGenerator<Flight> {
  for await (const flight of flights) {
    yield flight;
    if (flight.row >= last) return;
  }
}
