import type { RejectedRow, Skip } from "@milepost/core";
import { textTable } from "../text-table.js";
import { segments } from "./segments.js";
import type { Told } from "./sent.js";
import type { Imported } from "./subscriptions.js";
import { type Week, weeksAfter } from "./weeks.js";

const number = (value: number) => value.toLocaleString("en-US");

/** How an import went, with the number of each line that was refused. */
export function importText({ read, customers, rejected, before }: Imported): string {
  if (before) return `The file was imported before: ${number(read)} lines, nothing is done again.\n`;
  const lines = rejected.map(({ line, ...row }) => `  line ${line}: ${rejectionText(row)}\n`);
  return (
    `${number(read)} lines read, ${number(customers)} new customers, ${number(rejected.length)} ${rejected.length === 1 ? "line" : "lines"} refused` +
    `${rejected.length === 0 ? ".\n" : ", and nothing after them is lost:\n"}${lines.join("")}`
  );
}

function rejectionText({ field, code, expected, shape }: Omit<RejectedRow, "line">): string {
  if (code === "unreadable") return expected;
  const found = shape === "" || shape === "nothing" ? "" : `, and not ${shape}`;
  return `${field}: ${code === "missing" ? "is missing" : `${expected}${found}`}`;
}

/** Who was told what, by week, and how many of each segment. */
export function toldText(told: readonly Told[]): string {
  if (told.length === 0) return "Nobody was told.\n";
  const rows = told.map(({ week, customer, email, segment, state }) => [week, customer, email, segment, state]);
  return textTable([["week", "customer", "email", "segment", "state"], ...rows]);
}

/** By week, and the Saturdays that were skipped among them. */
export function weeksText(told: readonly Told[], skips: readonly Skip[]): string {
  const weeks = new Map<Week, readonly string[]>();
  for (const week of new Set(told.map((one) => one.week))) {
    const own = told.filter((one) => one.week === week);
    const counts = segments.map((segment) => own.filter((one) => one.segment === segment).length);
    weeks.set(week, [...counts.map(String), "sent"]);
  }
  for (const { at, reason } of skips) weeks.set(weeksAfter(at, 1)[0]!, ["", "", "", `skipped: ${reason}`]);
  const rows = [...weeks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([week, cells]) => [week, ...cells]);
  return textTable([["week", ...segments, ""], ...rows], [1, 2, 3]);
}
