import type { Problems } from "../problems.js";
import type { ReportedCrossing, UntoldMember } from "./crossings-report.js";
import type { IngestReport } from "./ingest.js";
import type { RecipientOutcome } from "./recipient-outcome.js";

const shownCrossings = 200;
const shownUntold = 20;

const number = (value: number) => Math.round(value).toLocaleString("en-US");

/** What one run read and counted. */
export function ingestText(report: IngestReport, problems: Problems, source: string, database: string): string {
  const { read, counted, duplicates, bounced, failed, seconds } = report;
  const figures = { counted, duplicates, bounced, failed, problems: problems.count };
  const width = Math.max(...Object.values(figures).map((value) => number(value).length));
  const meanings: Record<keyof typeof figures, string> = {
    counted: "delivered, and new",
    duplicates: "their id was known before: not counted again",
    bounced: "not counted",
    failed: "not counted",
    problems: "see below",
  };
  return [
    `Deliveries  ${source} -> ${database}`,
    `  ${number(read)} read in ${seconds.toFixed(2)} s (${number(read / Math.max(seconds, 0.001))} a second)`,
    ...Object.entries(figures)
      .filter(([name, value]) => value > 0 || name === "counted")
      .map(
        ([name, value]) =>
          `  ${name.padEnd(10)}  ${number(value).padStart(width)}  ${meanings[name as keyof typeof figures]}`,
      ),
    ...(problems.count === 0 ? [] : ["", "Problems", ...problems.printed().map((line) => `  ${line}`)]),
    "",
  ].join("\n");
}

/** What was ever crossed, and who was told. */
export function crossingsText(crossings: readonly ReportedCrossing[], untold: readonly UntoldMember[]): string {
  const shown = crossings.slice(0, shownCrossings);
  const rows = shown.map((crossing, i) => ({
    client: shown[i - 1]?.client === crossing.client ? "" : crossing.clientName,
    milestone: number(crossing.milestone),
    reached: crossing.reachedAt.toISOString().slice(0, 19).replace("T", " "),
    event: crossing.eventId,
    told: toldLines(crossing),
  }));
  const header = { client: "client", milestone: "milestone", reached: "reached at (UTC)", event: "by event" };
  const widthOf = (name: keyof typeof header, most: number) =>
    Math.min(most, Math.max(header[name].length, ...rows.map((row) => row[name].length)));
  const widths = { client: widthOf("client", 20), event: widthOf("event", 14) };
  const line = (row: typeof header, told: string) =>
    [
      `  ${fit(row.client, widths.client)}`,
      row.milestone.padStart(9),
      row.reached.padEnd(19),
      fit(row.event, widths.event),
      told,
    ].join("  ");
  const blank = { client: "", milestone: "", reached: "", event: "" };
  return [
    "Milestones",
    ...(rows.length === 0 ? ["  none was crossed yet"] : [line(header, "told")]),
    ...rows.flatMap((row) => row.told.map((told, i) => line(i === 0 ? row : blank, told))),
    ...more(crossings.length - shown.length, "--json lists all"),
    ...(untold.length === 0 ? [] : ["", "Never told"]),
    ...untold.slice(0, shownUntold).map(({ client, member, why }) => {
      const name = [member.firstName, member.lastName].filter(Boolean).join(" ");
      return `  ${fit(client, widths.client)}  ${name} <${member.address}>: ${why}`;
    }),
    ...more(untold.length - shownUntold, "the view members has all"),
    "",
    "",
  ].join("\n");
}

function toldLines({ announced, told, others, reason }: ReportedCrossing): readonly string[] {
  if (told.length + others.length > 0) return [...told, ...others.map(otherLine)];
  if (!announced) return [reason === "pending" ? "not announced yet" : `not announced yet: ${reason}`];
  return [reason === "unaddressed" ? "nobody: unaddressed, no owner or manager" : `nobody: ${reason}`];
}

function otherLine({ address, told, reason, detail }: RecipientOutcome): string {
  const lead = told === "waiting" ? "not sent yet" : told === "perhaps" ? "perhaps told" : "not told";
  const why = told === "waiting" ? "" : `, ${reason}`;
  return `${lead}: ${address}${why}${detail === null ? "" : ` (${detail})`}`;
}

function more(count: number, where: string): string[] {
  return count > 0 ? [`  and ${number(count)} more: ${where}`] : [];
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}
