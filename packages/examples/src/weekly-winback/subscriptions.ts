import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type ContactInput, type Milepost, MilepostError, type RejectedRow } from "@milepost/core";
import { CommandError } from "../command.js";
import { fileProblem } from "../file-problem.js";
import { isWeek } from "./weeks.js";

/** A line of the file: what a customer's subscription is in one week. */
interface SubscriptionRow {
  readonly customer: string;
  readonly email: string;
  readonly name: string;
  readonly week: string;
  readonly status: string;
}

export interface Imported {
  /** Lines that were taken or refused, without the header. */
  readonly read: number;
  readonly customers: number;
  readonly rejected: readonly RejectedRow[];
  /** The file was imported before: nothing was done. */
  readonly before: boolean;
}

/**
 * Imports a file of subscriptions: each customer is a contact, with a field for each week. The engine stores chunks of
 * 1,000 lines, each whole or not at all, by COPY on Postgres. A line that cannot be taken costs no other one. A file is known
 * by its content: an import that was cut off goes on where it stopped, and one that ended is not done again.
 */
export async function importSubscriptions(milepost: Milepost, file: string): Promise<Imported> {
  const id = `subscriptions-${(await digestOf(file)).slice(0, 32)}`;
  const before = (await milepost.contacts.imported({ id }))?.endedAt != null;
  const { read, created, rejected } = await milepost.contacts.import<SubscriptionRow>({
    id,
    csv: createReadStream(file),
    toContact,
    source: "subscriptions",
    by: "weekly-winback",
    why: "import of subscriptions",
  });
  return { read, customers: created, rejected: rejected === 0 ? [] : await rejections(milepost, id), before };
}

function toContact({ customer, email, name, week, status }: SubscriptionRow): ContactInput {
  if (name.trim() === "") throw refused("name", "a name: the mail begins with it");
  if (!isWeek(week)) throw refused("week", "a week of ISO 8601 that its year has, as in 2026-W53");
  if (status !== "active" && status !== "paused") throw refused("status", "active or paused");
  return { id: customer, address: email, name, fields: { [week]: status } };
}

function refused(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_contact", `${path}: ${expected}`, { path, expected });
}

async function rejections(milepost: Milepost, id: string): Promise<readonly RejectedRow[]> {
  const all: RejectedRow[] = [];
  for (const limit = 1_000; ; ) {
    const page = await milepost.contacts.rejected({ import: id, after: all.at(-1)?.line ?? 0, limit });
    all.push(...page);
    if (page.length < limit) return all;
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  } catch (error) {
    throw new CommandError(`--import ${file}: ${fileProblem(error)}`);
  }
  return hash.digest("hex");
}
