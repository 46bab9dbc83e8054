import type { ReportedCrossing } from "./crossings-report.js";
import { moneyText, percentText } from "./money.js";

/** One object a line for each crossing. Amounts are texts, because a JSON number is read as a double. */
export function jsonLines(crossings: readonly ReportedCrossing[]): string {
  return crossings
    .map(({ shop, month, percent, spent, budget }) => {
      const amounts = { spent: moneyText(spent), budget: moneyText(budget), reached: percentText(spent, budget) };
      return `${JSON.stringify({ shop, month, percent, ...amounts })}\n`;
    })
    .join("");
}
