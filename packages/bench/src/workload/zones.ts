import { seededRandom, shuffled } from "./random.js";

/** Half an hour of summer time; a date left out; summer time that pauses in Ramadan; an offset of 45 minutes. */
const always = ["Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu"] as const;

/** As many of the machine's zones, those four among them and the others by the seed. */
export function someZones(count: number, seed: number): readonly string[] {
  const names = Intl.supportedValuesOf("timeZone").filter((name) => !(always as readonly string[]).includes(name));
  return [...always, ...shuffled(names, seededRandom(seed))].slice(0, count);
}

/** What the clocks of a zone show at an instant, by `Intl` alone: `2026-11-21 09:00:00`. */
export function clockOf(zone: string): (instant: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return (instant) => format.format(instant);
}
