import type { ErasedRows } from "@milepost/core/store";
import type { Database, Run } from "./driver.js";
import { bySubject } from "./subject-counters.js";

/**
 * Erases the limits and the levels that a subject has of its own. The heads first, in statements of their own: who adds a
 * version at this moment holds one, and what it stored is seen afterwards.
 */
export function measuresErasure(
  database: Database,
): (run: Run, owner: readonly string[]) => Promise<Pick<ErasedRows, "limits" | "levels">> {
  const lockLimits = database.statement(
    "subjects_lock_limits",
    `SELECT h.latest FROM {limit_heads} h WHERE ${bySubject("h")} ORDER BY h.metric COLLATE "C" FOR UPDATE`,
  );
  const limits = database.statement(
    "subjects_limits",
    `WITH head AS (DELETE FROM {limit_heads} h WHERE ${bySubject("h")}), gone AS (
       DELETE FROM {limits} l WHERE ${bySubject("l")} RETURNING 1
     )
     SELECT count(*) AS limits FROM gone`,
  );
  // Whoever has a head has a version: the index of these finds both.
  const ownHeads = `h.tenant = $1 AND h.subject = $2
     AND h.milestone = ANY (ARRAY(SELECT l.milestone FROM {levels} l WHERE l.tenant = $1 AND l.subject = $2))`;
  const lockLevels = database.statement(
    "subjects_lock_levels",
    `SELECT h.latest FROM {levels_heads} h WHERE ${ownHeads} ORDER BY h.milestone COLLATE "C" FOR UPDATE`,
  );
  const levels = database.statement(
    "subjects_levels",
    `WITH head AS (DELETE FROM {levels_heads} h WHERE ${ownHeads}), gone AS (
       DELETE FROM {levels} l WHERE l.tenant = $1 AND l.subject = $2 RETURNING 1
     )
     SELECT count(*) AS levels FROM gone`,
  );
  return async (run, owner) => {
    await run(lockLimits, owner);
    const [ofLimits] = await run<Pick<ErasedRows, "limits">>(limits, owner);
    await run(lockLevels, owner);
    const [ofLevels] = await run<Pick<ErasedRows, "levels">>(levels, owner);
    return { ...ofLimits!, ...ofLevels! };
  };
}
