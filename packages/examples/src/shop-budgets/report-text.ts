import { dateIn, monthName } from "./calendar.js";
import type { MonthReport, Reported } from "./crossings-report.js";
import { moneyText, percentText } from "./money.js";

const header = ["shop", "budget", "spent", "%", "50% reached", "100% reached", "at the end"];

/** A table for each month: what of each budget was spent, and when that was half and all of it. */
export function monthsText(reports: readonly MonthReport[]): string {
  return reports.map((report) => `${monthName(report.month)}\n${table(rowsOf(report))}\n`).join("");
}

function rowsOf({ lines }: MonthReport): readonly (readonly string[])[] {
  const rows = lines.map(({ shop, budget, spent, half, all, online }, i) => {
    const name = lines[i - 1]?.shop === shop ? "  raised" : `${shop.id} ${shop.name}`;
    const state = online === undefined ? "" : online ? "online" : "offline";
    return [name, moneyText(budget), moneyText(spent), percentText(spent, budget), half ?? "", all ?? "", state];
  });
  return [header, ...rows];
}

/** Who went online or offline, when and why. */
export function changesText({ changes, shops, zone }: Reported): string {
  const rows = changes.map(({ shop, at, online, why }) => {
    const name = shops.find(({ id }) => id === shop)?.name ?? "";
    return [dateIn(zone, at), `${shop} ${name}`, online ? "online" : "offline", why];
  });
  return `Online and offline\n${rows.length === 0 ? "  no shop changed\n" : table(rows, [])}`;
}

/** Columns of amounts stand at the right. */
function table(rows: readonly (readonly string[])[], right: readonly number[] = [1, 2, 3]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
      return `  ${cells.join("  ")}`.trimEnd();
    })
    .map((line) => `${line}\n`)
    .join("");
}
