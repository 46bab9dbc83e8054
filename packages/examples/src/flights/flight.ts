/** A row of a flights file. */
export interface Flight {
  /** Its number in the file, counted from 1. */
  readonly row: number;
  /** The airport it left from, such as `ORD`. */
  readonly origin: string;
  /** The file has local times without a zone: they are taken as UTC, so that every run agrees. */
  readonly departedAt: Date;
}

/** A file of flights, to be read once from its first row to its last. */
export interface FlightFile {
  readonly name: string;
  /** How many rows it has. */
  readonly total: number;
  readonly flights: AsyncIterable<Flight> | Iterable<Flight>;
}
