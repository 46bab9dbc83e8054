import type { Milepost } from "@milepost/core";
import { runCommand } from "../command.js";
import { progressBar } from "../progress-bar.js";
import { stopSignal } from "../stop-signal.js";
import { airportMilestones, crossingsInFileOrder } from "./airport-milestones.js";
import { type CountReport, countDepartures } from "./count-departures.js";
import { openDatabase } from "./database.js";
import { createDepartureMilestones } from "./departures.js";
import type { FlightFile } from "./flight.js";
import { allFlights, sampleFlights } from "./flight-files.js";
import { help, type Options, readOptions } from "./options.js";
import { jsonLines } from "./report-json.js";
import { milestonesText, runText } from "./report-text.js";
import { runFigures } from "./run-figures.js";

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const stop = stopSignal();
  const file = await (options.full ? allFlights() : sampleFlights());
  const database = await openDatabase({ url: process.env.DATABASE_URL, file: options.db });
  try {
    const milepost = createDepartureMilestones(database.store);
    try {
      await milepost.migrate();
      const report = await count(milepost, file, options, stop);
      if (stop.aborted) {
        process.exitCode = 130;
        console.error(`Stopped after ${report.events} flights.`);
        return;
      }
      const crossings = await crossingsInFileOrder(milepost, file.name);
      const figures = runFigures(report);
      if (options.json) {
        process.stdout.write(jsonLines(crossings, figures));
        return;
      }
      const airports = await airportMilestones(milepost, file.name, crossings);
      const names = { file: file.name, database: database.name };
      process.stdout.write(`${milestonesText(airports)}\n${runText(report, figures, names)}`);
    } finally {
      await milepost.close();
    }
  } finally {
    await database.close();
  }
}

async function count(
  milepost: Milepost,
  file: FlightFile,
  { limit }: Options,
  signal: AbortSignal,
): Promise<CountReport> {
  const progress = progressBar(Math.min(limit, file.total), "flights");
  try {
    return await countDepartures(milepost, { file, limit, signal, onProgress: (done) => progress.at(done) });
  } finally {
    progress.stop();
  }
}

runCommand(main);
