import { setImmediate as nextTurn } from "node:timers/promises";
import type { NewNotification } from "../delivery/notification.js";
import { type ErrorCode, MilepostError } from "../errors.js";
import type { Emit } from "../events.js";
import type { Runtime } from "../runtime.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { cursorOf } from "./audience-member.js";
import type { Campaign } from "./campaign.js";
import type { Composer } from "./composing.js";

/** Notifications stored in one atomic step at most. */
const chunkSize = 1_000;
/** An error is no list of all that is wrong. */
const mostTold = 1_000;

/** One of an audience that gets nothing, and why. */
export interface Refused {
  /** What it is called in errors: `recipients[17].address`. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What became of an audience. */
export interface Loaded {
  /** Notifications that are new. */
  readonly queued: number;
  /** Those that were queued before, or twice in the audience. */
  readonly duplicates: number;
  readonly rejected: number;
  /** The first 1,000 of those that were rejected. */
  readonly refused: readonly Refused[];
}

export interface LoadOptions {
  readonly lease: number;
  readonly onRefused: "fail" | "skip";
  /** When late joiners are looked for after it. */
  readonly lookAt: Date | null;
  readonly stop: AbortSignal;
}

/**
 * Stores an audience as notifications, chunk by chunk, each with where the next one begins. The lease is prolonged while
 * the audience lets wait. Null: the lease was lost. Throws what an audience throws, and with `onRefused: "fail"` the first
 * refusal; what was stored stays.
 */
export async function loadAudience(
  { store, runtime, emit }: { readonly store: Store; readonly runtime: Runtime; readonly emit: Emit },
  campaign: Campaign,
  composer: Composer,
  audience: AsyncIterable<unknown> | Iterable<unknown>,
  { lease, onRefused, lookAt, stop }: LoadOptions,
): Promise<Loaded | null> {
  const { tenant, id, fence } = campaign;
  let chunk: NewNotification[] = [];
  let cursor = campaign.cursor;
  let rejected = 0;
  let untold = 0;
  let queued = 0;
  let composed = 0;
  const refused: Refused[] = [];
  const { templates } = composer;

  async function write(notifications: readonly NewNotification[], last: boolean): Promise<boolean> {
    const step = { tenant, id, fence, notifications, templates, cursor, last, rejected: untold, lookAt, lease };
    untold = 0;
    const added = await store.campaigns.load({ ...step, ...storeNow(runtime) });
    if (added === null) return false;
    queued += added;
    return true;
  }

  // one that lets wait for longer than the lease is not dead
  let prolonging: Promise<boolean> | undefined;
  let waiting = false;
  const prolong = setInterval(() => {
    if (waiting) prolonging ??= write([], false).catch(() => false);
  }, lease / 3);
  /** What is stored in the meantime comes first. */
  const flush = async (last: boolean): Promise<boolean> => {
    const held = (await prolonging) ?? true;
    prolonging = undefined;
    const full = chunk;
    chunk = [];
    return held && (await write(full, last));
  };

  try {
    let index = 0;
    waiting = true;
    for await (const member of audience) {
      waiting = false;
      stop.throwIfAborted();
      try {
        const notifications = composer.compose(member, index, runtime.id);
        composed += notifications.length;
        chunk.push(...notifications);
        cursor = cursorOf(member) ?? cursor;
      } catch (error) {
        if (onRefused === "fail" || !isRefusal(error)) throw error;
        rejected++;
        untold++;
        const { code, path = "", message } = error;
        if (refused.length < mostTold) refused.push({ code, path, message });
        emit("campaign_refused", { tenant, campaign: id, code, path });
      }
      index++;
      if (prolonging !== undefined || chunk.length >= chunkSize) if (!(await flush(false))) return null;
      // a synchronous store, and a list, answer without a turn of the event loop; others have a right to one
      if (index % chunkSize === 0) await nextTurn();
      waiting = true;
    }
    waiting = false;
    if (!(await flush(true))) return null;
    return { queued, duplicates: composed - queued, rejected, refused };
  } finally {
    clearInterval(prolong);
    await prolonging;
  }
}

/** Whether an error is about one of the audience, and not about the audience or the store. */
export function isRefusal(error: unknown): error is MilepostError {
  return MilepostError.is(error) && refusals.has(error.code);
}

const refusals: ReadonlySet<ErrorCode> = new Set([
  ...(["invalid_recipient", "invalid_data", "missing_tag", "render_failed", "unsorted_rows"] as const),
]);
