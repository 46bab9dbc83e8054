import * as z from "zod";
import type { RecordedAct } from "./store/act-repository.js";
import type { Store } from "./store/store.js";
import { type Agrees, keySchema, pageFields, parsePresent } from "./validation.js";

/** What can be narrowed when acts are listed. Ordered as they were recorded. */
export interface ActQuery {
  readonly tenant?: string;
  /** What kind of thing: `campaign`, `contact`, `lane`, `notification`, `provider`, `recipient`, `recurrence`, `template` … */
  readonly entity?: string;
  /** Which of them; of a `recipient` its recipient key. Only with `entity`. */
  readonly id?: string;
  /** Who did it. */
  readonly by?: string;
  /** The number of the last one of the page before. */
  readonly after?: number;
  /** 100 unless said. */
  readonly limit?: number;
}

/** Who did what to which thing, when and why: every change by a person, kept for good. */
export interface Acts {
  list(query?: ActQuery): Promise<readonly RecordedAct[]>;
}

const querySchema = z
  .strictObject({
    ...pageFields,
    entity: keySchema.optional(),
    id: z.string().min(1).max(1_000).optional(),
    by: keySchema.optional(),
    after: z.int().min(0).optional(),
  })
  .refine(({ entity, id }) => id === undefined || entity !== undefined, {
    path: ["entity"],
    error: "what the id is of",
  });

true satisfies Agrees<typeof querySchema, ActQuery>;

export function actsOver(store: Store): Acts {
  return {
    async list(query = {}) {
      const { id, ...given } = parsePresent<ActQuery & { readonly tenant: string; readonly limit: number }>(
        querySchema,
        query,
        "invalid_options",
      );
      return store.acts.list({ ...given, ...(id !== undefined && { entityId: id }) });
    },
  };
}
