import { type NotificationState, terminalStates } from "@milepost/core";
import type { Move } from "./journal.js";

/**
 * The move table of docs/delivery-states.md, written down once more and not taken from the engine: from, to, and by how
 * much the fence may rise. A claim raises it, and so does every outcome that stays unknown.
 */
const table: readonly (readonly [from: NotificationState | null, to: NotificationState, rises: readonly number[]])[] = [
  [null, "pending", [0]],
  [null, "suppressed", [0]],
  ["pending", "leased", [1]],
  ["leased", "pending", [0]],
  ["leased", "sending", [0]],
  ["leased", "failed", [0]],
  ["leased", "unknown", [0]],
  ["sending", "sent", [0]],
  // refused for now, or ambiguous where the mode repeats
  ["sending", "pending", [0, 1]],
  ["sending", "failed", [0]],
  ["sending", "ambiguous", [1]],
  // it failed, or was cancelled, and was ambiguous before or is now
  ["sending", "unknown", [0, 1]],
  ["sending", "cancelled", [0]],
  ["ambiguous", "sent", [0]],
  ["ambiguous", "pending", [0]],
  ["ambiguous", "unknown", [0]],
  ["pending", "unknown", [0]],
  ...(["cancelled", "expired", "suppressed"] as const).flatMap(
    (end) =>
      [
        ["pending", end, [0]],
        ["leased", end, [0]],
      ] as const,
  ),
];

const rises = new Map(table.map(([from, to, allowed]) => [`${from} ${to}`, allowed]));
const isTerminal = (state: NotificationState | null) => (terminalStates as readonly (string | null)[]).includes(state);

export interface WrongMoves {
  /** I6: not in the table, or not from where the row was. */
  readonly forbidden: readonly Move[];
  /** I10: of a row that had ended. */
  readonly afterTheEnd: readonly Move[];
  /** I16: Message-ID, key or payload hash changed after the first mark. */
  readonly renamed: readonly Move[];
}

/** Judges the journal of a run. Pure. */
export function wrongMoves(moves: readonly Move[]): WrongMoves {
  const last = new Map<string, Move>();
  const forbidden: Move[] = [];
  for (const move of moves) {
    const before = last.get(move.notification);
    const follows = move.was === (before?.now ?? null) && move.fenceBefore === (before?.fence ?? 0);
    const allowed = rises.get(`${move.was} ${move.now}`)?.includes(move.fence - move.fenceBefore) ?? false;
    if (!follows || !allowed) forbidden.push(move);
    last.set(move.notification, move);
  }
  return {
    forbidden,
    afterTheEnd: moves.filter(({ was }) => isTerminal(was)),
    renamed: moves.filter(({ renamed }) => renamed),
  };
}
