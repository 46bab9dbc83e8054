import { basename } from "node:path";
import { type AsyncBuffer, asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetRead } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Flight, FlightFile } from "./flight.js";

/** The columns `date` (a timestamp without zone) and `origin` of a Parquet file. */
export async function readFlightsParquet(path: string): Promise<FlightFile> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  return { name: basename(path), total: Number(metadata.num_rows), flights: flightsOf(file, metadata) };
}

/**
 * One row group after the other, and only when its turn comes: of the file's 11 groups one at a time is in memory, as two
 * columns of 272,727 values. Smaller pieces would cost more, for each would decode its group's only page again.
 */
async function* flightsOf(file: AsyncBuffer, metadata: FileMetaData): AsyncGenerator<Flight> {
  let row = 0;
  for (const group of metadata.row_groups) {
    const rowStart = row;
    const columns: Record<string, ArrayLike<unknown>> = {};
    await parquetRead({
      file,
      metadata,
      compressors,
      columns: ["date", "origin"],
      rowStart,
      rowEnd: rowStart + Number(group.num_rows),
      onChunk: ({ columnName, columnData }) => {
        columns[columnName] = columnData;
      },
    });
    const dates = columns.date as ArrayLike<Date>;
    const origins = columns.origin as ArrayLike<string>;
    for (let i = 0; i < Number(group.num_rows); i++) yield { row: ++row, origin: origins[i]!, departedAt: dates[i]! };
  }
}
