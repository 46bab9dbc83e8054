import type { DecideAct } from "../store/notification-repository.js";
import { endRow, type ModelRow, queuedRow, waitUntil } from "./delivery-model.js";

// Moves 9 to 13 of the table by a person, by the model.

export interface ModelAct {
  readonly act: DecideAct;
  readonly why: string;
  readonly newId: string;
  readonly acceptDuplicate: boolean;
  readonly margin: number;
}

/** What a person's act leads to: a further row where it is a redrive; "refused" where the state forbids it. */
export function actOn(row: ModelRow, input: ModelAct, now: number): ModelRow | "refused" | "done" {
  const done = carryOut(row, input, now);
  if (done !== "refused") row.acts.push(input.act);
  return done;
}

function carryOut(row: ModelRow, input: ModelAct, now: number): ModelRow | "refused" | "done" {
  switch (input.act) {
    case "cancel":
      if (row.state === "pending" || row.state === "leased") endRow(row, "cancelled", "cancelled", now);
      else if (row.state === "sending" || row.state === "ambiguous") row.cancelRequested = true;
      else return "refused";
      return "done";
    case "resend":
      if (row.state !== "ambiguous" || row.cancelRequested) return "refused";
      if (now < row.leaseUntil! + input.margin) return "refused";
      waitUntil(row, now);
      row.keyUntil = null;
      row.maxAttempts = Math.max(row.maxAttempts, row.attempts.length - row.excused + 1);
      return "done";
    case "confirm":
      if (row.state !== "ambiguous") return "refused";
      endRow(row, "sent", null, now);
      row.receipt = input.why;
      return "done";
    case "give_up":
      if (row.state !== "ambiguous") return "refused";
      endRow(row, "unknown", "given_up", now);
      return "done";
    case "redrive":
      if (row.redriven || !["failed", "unknown", "expired"].includes(row.state)) return "refused";
      if (row.state === "unknown" && !input.acceptDuplicate) return "refused";
      row.redriven = true;
      return {
        ...queuedRow({ ...row, id: input.newId, expiresAt: null, notBefore: now }),
        redriveOf: row.id,
      };
  }
}
