/** Zones whose clocks have done something unusual: half an hour, a whole day, midnight, Ramadan, two hours. */
export const unusualZones: readonly string[] = [
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Africa/Casablanca",
  "Asia/Kathmandu",
  "America/St_Johns",
  "America/Sao_Paulo",
  "Asia/Beirut",
  "Africa/Cairo",
  "Asia/Gaza",
  "Asia/Tehran",
  "Antarctica/Troll",
];

/** The same and a spread of the rest, 40 in all. */
export const sampleZones: readonly string[] = [
  ...unusualZones,
  "America/Scoresbysund",
  "America/Havana",
  "Atlantic/Azores",
  "Pacific/Kiritimati",
  "Pacific/Chatham",
  "Pacific/Marquesas",
  "Pacific/Pago_Pago",
  "Pacific/Norfolk",
  "Asia/Pyongyang",
  "America/Caracas",
  "Europe/Istanbul",
  "Europe/Moscow",
  "Asia/Kolkata",
  "Europe/Dublin",
  "Europe/Berlin",
  "Europe/London",
  "America/New_York",
  "America/Los_Angeles",
  "America/Phoenix",
  "America/Asuncion",
  "America/Santiago",
  "America/Godthab",
  "Asia/Tokyo",
  "Asia/Shanghai",
  "Australia/Sydney",
  "Australia/Eucla",
  "Africa/Johannesburg",
  "Asia/Jerusalem",
  "UTC",
];

/** What the clocks of a zone show, by the operating system's data and none of Temporal: `2026-11-21T09:00:00`. */
export function clockOf(zone: string): (instant: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return (instant) => format.format(instant).replace(" ", "T");
}
