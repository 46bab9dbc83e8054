import type { InvariantCheck } from "@milepost/core";
import { openPlace, type Place } from "../place/place.js";
import { openRawTables, type RawTables } from "../place/raw-tables.js";
import type { Verdict } from "../scenario/verdict.js";
import { readJournal } from "./journal.js";
import { wrongMoves } from "./moves.js";

// The invariants of delivery as queries that return no row, and the harness's journal against the move table. SQL that
// both databases read the same way; no code of the engine stands behind it.

const terminal = "('sent', 'failed', 'unknown', 'expired', 'cancelled', 'suppressed')";

/** By the invariant's number; what it says stands in docs/chaos.md. */
function queries({ table }: RawTables): Readonly<Record<string, string>> {
  const [notifications, attempts, acts] = [table("notifications"), table("attempts"), table("acts")];
  const attemptOf = "a.tenant = n.tenant AND a.notification = n.id";
  const actOf = `EXISTS (SELECT 1 FROM ${acts} c WHERE c.tenant = n.tenant AND c.entity = 'notification'
    AND c.entity_id = n.id AND c.act =`;
  const has = (outcomes: string) =>
    `EXISTS (SELECT 1 FROM ${attempts} a WHERE ${attemptOf} AND a.outcome IN (${outcomes}))`;
  return {
    I4: `SELECT n.id FROM ${notifications} n JOIN ${attempts} a ON ${attemptOf} AND a.outcome IS NULL
      GROUP BY n.tenant, n.id, n.state HAVING count(*) > 1 OR n.state <> 'sending'
      UNION ALL SELECT n.id FROM ${notifications} n WHERE n.state = 'sending'
        AND NOT EXISTS (SELECT 1 FROM ${attempts} a WHERE ${attemptOf} AND a.outcome IS NULL)`,
    I5: `SELECT id FROM (
        SELECT n.id, n.attempts, a.number, a.fence, count(a.number) OVER of_row AS rows,
          row_number() OVER in_order AS place, lag(a.fence) OVER in_order AS before
        FROM ${notifications} n LEFT JOIN ${attempts} a ON ${attemptOf}
        WINDOW of_row AS (PARTITION BY n.tenant, n.id), in_order AS (PARTITION BY n.tenant, n.id ORDER BY a.number)
      ) numbered WHERE attempts <> rows OR number <> place OR fence <= before`,
    I7: `SELECT DISTINCT n.id FROM ${notifications} n JOIN ${attempts} a ON ${attemptOf}
      WHERE n.mode = 'at-most-once' AND NOT ${actOf} 'resend') AND EXISTS (
        SELECT 1 FROM ${attempts} b WHERE b.tenant = n.tenant AND b.notification = n.id AND b.number < a.number
          AND b.outcome IN ('accepted', 'ambiguous'))`,
    I8: `SELECT n.id FROM ${notifications} n WHERE n.state = 'sent' AND NOT ${actOf} 'confirm')
      AND (n.receipt IS NULL OR NOT ${has("'accepted'")})`,
    I9: `SELECT n.id FROM ${notifications} n WHERE n.state = 'failed' AND ${has("'accepted', 'ambiguous'")}`,
    I10: `SELECT n.id FROM ${notifications} n WHERE n.state IN ${terminal} AND n.lease_until IS NOT NULL`,
  };
}

/** What breaks each invariant, a few words for every row. */
export async function brokenInvariants(place: Place): Promise<ReadonlyMap<string, readonly string[]>> {
  const raw = openRawTables(place);
  const broken = new Map<string, string[]>();
  try {
    for (const [name, sql] of Object.entries(queries(raw))) {
      broken.set(
        name,
        (await raw.all<{ id: string }>(sql)).map(({ id }) => `${name} ${id}`),
      );
    }
  } finally {
    await raw.close();
  }
  const { forbidden, afterTheEnd, renamed } = wrongMoves(await readJournal(place));
  broken.set(
    "I6",
    forbidden.map((m) => `I6 ${m.notification}: ${m.was} -> ${m.now}, ${m.fenceBefore} -> ${m.fence}`),
  );
  broken.get("I10")!.push(...afterTheEnd.map((m) => `I10 ${m.notification}: ${m.was} -> ${m.now}`));
  broken.set(
    "I16",
    renamed.map((m) => `I16 ${m.notification}: ${m.now}`),
  );
  return broken;
}

/** The same as figures: all of them 0, over every place of a run. */
export async function checkInvariants(places: readonly Place[], verdict: Verdict): Promise<void> {
  const counts = new Map<string, number>();
  let moves = 0;
  let unsound = 0;
  for (const place of places) {
    for (const [name, rows] of await brokenInvariants(place)) {
      counts.set(name, (counts.get(name) ?? 0) + rows.length);
      if (rows.length > 0) verdict.fail(rows.slice(0, 3).join("; "));
    }
    moves += (await readJournal(place)).length;
    for (const { id, violations } of await verified(place)) {
      unsound++;
      verdict.fail(`verify(): ${id} ${violations.map(({ what, found }) => `${what}: ${found}`).join("; ")}`);
    }
  }
  // a journal that nobody wrote would break nothing
  verdict.atLeast("moves", moves, 1);
  for (const [name, count] of [...counts].sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)))) {
    verdict.exactly(name, count, 0);
  }
  verdict.exactly("verifyFinds", unsound, 0);
}

/** Milliseconds; whether a sweep is late cannot be told where processes go by a clock of their own. */
const anySweep = 365 * 86_400_000;

/** What the store itself finds to be broken: more than is asked above, and by code of the engine's own. */
async function verified(place: Place): Promise<readonly InvariantCheck[]> {
  const opened = openPlace(place, { connections: 1 });
  try {
    return (await opened.store.verify({ limit: 3, sweep: anySweep })).checks.filter(
      ({ violations }) => violations.length > 0,
    );
  } finally {
    await opened.close();
  }
}
