import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Flight, FlightFile } from "./flight.js";

/** An array of `{"date":"2001/01/01 00:47","origin":"DTW", …}`; parsed as a whole, so for small files. */
export async function readFlightsJson(path: string): Promise<FlightFile> {
  const rows = JSON.parse(await readFile(path, "utf8")) as readonly {
    readonly date: string;
    readonly origin: string;
  }[];
  return { name: basename(path), total: rows.length, flights: flightsOf(rows) };
}

function* flightsOf(rows: Iterable<{ readonly date: string; readonly origin: string }>): Generator<Flight> {
  let row = 0;
  for (const { date, origin } of rows) {
    const departedAt = new Date(`${date.replaceAll("/", "-").replace(" ", "T")}Z`);
    yield { row: ++row, origin, departedAt };
  }
}
