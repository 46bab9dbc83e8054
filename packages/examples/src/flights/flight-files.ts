import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FlightFile } from "./flight.js";
import { readFlightsJson } from "./flights-json.js";
import { readFlightsParquet } from "./flights-parquet.js";

const require = createRequire(import.meta.url);

/** The package's `exports` names only build/index.js: its data lie beside that folder. */
export function dataFile(name: string): string {
  return join(dirname(require.resolve("vega-datasets")), "..", "data", name);
}

/** 20,000 flights, drawn from three months of 2001. */
export function sampleFlights(): Promise<FlightFile> {
  return readFlightsJson(dataFile("flights-20k.json"));
}

/** 3,000,000 flights: half a year. */
export function allFlights(): Promise<FlightFile> {
  return readFlightsParquet(dataFile("flights-3m.parquet"));
}
