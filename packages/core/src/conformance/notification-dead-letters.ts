import assert from "node:assert/strict";
import type { Notification } from "../delivery/notification.js";
import type { NotificationRepository } from "../store/notification-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import {
  about,
  claimed,
  decision,
  expired,
  mark,
  noAnswer,
  notification,
  notifications,
  queued,
  refused,
  settlement,
} from "./notification-samples.js";
import { at, everyPage, minute, start, twoStores } from "./samples.js";

type Query = Parameters<NotificationRepository["deadLetters"]>[0];

async function dead(store: Store, filter: Partial<Query> = {}): Promise<readonly string[]> {
  const rows = await store.notifications.deadLetters({ tenant: "default", limit: 100, ...filter });
  return rows.map(({ id }) => id);
}

/** Marks everything that can start now through a notifier, and settles it so; ambiguous ones end as `unknown`. */
async function ended(store: Store, how: typeof noAnswer, now: Date = start, notifier = "smtp"): Promise<void> {
  const rows = await claimed(store, now, notifier);
  await store.notifications.mark({ marks: rows.map((row) => mark(row)), lease: minute, now });
  await store.notifications.settle({ settlements: rows.map((row) => settlement(row, how)), now });
  if (how.to === "ambiguous") {
    for (const { id, tenant } of rows) await store.notifications.decide(decision("give_up", { id, tenant, now }));
  }
}

export const notificationDeadLetterCases: readonly ConformanceCase[] = [
  {
    about,
    name: "dead letters are what failed and what may have failed, of one tenant, whole and page by page",
    async run(opened) {
      const { store } = opened;
      await queued(store, [...notifications(5), notification({ id: "alien", tenant: "other" })]);
      await ended(store, refused);
      await queued(store, [notification({ id: "unk", source: { kind: "crossing", id: "cro-2" } })]);
      await ended(store, noAnswer);
      await queued(store, [notification({ id: "good", source: { kind: "crossing", id: "cro-3" } })]);
      await ended(store, {});
      await queued(store, [notification({ id: "open", source: { kind: "crossing", id: "cro-4" } })]);
      const [, other] = await twoStores(opened);
      const paged = await everyPage(2, (last: Notification | undefined, limit) =>
        other.notifications.deadLetters({ tenant: "default", limit, ...(last && { after: last.id }) }),
      );
      const ids = ["ntf-0001", "ntf-0002", "ntf-0003", "ntf-0004", "ntf-0005", "unk"];
      assert.deepEqual(
        paged.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(paged, await other.notifications.list({ tenant: "default", ids, limit: 10 }));
      assert.deepEqual(await dead(other, { tenant: "other" }), ["alien"]);
    },
  },
  {
    about,
    name: "what expired is no dead letter, although it can be retried",
    async run({ store }) {
      await expired(store);
      assert.deepEqual(await dead(store), []);
    },
  },
  {
    about,
    name: "a dead letter that was redriven is one no more, and what came of it is, once it has failed too",
    async run({ store }) {
      await queued(store, [notification({ id: "a" }), notification({ id: "b" })]);
      await ended(store, refused);
      await store.notifications.decide(decision("redrive", { id: "a", newId: "a2" }));
      assert.deepEqual(await dead(store), ["b"]);
      await ended(store, refused);
      assert.deepEqual(await dead(store), ["a2", "b"]);
      await store.notifications.decide(decision("redrive", { id: "a2", newId: "a3" }));
      await ended(store, {});
      assert.deepEqual(await dead(store), ["b"]);
    },
  },
  {
    about,
    name: "dead letters are narrowed by state, reason, milestone, notifier and when they ended",
    async run({ store }) {
      const of = (source: string) => ({ kind: "crossing", id: source }) as const;
      await queued(store, [
        notification({ id: "a", source: of("cro-1") }),
        notification({ id: "b", source: of("cro-1"), notifier: "sms" }),
        notification({ id: "c", source: of("cro-2"), notifier: "fax" }),
      ]);
      await ended(store, refused, at(0));
      await ended(store, { ...refused, reason: "attempts_used_up" }, at(1000), "sms");
      await ended(store, noAnswer, at(2000), "fax");
      const narrowed: readonly (readonly [Partial<Query>, readonly string[]])[] = [
        [{ state: "failed" }, ["a", "b"]],
        [{ state: "unknown" }, ["c"]],
        [{ reason: "refused" }, ["a"]],
        [{ reason: "given_up" }, ["c"]],
        [{ milestone: "cro-1" }, ["a", "b"]],
        [{ milestone: "none" }, []],
        [{ notifier: "sms" }, ["b"]],
        [{ since: at(1000) }, ["b", "c"]],
        [{ until: at(1000) }, ["a"]],
        [{ since: at(1), until: at(2000) }, ["b"]],
        [{ after: "a", state: "failed", milestone: "cro-1", notifier: "sms", reason: "attempts_used_up" }, ["b"]],
        [{ limit: 1 }, ["a"]],
      ];
      for (const [filter, ids] of narrowed) assert.deepEqual(await dead(store, filter), ids, JSON.stringify(filter));
    },
  },
  {
    about,
    name: "a list is narrowed by the milestone and the notifier too",
    async run({ store }) {
      const of = (source: string) => ({ kind: "crossing", id: source }) as const;
      await queued(store, [
        notification({ id: "a", source: of("cro-1") }),
        notification({ id: "b", source: of("cro-1"), notifier: "sms" }),
        notification({ id: "c", source: of("cro-2"), notifier: "sms" }),
      ]);
      const listed = async (filter: { readonly milestone?: string; readonly notifier?: string }) =>
        (await store.notifications.list({ tenant: "default", limit: 9, ...filter })).map(({ id }) => id);
      assert.deepEqual(await listed({ milestone: "cro-1" }), ["a", "b"]);
      assert.deepEqual(await listed({ notifier: "sms" }), ["b", "c"]);
      assert.deepEqual(await listed({ milestone: "cro-2", notifier: "sms" }), ["c"]);
    },
  },
];
