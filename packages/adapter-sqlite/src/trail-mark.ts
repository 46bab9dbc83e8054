import type { TrailMark } from "@milepost/core/store";
import { byCounterKey, counterKeyOf, counterKeyValues } from "./counter-key.js";
import type { SqlRow, Step } from "./driver.js";

/** What a trail row without events stands for. */
export interface TrailNote {
  readonly limitVersion?: number;
  readonly mark?: TrailMark;
}

/** The columns of a counter that {@link noteOnTrail} needs. */
export const notedColumns = "tenant, metric, subject, period, value, rev, generation";

const append = `INSERT INTO {trail} (tenant, metric, subject, period, rev, generation, from_value, ids, amounts,
  occurred_ats, limit_version, mark, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, '[]', '[]', '[]', ?, ?, ?)`;

/** Makes a counter due by a trail row without events, at its next rev. */
export function noteOnTrail(step: Step, counter: SqlRow, note: TrailNote, recordedAt: string): void {
  const key = counterKeyValues(counterKeyOf(counter));
  const { value, rev, generation } = counter as { value: number; rev: number; generation: number };
  const { limitVersion = null, mark } = note;
  step.run(`UPDATE {counters} SET rev = ?, due = 1 WHERE ${byCounterKey}`, rev + 1, ...key);
  const about = [limitVersion, mark === undefined ? null : JSON.stringify(mark)] as const;
  step.run(append, ...key, rev + 1, generation, value, ...about, recordedAt);
}
