import type { CampaignReport } from "@milepost/core";
import { textTable } from "../text-table.js";
import type { ImportedClients } from "./clients.js";
import type { Message } from "./mailings.js";
import type { ServiceFigures } from "./message-service.js";

/** How an import went, with the number of each line that was refused. */
export function clientsText({ before, created, rejected }: ImportedClients): string {
  const lines = rejected.map(({ line, field, code, expected, shape }) => {
    const found = shape === "" || shape === "nothing" ? "" : `, and not ${shape}`;
    const wanted = code === "pattern" ? "7XXXXXXXXXX" : expected;
    return `  line ${line}: ${field === "address" ? "phone" : field}: ${code === "missing" ? "is missing" : `${wanted}${found}`}\n`;
  });
  if (before) return "The clients were imported before: nothing is done again.\n";
  const refused = `${rejected.length} ${rejected.length === 1 ? "line" : "lines"} refused`;
  return `${created} new clients, ${refused}${lines.length === 0 ? ".\n" : `:\n${lines.join("")}`}`;
}

/** When each client had a mailing, by their own clocks. */
export function timesText(messages: readonly Message[]): string {
  const sent = [...messages].sort((a, b) => (a.time?.getTime() ?? 0) - (b.time?.getTime() ?? 0));
  const rows = sent.map(({ client, zone, status, time }) => [
    client,
    zone,
    time === null ? "" : localTime(time, zone),
    time === null ? "" : localTime(time, "UTC"),
    status,
  ]);
  return textTable([["client", "zone", "their clocks", "GMT", "status"], ...rows]);
}

/** `Tue 09:00` */
function localTime(at: Date, zone: string): string {
  const format = { weekday: "short", hour: "2-digit", minute: "2-digit", timeZone: zone } as const;
  return new Intl.DateTimeFormat("en-GB", format).format(at).replace(",", "");
}

const statuses = ["sent", "expired", "cancelled", "failed", "unknown", "queued"] as const;

/** How many messages of each mailing are in each status. */
export function statisticsText(mailings: readonly CampaignReport[]): string {
  const rows = mailings.map(({ id, state, counts }) => [
    id,
    state,
    String(counts.recipients),
    ...statuses.map((status) => (counts[status] === 0 ? "" : String(counts[status]))),
  ]);
  return textTable([["mailing", "state", "messages", ...statuses], ...rows], [2, 3, 4, 5, 6, 7, 8]);
}

export function serviceText({ calls, taken, repeats, slow, garbage, down }: ServiceFigures): string {
  return (
    `${calls} calls: ${taken} messages taken, ${repeats} repeats that it knew by their key;\n` +
    `  ${slow} answers too late, ${garbage} of garbage, ${down} times out of service\n`
  );
}
