import assert from "node:assert/strict";
import type { ZonedHours } from "../campaign/hours.js";
import { nextOpenings } from "../delivery/reaper.js";
import { commandKind, type DeliveryCommandKind, type Pick } from "./delivery-command.js";
import type { ModelRow } from "./delivery-model.js";
import { isClosed, nextOpening, reopenRow, type Shuts } from "./delivery-model-hours.js";
import type { DeliveryWorld } from "./delivery-world.js";
import { minute } from "./samples.js";

// Rows with hours: when those close, and a sweeper that sees it and comes back later to open them anew.

/** Half of the rows have hours; they close at a full minute that is soon. */
export function shutsOf({ now }: Readonly<DeliveryWorld>, pick: Pick): Shuts | null {
  const first = Math.ceil(now / minute) * minute;
  return pick.of([null, null, { at: first, length: minute }, { at: first + minute, length: 3 * minute }]);
}

export function hoursOf(shuts: Shuts | null): { readonly hours: ZonedHours | null; readonly openUntil: Date | null } {
  if (shuts === null) return { hours: null, openUntil: null };
  const shown = (time: number) => new Date(time).toISOString().slice(11, 16);
  return {
    hours: { from: shown(shuts.at + shuts.length), to: shown(shuts.at), zone: "UTC" },
    openUntil: new Date(shuts.at),
  };
}

export function closedRows(world: DeliveryWorld): readonly ModelRow[] {
  return [...world.rows.values()].filter((row) => isClosed(row, world.now));
}

const lookClosed = commandKind(
  "look for closed hours",
  2,
  (world) => world.closed === null,
  async ({ world, store, pick }) => {
    const limit = 1 + pick.below(4);
    const { now, rows } = await store.notifications.closed({ limit, now: world.date() });
    assert.equal(now.getTime(), world.now);
    const first = closedRows(world).toSorted((a, b) => a.openUntil! - b.openUntil! || (a.id < b.id ? -1 : 1));
    const ids = rows.map(({ id }) => id);
    assert.deepEqual(
      ids,
      first.slice(0, limit).map(({ id }) => id),
      "those that closed first, first",
    );
    if (rows.length > 0) world.closed = { now, rows };
    return ids.join(", ") || "nothing";
  },
);

const reopen = commandKind(
  "open hours anew",
  2,
  (world) => world.closed !== null,
  async ({ world, store }) => {
    const { now, rows } = world.closed!;
    world.closed = null;
    const opened = await store.notifications.reopen({ openings: nextOpenings(rows, now) });
    const expected = rows.map(({ id, notBefore, openUntil }) => {
      const row = world.row(id);
      const next = nextOpening(row.shuts!, notBefore.getTime(), now.getTime());
      return reopenRow(row, openUntil!.getTime(), next);
    });
    assert.deepEqual(opened, expected, "whose hours are opened");
    return rows.map(({ id }, i) => `${id}: ${expected[i]}`).join(", ");
  },
);

export const hoursKinds: readonly DeliveryCommandKind[] = [lookClosed, reopen];
