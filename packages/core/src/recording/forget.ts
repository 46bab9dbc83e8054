import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as z from "zod";
import { MilepostError } from "../errors.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { type ErasedRows, nothingErased } from "../store/subject-repository.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, parseInput, whySchema } from "../validation.js";
import { defaultTenant } from "./event.js";

/** Which subject is erased, who decided it, and why: kept with the act, so name nobody in `why`. */
export interface ForgetAct {
  /** `"default"` unless said. */
  readonly tenant?: string;
  readonly subject: string;
  readonly by: string;
  readonly why: string;
}

export interface Forgotten {
  /** What the act is recorded under in place of the subject's id; see {@link subjectDigest}. */
  readonly digest: string;
  /** Rows, by their kind. */
  readonly erased: ErasedRows;
}

const actSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  subject: keySchema,
  by: keySchema,
  why: whySchema,
});

true satisfies Agrees<typeof actSchema, ForgetAct>;

/** Rows of a kind in one transaction, which holds the subject's counters: some 20 ms. */
const chunk = 1_000;

/**
 * What stands for an erased subject in the acts: SHA-256, in hex, of the JSON array of tenant and id. Who knows the id can
 * find the act; who has only the act can find the id by trying, if there are few or they are guessable.
 */
export function subjectDigest(subject: string, tenant: string = defaultTenant): string {
  return createHash("sha256")
    .update(JSON.stringify([tenant, subject]))
    .digest("hex");
}

/** First what could still lead to a message, in one step; then the rest, chunk by chunk. */
export async function forget(store: Store, runtime: Runtime, input: ForgetAct, stop: AbortSignal): Promise<Forgotten> {
  const { tenant, subject, by, why } = parseInput(actSchema, input, "invalid_options");
  const digest = subjectDigest(subject, tenant);
  const act = { entityId: digest, by, why };
  let erased = await store.subjects.halt({ tenant, subject, act, ...storeNow(runtime) });
  for (let more = true; more; ) {
    if (stop.aborted) {
      throw new MilepostError(
        "closed",
        "This engine is closing, and the subject is not erased in full: forget it again.",
      );
    }
    const next = await store.subjects.erase({ tenant, subject, limit: chunk });
    erased = sum(erased, next.erased);
    more = next.more;
    // a synchronous store answers without a turn of the event loop; others in the process have a right to one
    if (more) await nextTurn();
  }
  return { digest, erased };
}

function sum(a: ErasedRows, b: ErasedRows): ErasedRows {
  const kinds = Object.keys(nothingErased) as (keyof ErasedRows)[];
  return Object.fromEntries(kinds.map((kind) => [kind, a[kind] + b[kind]])) as unknown as ErasedRows;
}
