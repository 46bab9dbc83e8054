import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type ContactFilter, type ContactInput, type Milepost, MilepostError, type RejectedRow } from "@milepost/core";
import { CommandError } from "../command.js";
import { fileProblem } from "../file-problem.js";

/** A client of the mailing service, as a line of a file has it. */
export interface ClientRow {
  /** Its unique id. */
  readonly client: string;
  /** 7XXXXXXXXXX. */
  readonly phone: string;
  /** The code of the mobile operator, three digits. */
  readonly operator: string;
  readonly tag: string;
  /** An IANA name. */
  readonly zone: string;
}

/** The channel of text messages. */
const sms = "sms";
const phonePattern = /^7\d{10}$/;

/** Which clients: those of an operator, with a tag, or both; all of them where neither is said. */
export interface ClientFilter {
  readonly operator?: string;
  readonly tag?: string;
}

/** A filter is data: nothing of it is ever a piece of SQL. */
export function contactFilter({ operator, tag }: ClientFilter): ContactFilter {
  return {
    all: [
      ...(operator === undefined ? [] : [{ field: "operator", is: operator }]),
      ...(tag === undefined ? [] : [{ tag }]),
    ],
  };
}

export interface ImportedClients {
  /** The file was imported before: nothing was done. */
  readonly before: boolean;
  readonly created: number;
  readonly rejected: readonly RejectedRow[];
}

/** Imports a file of clients; each line that cannot be taken is reported, and costs no other. */
export async function importClients(milepost: Milepost, file: string): Promise<ImportedClients> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new CommandError(`--clients ${file}: ${fileProblem(error)}`);
  });
  // by its content: an import that was cut off goes on, and one that ended is not done again
  const id = `clients-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
  const before = (await milepost.contacts.imported({ id }))?.endedAt != null;
  const { created } = await milepost.contacts.import<ClientRow>({
    id,
    csv: [text],
    channel: sms,
    addressPattern: phonePattern,
    toContact,
    by: "local-time-mailing",
    why: "import of clients",
  });
  return { before, created, rejected: await milepost.contacts.rejected({ import: id, limit: 1_000 }) };
}

/** Adds one client, or changes it. Throws `invalid_contact`. */
export async function putClient(milepost: Milepost, row: ClientRow): Promise<void> {
  await milepost.contacts.put(toContact(row), { channel: sms, addressPattern: phonePattern });
}

function toContact({ client, phone, operator, tag, zone }: ClientRow): ContactInput {
  if (!/^\d{3}$/.test(operator)) throw refused("operator", "three digits");
  if (!isZone(zone)) throw refused("zone", "a time zone, as in Europe/Moscow");
  return { id: client, address: phone, fields: { operator }, tags: tag === "" ? [] : [tag], zone };
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function refused(path: string, expected: string): MilepostError {
  return new MilepostError("invalid_contact", `${path}: ${expected}`, { path, expected });
}
