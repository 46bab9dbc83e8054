/** Why a row was not taken; a closed list. */
export const rejectionCodes = ["missing", "invalid", "pattern", "unreadable"] as const;
/**
 * `missing`: a member that has to be there is not, or is blank. `pattern`: the address is not of the form that was asked
 * for. `invalid`: anything else that cannot be kept. `unreadable`: the text is no CSV there.
 */
export type RejectionCode = (typeof rejectionCodes)[number];

/** A row that was not taken. Nothing of what it said is kept. */
export interface RejectedRow {
  /** Of a text the line on which the row begins; else its place among the rows, from 1. */
  readonly line: number;
  /** `address`, `fields.plan`; empty where it is about the whole row. */
  readonly field: string;
  readonly code: RejectionCode;
  /** What would have been taken. */
  readonly expected: string;
  /** What the value looks like: `a` for each letter, `9` for each digit. */
  readonly shape: string;
}

/** How far an import is. Every row that was read is in one of the other counts. */
export interface ContactImport {
  readonly tenant: string;
  readonly id: string;
  /** The last line of the last chunk that was stored. */
  readonly line: number;
  readonly read: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Named a contact that an earlier row, or in one chunk a later one, named too. */
  readonly repeated: number;
  readonly rejected: number;
  readonly by: string;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  /** Null while it is not at its end. */
  readonly endedAt: Date | null;
}

export function begunImport(given: Pick<ContactImport, "tenant" | "id" | "by">, now: Date): ContactImport {
  const nothing = { line: 0, read: 0, created: 0, changed: 0, unchanged: 0, repeated: 0, rejected: 0 };
  return { ...given, ...nothing, startedAt: now, updatedAt: now, endedAt: null };
}

/** Whether a chunk is the next one of an import. */
export function isNext({ line, endedAt }: ContactImport, { from }: { readonly from: number }): boolean {
  return endedAt === null && line === from;
}

/** An import after one more chunk; `counts` are of its contacts, each in one of them. */
export function loadedImport(
  before: ContactImport,
  chunk: {
    readonly to: number;
    readonly repeated: number;
    readonly rejected: readonly unknown[];
    readonly last: boolean;
  },
  counts: Pick<ContactImport, "created" | "changed" | "unchanged" | "repeated">,
  now: Date,
): ContactImport {
  const { created, changed, unchanged, repeated } = counts;
  return {
    ...before,
    line: chunk.to,
    read: before.read + created + changed + unchanged + repeated + chunk.repeated + chunk.rejected.length,
    created: before.created + created,
    changed: before.changed + changed,
    unchanged: before.unchanged + unchanged,
    repeated: before.repeated + repeated + chunk.repeated,
    rejected: before.rejected + chunk.rejected.length,
    updatedAt: now,
    endedAt: chunk.last ? now : null,
  };
}
