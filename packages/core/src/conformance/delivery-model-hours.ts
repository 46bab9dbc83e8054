import { type Between, type ModelRow, past } from "./delivery-model.js";

// Hours of a row, by the model. They are as short of time as hours can be, so that a walk of minutes sees them open again.

/** Hours that are closed for `length` milliseconds from `at` on, and each day from the same time on. */
export interface Shuts {
  readonly at: number;
  readonly length: number;
}

const day = 86_400_000;

/** Whether a sweep has to say when its hours open next. */
export function isClosed({ state, openUntil, expiresAt }: ModelRow, now: number): boolean {
  return state === "pending" && past(openUntil, now) && !past(expiresAt, now);
}

export interface ModelOpening {
  readonly opens: number | Between;
  readonly closes: number;
}

/** When the hours of a row open next that somebody saw closed at `seenAt`, and not before its own time. */
export function nextOpening({ at, length }: Shuts, notBefore: number | Between, seenAt: number): ModelOpening {
  const begun = (time: number) => time - ((time - at) % day);
  const opensFrom = (time: number) => Math.max(seenAt, time, begun(Math.max(seenAt, time)) + length);
  const closes = begun(seenAt) + day;
  if (typeof notBefore === "number") return { opens: opensFrom(notBefore), closes };
  const { earliest, latest } = notBefore;
  return { opens: { earliest: opensFrom(earliest), latest: opensFrom(latest) }, closes };
}

/** False where it is not as it was seen. */
export function reopenRow(row: ModelRow, closed: number | null, { opens, closes }: ModelOpening): boolean {
  if (row.state !== "pending" || row.openUntil !== closed) return false;
  row.notBefore = opens;
  row.openUntil = closes;
  return true;
}
