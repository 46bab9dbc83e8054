import type { GivenContact, Merging } from "../contact/contact.js";
import type { ContactImport, RejectedRow } from "../contact/contact-import.js";

/** The consent that an import brings for each of its contacts. */
export interface ImportedConsent {
  readonly scope: string;
  readonly source: string;
}

/** One chunk of an import: what lies between two of its lines. */
export interface ImportChunk {
  readonly tenant: string;
  readonly import: string;
  /** The line up to which the chunk before it came; 0 for the first. */
  readonly from: number;
  readonly to: number;
  /** Ordered by id (bytewise), each id once. */
  readonly contacts: readonly GivenContact[];
  /** Rows whose contact another row of this chunk names too. */
  readonly repeated: number;
  readonly rejected: readonly RejectedRow[];
  readonly merging: Merging;
  readonly consent: ImportedConsent | null;
  /** That was all. */
  readonly last: boolean;
}

/** Imports of contacts, by chunks. */
export interface ContactImportRepository {
  /** Begins an import and records the act `import`; one that was begun before is answered as it stands. */
  begin(input: {
    readonly tenant: string;
    readonly id: string;
    readonly by: string;
    readonly why: string;
    readonly now?: Date;
  }): Promise<ContactImport>;

  /**
   * Stores one chunk, atomically: its contacts as `contacts.put` does, under the import's id; the rejected rows; where
   * `consent` is given, that each address agreed, unless anything is known of it in that scope; and how far the import is. A
   * contact that an earlier chunk has named counts as repeated. Stores nothing where the import has ended, or its line is
   * another than `from`: somebody else was there. Answers the import as it stands, and whether the chunk was stored.
   */
  load(
    input: ImportChunk & { readonly now?: Date },
  ): Promise<{ readonly stored: boolean; readonly import: ContactImport }>;

  /** Null for an unknown one. */
  get(input: { readonly tenant: string; readonly id: string }): Promise<ContactImport | null>;

  /** Rows of an import that were rejected, ordered by line, after `after`. */
  rejected(input: {
    readonly tenant: string;
    readonly import: string;
    readonly after: number;
    readonly limit: number;
  }): Promise<readonly RejectedRow[]>;
}
