import assert from "node:assert/strict";
import type { NewRecurrence } from "../store/recurrence-repository.js";
import { actsOf } from "./acts-of.js";
import { after, campaign, person } from "./campaign-samples.js";
import type { ConformanceCase } from "./case.js";
import { start, twoStores } from "./samples.js";

const about = "recurrences";
const key = { tenant: "default", id: "weekly" } as const;

function recurrence(fields: Partial<NewRecurrence> = {}): NewRecurrence {
  return {
    ...{ ...key, code: "", definition: { name: "Weekly" }, cron: "0 9 * * 6", zone: "Europe/Berlin", otherwise: null },
    ...{ catchUp: 60_000, nextAt: after(10), ...fields },
  };
}
const made = { recurrence: key.id, occurrence: "2026-11-21T09:00", scheduledAt: after(10) };
const occurrence = {
  ...{ ...key, ...person, was: after(10), campaign: campaign({ id: "weekly:1", ...made }), skipped: [] },
  ...{ nextAt: after(20), last: made.occurrence, now: after(10) },
};

export const recurrenceCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a recurrence is stored with who made it, and changed; a repeat changes nothing",
    async run(opened) {
      const { store } = opened;
      const stored = await store.recurrences.put({ recurrence: recurrence(), ...person, now: start });
      assert.deepEqual(stored, { ...recurrence(), state: "active", last: null, createdAt: start });
      const again = recurrence({ nextAt: after(99) });
      assert.deepEqual(await store.recurrences.put({ recurrence: again, ...person, now: after(1) }), stored);
      const other = recurrence({ definition: { name: "Other" }, nextAt: after(99) });
      const changed = await store.recurrences.put({ recurrence: other, ...person, now: after(2) });
      assert.deepEqual(changed, { ...stored, definition: { name: "Other" } });
      const [, second] = await twoStores(opened);
      assert.deepEqual(await second.recurrences.get(key), changed);
      await second.recurrences.put({ recurrence: recurrence({ id: "a" }), ...person, now: start });
      await second.recurrences.put({ recurrence: recurrence({ tenant: "other" }), ...person, now: start });
      const ids = async (query: object) =>
        (await store.recurrences.list({ tenant: "default", limit: 10, ...query })).map(({ id }) => id);
      assert.deepEqual(await ids({}), ["a", "weekly"]);
      assert.deepEqual(await ids({ after: "a" }), ["weekly"]);
      assert.deepEqual(await ids({ limit: 1 }), ["a"]);
      const acts = await actsOf(store, { tenant: "default", entity: "recurrence", entityId: key.id });
      assert.deepEqual(
        acts.map(({ act, by, why, at }) => [act, by, why, at]),
        [
          ["create", person.by, person.why, start],
          ["edit", person.by, person.why, after(2)],
        ],
      );
    },
  },
  {
    about,
    name: "an occurrence makes its campaign once, keeps what is skipped, and says what is next",
    async run({ store }) {
      await store.recurrences.put({ recurrence: recurrence(), ...person, now: start });
      const skipped = [
        { occurrence: "2026-11-14T09:00", at: after(1), reason: "missed" },
        { occurrence: "2026-11-07T09:00", at: start, reason: "superseded" },
      ] as const;
      assert.equal(await store.recurrences.occur({ ...occurrence, skipped }), true);
      assert.equal(await store.recurrences.occur({ ...occurrence, skipped }), false);
      const [one, ...others] = await store.campaigns.list({ tenant: "default", limit: 10 });
      assert.deepEqual([one!.id, one!.state, one!.recurrence, others], ["weekly:1", "scheduled", "weekly", []]);
      const { nextAt, last } = (await store.recurrences.get(key))!;
      assert.deepEqual([nextAt, last], [after(20), made.occurrence]);
      assert.deepEqual(await store.recurrences.skips({ ...key, limit: 10 }), skipped);
      const before = { before: "2026-11-14T09:00", limit: 10 };
      assert.deepEqual(await store.recurrences.skips({ ...key, ...before }), skipped.slice(1));
      assert.deepEqual(await store.recurrences.skips({ ...key, tenant: "other", limit: 10 }), []);
      const acts = await actsOf(store, { tenant: "default", entity: "campaign", entityId: "weekly:1" });
      assert.deepEqual(
        acts.map(({ act }) => act),
        ["create"],
      );
    },
  },
  {
    about,
    name: "of several processes that see one due, one makes it",
    async run(opened) {
      const [one, two] = await twoStores(opened);
      await one.recurrences.put({ recurrence: recurrence(), ...person, now: start });
      const tries = [one, two, one, two].map((store, i) =>
        store.recurrences.occur({ ...occurrence, campaign: campaign({ id: `weekly:${i}`, ...made }) }),
      );
      const results = await Promise.all(tries);
      assert.equal(results.filter(Boolean).length, 1);
      assert.equal((await one.campaigns.list({ tenant: "default", limit: 10 })).length, 1);
    },
  },
  {
    about,
    name: "those are due whose time has come, that are not paused, and whose code is known",
    async run({ store }) {
      const { recurrences } = store;
      const put = (fields: Partial<NewRecurrence>) =>
        recurrences.put({ recurrence: recurrence(fields), ...person, now: start });
      await put({ id: "b", nextAt: after(5) });
      await put({ id: "a", nextAt: after(6), tenant: "other" });
      await put({ id: "code", nextAt: after(7), code: "news" });
      await put({ id: "never", nextAt: null });
      await put({ id: "later", nextAt: after(11) });
      const due = async (codes: readonly string[], limit = 10) => {
        const { now, recurrences: rows } = await recurrences.due({ codes, limit, now: after(10) });
        assert.deepEqual(now, after(10));
        return rows.map(({ id }) => id);
      };
      assert.deepEqual(await due([]), ["b", "a"]);
      assert.deepEqual(await due(["other", "news"]), ["b", "a", "code"]);
      assert.deepEqual(await due(["news"], 1), ["b"]);
      const b = { ...key, ...person, id: "b", nextAt: after(12), now: after(10) };
      assert.equal((await recurrences.setPaused({ ...b, paused: true })).state, "paused");
      assert.deepEqual(await due([]), ["a"]);
      const stale = { ...occurrence, id: "b", was: after(5) };
      assert.equal(await recurrences.occur(stale), false, "it is paused");
      const resumed = await recurrences.setPaused({ ...b, paused: false });
      assert.deepEqual([resumed.state, resumed.nextAt], ["active", after(12)]);
      await recurrences.setPaused({ ...b, paused: false });
      assert.equal(await recurrences.remove({ ...key, ...person, id: "b", now: after(10) }), true);
      assert.equal(await recurrences.remove({ ...key, ...person, id: "b", now: after(10) }), false);
      await assert.rejects(recurrences.setPaused({ ...b, paused: true }), { code: "not_found" });
      const acts = await actsOf(store, { tenant: "default", entity: "recurrence", entityId: "b" });
      assert.deepEqual(
        acts.map(({ act }) => act),
        ["create", "pause", "resume", "remove"],
      );
    },
  },
];
