import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import { type ErasedRows, nothingErased, type SubjectRepository } from "../store/subject-repository.js";
import { start } from "./samples.js";

// Erasing a subject, and what is left of it.

export const about = "subjects";

type Halt = Parameters<SubjectRepository["halt"]>[0];

export function halting(fields: Partial<Halt> = {}): Halt {
  const act = { entityId: "digest", by: "ann", why: "asked for" };
  return { tenant: "default", subject: "acme", act, now: start, ...fields };
}

/** Only what is not 0. */
export function rowsOf(erased: ErasedRows): Partial<ErasedRows> {
  return Object.fromEntries(Object.entries(erased).filter(([, count]) => count > 0));
}

/** Erases chunk by chunk to the end; answers the sum, and how many chunks there were. */
export async function eraseAll(
  store: Store,
  limit: number,
  owner: { readonly tenant: string; readonly subject: string } = { tenant: "default", subject: "acme" },
): Promise<{ readonly erased: ErasedRows; readonly chunks: number }> {
  const erased: Record<string, number> = { ...nothingErased };
  for (let chunks = 1; chunks <= 1_000; chunks++) {
    const next = await store.subjects.erase({ ...owner, limit });
    for (const [kind, count] of Object.entries(next.erased)) erased[kind]! += count;
    if (!next.more) return { erased: erased as unknown as ErasedRows, chunks };
  }
  throw new assert.AssertionError({ message: "there is always more" });
}

/** All that can be read of a tenant, or of one subject of it. */
export async function everything(store: Store, tenant: string, subject?: string): Promise<unknown> {
  const of = { tenant, limit: 10_000, ...(subject !== undefined && { subject }) };
  const counters = await store.counters.list(of);
  const crossings = await store.crossings.list(of);
  const ids = crossings.map(({ id }) => id);
  const notices = await store.notices.list({ tenant, crossings: ids, limit: 10_000 });
  const notifications = (await store.notifications.list({ tenant, limit: 10_000 })).filter(
    ({ source }) => subject === undefined || ids.includes(source.id) || notices.some(({ id }) => id === source.id),
  );
  const subjects = (await store.subjects.list({ tenant, limit: 10_000 })).filter(
    ({ id }) => subject === undefined || id === subject,
  );
  const owners = [...new Set(counters.map(({ metric, subject: of }) => JSON.stringify([metric, of])))].map((text) => {
    const [metric, of] = JSON.parse(text) as [string, string];
    return { tenant, metric, subject: of };
  });
  return {
    stored: await store.counters.read({ keys: counters, trailLimit: 10_000 }),
    crossings,
    notices,
    notifications,
    attempts: await Promise.all(
      notifications.map(({ id }) => store.notifications.attempts({ tenant, notification: id })),
    ),
    parked: (await store.parking.list({ tenant, limit: 10_000 })).filter(
      (row) => row.subject === (subject ?? row.subject),
    ),
    levels: await store.levels.of({
      owners: owners.map((owner) => ({ tenant, milestone: "emails-delivered", subject: owner.subject })),
    }),
    limits: await store.limits.of({ subjects: owners }),
    events: await Promise.all(owners.map((owner) => store.events.list({ ...owner, limit: 10_000 }))),
    subjects,
    members: await Promise.all(subjects.map(({ id }) => store.subjects.members({ tenant, subject: id }))),
  };
}
