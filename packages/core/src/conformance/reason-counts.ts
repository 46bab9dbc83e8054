import assert from "node:assert/strict";
import type { Reason, ReasonCount } from "../delivery/reason.js";
import type { NewCrossing } from "../milestone/crossing.js";
import type { NewNotice } from "../milestone/notice.js";
import { evaluated, notice } from "./announced-samples.js";
import type { ConformanceCase } from "./case.js";
import { announcement, crossed, crossing } from "./crossing-samples.js";
import { leased, notification, queued } from "./notification-samples.js";
import { at, minute, start, twoStores } from "./samples.js";

const text = (counts: readonly ReasonCount[]) => counts.map(({ reason, count }) => `${reason} ${count}`).join(", ");

const born = (id: string, state: NewCrossing["state"], fields: Partial<NewCrossing> = {}) =>
  crossing({ id, state, threshold: id, ...fields });

/** The step `reasons` of the repositories that have it. */
export const reasonCountCases: readonly ConformanceCase[] = [
  {
    about: "crossings",
    name: "reasons counts crossings by their reason, and leaves out those that have none",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      assert.deepEqual(await store.crossings.reasons({ tenant: "default" }), []);
      await crossed(store, [
        born("1", "silent"),
        born("2", "pending"),
        born("3", "superseded"),
        born("4", "silent"),
        born("5", "adopted", { milestone: "budget", subject: "globex" }),
        born("6", "silent", { tenant: "other" }),
      ]);
      assert.equal(text(await other.crossings.reasons({ tenant: "default" })), "adopted 1, silent 2, superseded 1");
      assert.equal(text(await other.crossings.reasons({ tenant: "default", milestone: "budget" })), "adopted 1");
      assert.deepEqual(await store.crossings.reasons({ tenant: "default", milestone: "unknown" }), []);
      assert.equal(text(await store.crossings.reasons({ tenant: "other" })), "silent 1");
    },
  },
  {
    about: "crossings",
    name: "reasons counts what was recorded at since or later, and before until",
    async run({ store }) {
      await crossed(store, [born("1", "silent")], at(0));
      await crossed(store, [born("2", "silent")], at(1));
      await crossed(store, [born("3", "expired")], at(2));
      const within = async (since?: Date, until?: Date) =>
        text(await store.crossings.reasons({ tenant: "default", ...(since && { since }), ...(until && { until }) }));
      assert.equal(await within(), "expired 1, silent 2");
      assert.equal(await within(at(1)), "expired 1, silent 1");
      assert.equal(await within(undefined, at(1)), "silent 1");
      assert.equal(await within(at(1), at(2)), "silent 1");
      assert.equal(await within(at(3)), "");
      assert.equal(await within(at(2), at(1)), "");
    },
  },
  {
    about: "notices",
    name: "reasons counts notices by their reason, and leaves out those that wait and those that were announced",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const ended = async (fields: Partial<NewNotice>, reason: Reason, now: Date) => {
        const one = notice(fields);
        const { tenant, id, milestone } = one;
        await evaluated(store, { id: `event of ${id}`, tenant, notices: [one] }, now);
        const [leased] = await store.notices.claim({ milestones: [milestone], limit: 1, lease: minute, now });
        const end = { to: "failed", retryIn: 0, refund: false, reason, detail: null } as const;
        await store.notices.release({ tenant, id, fence: leased!.fence, ...end, now });
      };
      await ended({ id: "1" }, "silent", at(0));
      await ended({ id: "2", milestone: "budget" }, "silent", at(1));
      await ended({ id: "3" }, "resolver_failed", at(2));
      await ended({ id: "4", tenant: "other" }, "cancelled", at(0));
      await evaluated(store, { id: "open", notices: [notice({ id: "5" }), notice({ id: "6" })] });
      const [leased] = await store.notices.claim({
        milestones: ["emails-delivered"],
        limit: 1,
        lease: minute,
        now: start,
      });
      const source = { kind: "notice", id: leased!.id } as const;
      const said = announcement({ id: leased!.id, notifications: [notification({ source })] });
      assert.equal((await store.notices.announce(said)).result, "announced");

      const count = async (input: object) => text(await other.notices.reasons({ tenant: "default", ...input }));
      assert.equal(await count({}), "resolver_failed 1, silent 2");
      assert.equal(await count({ tenant: "other" }), "cancelled 1");
      assert.equal(await count({ tenant: "nobody" }), "");
      assert.equal(await count({ milestone: "budget" }), "silent 1");
      assert.equal(await count({ milestone: "budget", until: at(1) }), "");
      assert.equal(await count({ since: at(1) }), "resolver_failed 1, silent 1");
      assert.equal(await count({ since: at(1), until: at(2) }), "silent 1");
    },
  },
  {
    about: "notifications",
    name: "reasons counts a milestone's notifications of its notices too, and no other's of the same id",
    async run({ store }) {
      for (const [id, milestone] of [
        ["n", "budget"],
        ["o", "emails-delivered"],
      ] as const) {
        await evaluated(store, { id: `event of ${id}`, notices: [notice({ id, milestone })] });
        const [leased] = await store.notices.claim({ milestones: [milestone], limit: 1, lease: minute, now: start });
        const source = { kind: "notice", id } as const;
        const own = [notification({ id: `of ${id}`, source })];
        await store.notices.announce(announcement({ id, fence: leased!.fence, notifications: own }));
        const act = { act: "cancel", by: "ann", why: "no", newId: "x", acceptDuplicate: false, margin: 0 } as const;
        await store.notifications.decide({ tenant: "default", id: `of ${id}`, ...act, now: start });
      }
      // a crossing that has the other one's id
      await crossed(store, [born("o", "silent", { milestone: "budget" })]);
      const count = async (input: object) => text(await store.notifications.reasons({ tenant: "default", ...input }));
      assert.equal(await count({}), "cancelled 2");
      assert.equal(await count({ milestone: "budget" }), "cancelled 1");
      assert.equal(await count({ milestone: "emails-delivered" }), "cancelled 1");
      assert.equal(await count({ milestone: "unknown" }), "");
    },
  },
  {
    about: "notifications",
    name: "reasons counts notifications by their reason, as they are now",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      assert.deepEqual(await store.notifications.reasons({ tenant: "default" }), []);
      const rows = await leased(
        store,
        ["a", "b", "c"].map((id) => notification({ id })),
      );
      assert.deepEqual(await store.notifications.reasons({ tenant: "default" }), [], "none has a reason yet");
      const [a, b] = rows;
      await store.notifications.release({
        releases: [a!, b!].map(({ tenant, id, fence }) => {
          return { tenant, id, fence, to: "failed", retryIn: 0, refund: false, reason: "render_failed" } as const;
        }),
        now: start,
      });
      const act = { act: "cancel", by: "ann", why: "no", newId: "x", acceptDuplicate: false, margin: 0 } as const;
      await store.notifications.decide({ tenant: "default", id: "c", ...act, now: start });
      assert.equal(text(await other.notifications.reasons({ tenant: "default" })), "cancelled 1, render_failed 2");
      assert.deepEqual(await store.notifications.reasons({ tenant: "other" }), []);
    },
  },
  {
    about: "notifications",
    name: "reasons keeps to a milestone's crossings, and to when a notification was recorded",
    async run({ store }) {
      // queued() names the milestone like the crossing
      const source = { kind: "crossing", id: "budget" } as const;
      await queued(store, [notification({ id: "a" })], at(0));
      await queued(store, [notification({ id: "b", source })], at(5));
      const act = { act: "cancel", by: "ann", why: "no", newId: "x", acceptDuplicate: false, margin: 0 } as const;
      for (const id of ["a", "b"]) await store.notifications.decide({ tenant: "default", id, ...act, now: at(9) });
      const count = async (input: object) => text(await store.notifications.reasons({ tenant: "default", ...input }));
      assert.equal(await count({}), "cancelled 2");
      assert.equal(await count({ milestone: "budget" }), "cancelled 1");
      assert.equal(await count({ milestone: "unknown" }), "");
      assert.equal(await count({ since: at(5) }), "cancelled 1");
      assert.equal(await count({ until: at(5) }), "cancelled 1");
      assert.equal(await count({ since: at(5), milestone: "cro-1" }), "");
      assert.equal(await count({ until: at(5), milestone: "cro-1" }), "cancelled 1");
    },
  },
];
