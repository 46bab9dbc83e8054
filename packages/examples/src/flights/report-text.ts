import type { AirportMilestones } from "./airport-milestones.js";
import type { CountReport } from "./count-departures.js";
import { levels } from "./departures.js";
import type { RunFigures } from "./run-figures.js";

const number = (value: number) => value.toLocaleString("en-US");
const dateWidth = "2001-01-31".length;

/** Airport by airport, on which day it reached which level. */
export function milestonesText(airports: readonly AirportMilestones[]): string {
  const line = (airport: string, departures: string, days: readonly string[]) =>
    `  ${airport.padEnd(7)}  ${departures.padStart(10)}  ${days.map((day) => day.padStart(dateWidth)).join("  ")}`.trimEnd();
  return [
    "Milestones",
    line("airport", "departures", ["1st", ...levels.slice(1).map((level) => `${number(level)}th`)]),
    ...airports.map(({ airport, departures, reachedAt }) => {
      const days = levels.map((level) => reachedAt.get(level)?.toISOString().slice(0, dateWidth) ?? "");
      return line(airport, number(departures), days);
    }),
    "",
  ].join("\n");
}

/** What one run counted, and what that cost. */
export function runText(report: CountReport, run: RunFigures, names: { file: string; database: string }): string {
  const { events, counted, known } = report;
  return [
    `Flights  ${names.file} -> ${names.database}`,
    `  ${number(events)} read: ${number(counted)} counted${known > 0 ? `, ${number(known)} known before` : ""}`,
    `  ${run.seconds.toFixed(2)} s, ${number(run.eventsPerSecond)} events a second`,
    `  ${Math.round(run.peakMB)} MB of memory at the peak`,
    "",
  ].join("\n");
}
