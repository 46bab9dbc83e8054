import assert from "node:assert/strict";
import type { CampaignCount } from "../store/campaign-repository.js";
import { actsOf } from "./acts-of.js";
import { act, after, audience, campaign, created, held, key, person, sending, wholeChunk } from "./campaign-samples.js";
import type { ConformanceCase } from "./case.js";
import { template } from "./crossing-samples.js";
import { claimed, mark } from "./notification-samples.js";
import { minute, start, twoStores } from "./samples.js";

const about = "campaigns";

const refused = { code: "act_refused" };
const templates = { "tpl-1": template };
const counted = (counts: readonly CampaignCount[]) => counts.map(({ state, count }) => [state, count]);

export const campaignCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a campaign is stored once, as a draft or scheduled, with who made it",
    async run(opened) {
      const { store } = opened;
      const draft = await created(store);
      assert.deepEqual([draft.state, draft.revision, draft.createdAt], ["draft", 1, start]);
      const later = await created(store, { id: "later", scheduledAt: after(10) });
      assert.deepEqual([later.state, later.scheduledAt], ["scheduled", after(10)]);
      const again = await store.campaigns.create({ campaign: campaign({ name: "Other" }), ...person, now: after(1) });
      assert.deepEqual(again, { created: false, campaign: draft });
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.campaigns.get(key), draft);
      assert.deepEqual(await other.campaigns.list({ tenant: "default", limit: 10 }), [later, draft]);
      assert.equal(await other.campaigns.get({ ...key, tenant: "other" }), null);
      const acts = await actsOf(other, { tenant: "default", entity: "campaign", entityId: key.id });
      assert.deepEqual(acts, [
        { ...{ tenant: "default", entity: "campaign", entityId: key.id, act: "create" }, ...person, at: start },
      ]);
    },
  },
  {
    about,
    name: "a recurrence makes one campaign for each of its occurrences",
    async run({ store }) {
      const saturday = { recurrence: "weekly", occurrence: "2026-11-21T09:00" };
      const first = await created(store, { id: "w-1", ...saturday });
      const given = { campaign: campaign({ id: "w-2", ...saturday }), ...person, now: start };
      assert.deepEqual(await store.campaigns.create(given), { created: false, campaign: first });
      await created(store, { id: "w-2", ...saturday, occurrence: "2026-11-28T09:00" });
      await created(store, { id: "w-3", ...saturday, tenant: "other" });
      const listed = await store.campaigns.list({ tenant: "default", recurrence: "weekly", limit: 10 });
      assert.deepEqual(
        listed.map(({ id }) => id),
        ["w-1", "w-2"],
      );
    },
  },
  {
    about,
    name: "acts move it from state to state, are recorded, and are refused where the state forbids them",
    async run({ store }) {
      await created(store);
      await assert.rejects(act(store, "pause"), refused);
      assert.equal((await act(store, "schedule", { at: after(10) })).state, "scheduled");
      assert.equal((await act(store, "pause")).state, "paused");
      assert.equal((await act(store, "resume")).state, "scheduled");
      const begun = await act(store, "start", { now: after(1) });
      assert.deepEqual([begun.state, begun.startedAt], ["sending", after(1)]);
      await assert.rejects(act(store, "schedule", { at: after(20) }), refused);
      await act(store, "pause", { now: after(2) });
      const again = await act(store, "resume", { now: after(3) });
      assert.deepEqual([again.state, again.startedAt], ["sending", after(1)]);
      const ended = await act(store, "cancel", { now: after(4) });
      assert.deepEqual([ended.state, ended.endedAt, ended.changing], ["cancelled", after(4), null]);
      for (const name of ["start", "pause", "resume", "cancel", "fail", "complete"] as const) {
        await assert.rejects(act(store, name), refused);
      }
      await assert.rejects(act(store, "start", { id: "unknown" }), { code: "not_found" });
      const acts = await actsOf(store, { tenant: "default", entity: "campaign", entityId: key.id });
      const done = ["create", "schedule", "pause", "resume", "start", "pause", "resume", "cancel"];
      assert.deepEqual(
        acts.map((each) => each.act),
        done,
      );
    },
  },
  {
    about,
    name: "an audience is loaded in chunks, each address once, also by who goes on where another died",
    async run({ store }) {
      await created(store);
      await act(store, "start");
      const first = await held(store);
      const all = audience(5);
      const chunk = { ...wholeChunk, templates };
      const begin = {
        ...key,
        fence: first.fence,
        ...chunk,
        notifications: all.slice(0, 3),
        cursor: "3",
        last: false,
        rejected: 2,
      };
      assert.equal(await store.campaigns.load(begin), 3);
      assert.deepEqual(await store.campaigns.claim({ codes: [], limit: 10, lease: minute, now: after(0.5) }), []);
      const second = await held(store, after(2));
      assert.deepEqual([second.cursor, second.chunks, second.fence], ["3", 1, first.fence + 1]);
      assert.equal(await store.campaigns.load({ ...begin, now: after(2) }), null);
      const rest = { ...key, fence: second.fence, ...chunk, now: after(2), cursor: "5", rejected: 1 };
      assert.equal(await store.campaigns.load({ ...rest, notifications: all.slice(1) }), 2);
      const counts = await store.campaigns.counts({ tenant: "default", ids: [key.id, "other"] });
      assert.deepEqual(counts, [{ ...key, state: "pending", reason: null, count: 5 }]);
      const loaded = (await store.campaigns.get(key))!;
      assert.deepEqual([loaded.loaded, loaded.chunks, loaded.rejected, loaded.leaseUntil], [true, 2, 3, null]);
    },
  },
  {
    about,
    name: "nothing of a campaign goes out before all of its audience is there, nor while it is paused",
    async run({ store }) {
      await created(store);
      await act(store, "start");
      const { fence } = await held(store);
      const chunk = { ...wholeChunk, ...key, fence, templates };
      await store.campaigns.load({ ...chunk, notifications: audience(2), last: false });
      assert.deepEqual(await claimed(store, after(0)), []);
      await store.campaigns.load({ ...chunk, notifications: [], last: true });
      const rows = await claimed(store, start);
      assert.equal(rows.length, 2);
      await act(store, "pause");
      const [result] = await store.notifications.mark({ marks: [mark(rows[0]!)], lease: minute, now: start });
      assert.deepEqual(result, { result: "deferred", opensIn: null });
      assert.deepEqual(await claimed(store, after(0)), []);
      await act(store, "resume");
      const again = await claimed(store, after(2));
      assert.equal(again.length, 1);
      const [marked] = await store.notifications.mark({ marks: [mark(again[0]!)], lease: minute, now: after(2) });
      assert.equal(marked!.result, "marked");
    },
  },
  {
    about,
    name: "a paused campaign holds up no other, and a rate is of one campaign",
    async run({ store }) {
      await sending(store, audience(3), { rate: { count: 2, interval: 60_000 } });
      const rows = await claimed(store, start);
      assert.equal(rows.length, 3);
      const results = await store.notifications.mark({
        marks: rows.map((row) => mark(row)),
        lease: minute,
        now: start,
      });
      assert.deepEqual(
        results.map(({ result }) => result),
        ["marked", "marked", "deferred"],
      );
      assert.equal("opensIn" in results[2]! && (results[2].opensIn ?? 0) > 0, true);
      assert.deepEqual(await claimed(store, start), []);
      const parked = (await store.campaigns.get(key))!;
      assert.equal((await claimed(store, parked.notBefore!)).length, 1);
      const [lane] = await store.lanes.list({ tenant: "default" });
      assert.equal(lane!.notBefore, null, "the lane has room for others");
    },
  },
  {
    about,
    name: "an edit keeps everything back until what was never marked is brought along",
    async run({ store }) {
      const { revision } = await sending(store, audience(3));
      const [first, second] = await claimed(store, start);
      await store.notifications.mark({ marks: [mark(first!)], lease: minute, now: start });
      const change = { definition: { message: "tpl-2" } };
      const edited = await store.campaigns.edit({ ...key, ...person, revision, change, now: start });
      assert.deepEqual([edited.revision, edited.changing, edited.definition], [2, "edit", change.definition]);
      await assert.rejects(store.campaigns.edit({ ...key, ...person, revision, change, now: start }), refused);
      const [kept] = await store.notifications.mark({ marks: [mark(second!)], lease: minute, now: start });
      assert.equal(kept!.result, "deferred");
      const { fence } = await held(store);
      const rows = await store.campaigns.open({ ...key, after: null, limit: 10 });
      assert.deepEqual(
        rows.map(({ id }) => id),
        ["ntf-0002", "ntf-0003"],
      );
      const notifications = rows.map(({ id }) => {
        return {
          id,
          template: "tpl-1",
          data: { name: "Eve" },
          notBefore: after(5),
          expiresAt: after(9),
          hours: null,
          openUntil: null,
          sender: { from: { address: "sale@acme.example" } },
        };
      });
      const step = { ...key, fence, templates, lease: minute, now: start };
      const one = { ...step, notifications: notifications.slice(0, 1), after: "ntf-0002", last: false };
      assert.equal(await store.campaigns.rewrite(one), true);
      assert.deepEqual(await claimed(store, after(6)), []);
      const rest = { ...step, notifications: notifications.slice(1), after: "ntf-0003", last: true };
      assert.equal(await store.campaigns.rewrite(rest), true);
      assert.equal((await store.campaigns.get(key))!.changing, null);
      const open = await claimed(store, after(6));
      assert.deepEqual(
        open.map(({ data, expiresAt, sender }) => [data, expiresAt, sender?.from?.address]),
        [
          [{ name: "Eve" }, after(9), "sale@acme.example"],
          [{ name: "Eve" }, after(9), "sale@acme.example"],
        ],
      );
      const [marked] = await store.notifications.list({ tenant: "default", ids: [first!.id], limit: 1 });
      assert.deepEqual([marked!.state, marked!.data], ["sending", first!.data]);
    },
  },
  {
    about,
    name: "a row that was leased before an edit is lost to who leased it",
    async run({ store }) {
      const { revision } = await sending(store, audience(1));
      const [row] = await claimed(store, start);
      await store.campaigns.edit({ ...key, ...person, revision, change: { definition: {} }, now: start });
      const { fence } = await held(store);
      const to = {
        id: row!.id,
        template: "tpl-1",
        data: {},
        notBefore: null,
        expiresAt: null,
        hours: null,
        openUntil: null,
        sender: null,
      };
      const step = {
        ...key,
        fence,
        templates,
        notifications: [to],
        after: row!.id,
        last: true,
        lease: minute,
        now: start,
      };
      assert.equal(await store.campaigns.rewrite(step), true);
      const [late] = await store.notifications.mark({ marks: [mark(row!)], lease: minute, now: start });
      assert.deepEqual(late, { result: "lost" });
      assert.equal((await claimed(store, start)).length, 1);
    },
  },
  {
    about,
    name: "a cancel stops every mark at once, and its rows chunk by chunk; what is under way is asked for",
    async run({ store }) {
      await sending(store, audience(4));
      const [first, second] = await claimed(store, start);
      await store.notifications.mark({ marks: [mark(first!)], lease: minute, now: start });
      const cancelled = await act(store, "cancel");
      assert.deepEqual([cancelled.state, cancelled.changing], ["cancelled", "cancel"]);
      const [late] = await store.notifications.mark({ marks: [mark(second!)], lease: minute, now: start });
      assert.equal(late!.result, "deferred");
      const { fence } = await held(store);
      const step = { ...key, fence, limit: 3, lease: minute, now: start };
      assert.equal(await store.campaigns.cancelNext(step), 3);
      assert.equal((await store.campaigns.get(key))!.changing, "cancel");
      assert.equal(await store.campaigns.cancelNext(step), 1);
      assert.equal((await store.campaigns.get(key))!.changing, null);
      assert.equal(await store.campaigns.cancelNext(step), null);
      const counts = await store.campaigns.counts({ tenant: "default", ids: [key.id] });
      assert.deepEqual(counted(counts), [
        ["cancelled", 3],
        ["sending", 1],
      ]);
      const [sent] = await store.notifications.list({ tenant: "default", ids: [first!.id], limit: 1 });
      assert.equal(sent!.cancelRequested, true);
      assert.deepEqual(await store.campaigns.claim({ codes: [], limit: 10, lease: minute, now: after(5) }), []);
    },
  },
  {
    about,
    name: "those that want something are leased: whose time has come, not loaded, changing, or with nothing left to send",
    async run({ store }) {
      await created(store, { id: "draft" });
      await created(store, { id: "later", scheduledAt: after(10) });
      const ids = async (now: Date) =>
        (await store.campaigns.claim({ codes: [], limit: 10, lease: minute, now })).map(({ id }) => id);
      assert.deepEqual(await ids(start), ["later"], "its audience is not loaded");
      assert.deepEqual(await ids(after(0.5)), []);
      const [leased] = await store.campaigns.claim({ codes: [], limit: 10, lease: minute, now: after(2) });
      const whole = { ...wholeChunk, fence: leased!.fence, notifications: [], templates, now: after(2) };
      await store.campaigns.load({ ...whole, tenant: "default", id: "later" });
      assert.deepEqual(await ids(after(3)), []);
      assert.deepEqual(await ids(after(10)), ["later"], "its time has come");
      await act(store, "start", { id: "later", now: after(10) });
      assert.deepEqual(await ids(after(11)), ["later"], "nothing is left to be sent");
      await act(store, "complete", { id: "later", now: after(11) });
      assert.deepEqual(await ids(after(20)), []);
    },
  },
  {
    about,
    name: "an audience that comes from code is left to who has it, and one that is given to who gives it",
    async run({ store }) {
      await created(store, { audience: "code", code: "winback", scheduledAt: after(10) });
      await created(store, { id: "given", audience: "given" });
      await assert.rejects(act(store, "start", { id: "given" }), refused);
      await assert.rejects(act(store, "schedule", { id: "given", at: after(10) }), refused);
      const ids = async (codes: readonly string[], now: Date) =>
        (await store.campaigns.claim({ codes, limit: 10, lease: minute, now })).map(({ id }) => id);
      assert.deepEqual(await ids([], start), []);
      assert.deepEqual(await ids(["other", "winback"], start), [key.id]);
      const held = await store.campaigns.lease({ ...key, id: "given", lease: minute, now: start });
      assert.deepEqual([held?.id, held?.leaseUntil], ["given", after(1)]);
      const chunk = { ...wholeChunk, fence: held!.fence, notifications: audience(1), templates };
      assert.equal(await store.campaigns.load({ ...chunk, ...key, id: "given" }), 1);
      assert.equal((await act(store, "start", { id: "given" })).state, "sending");
    },
  },
  {
    about,
    name: "one campaign is leased to one process, a draft too, and none that has ended",
    async run({ store }) {
      const { fence } = await created(store);
      const lease = { ...key, lease: minute };
      assert.equal((await store.campaigns.lease({ ...lease, now: start }))!.fence, fence + 1);
      assert.equal(await store.campaigns.lease({ ...lease, now: after(0.5) }), null);
      assert.equal((await store.campaigns.lease({ ...lease, now: after(1) }))!.fence, fence + 2);
      await store.campaigns.release({ ...key, fence: fence + 1, retryIn: 0, now: after(1) });
      assert.equal(await store.campaigns.lease({ ...lease, now: after(1.5) }), null, "released under an old fence");
      await store.campaigns.release({ ...key, fence: fence + 2, retryIn: 0, now: after(1.5) });
      const third = (await store.campaigns.lease({ ...lease, now: after(1.5) }))!;
      assert.deepEqual([third.fence, third.tries], [fence + 3, 3]);
      await store.campaigns.release({ ...key, fence: fence + 3, retryIn: minute / 4, now: after(1.5) });
      assert.equal(await store.campaigns.lease({ ...lease, now: after(1.7) }), null, "not before its next try");
      const chunk = { ...wholeChunk, fence: fence + 4, notifications: [], templates, now: after(1.8) };
      assert.equal((await store.campaigns.lease({ ...lease, now: after(1.75) }))!.tries, 4);
      await store.campaigns.load({ ...chunk, ...key });
      assert.equal((await store.campaigns.get(key))!.tries, 0, "something was done");
      await act(store, "cancel", { now: after(2) });
      const last = (await store.campaigns.lease({ ...lease, now: after(3) }))!;
      const cancelling = { ...key, fence: last.fence, limit: 10, lease: minute, now: after(3) };
      assert.equal(await store.campaigns.cancelNext(cancelling), 0, "nothing was loaded");
      assert.equal(await store.campaigns.lease({ ...lease, now: after(4) }), null);
      await assert.rejects(store.campaigns.lease({ ...lease, id: "unknown" }), { code: "not_found" });
    },
  },
  {
    about,
    name: "late joiners are looked for while it sends, and it is not complete before the last look",
    async run({ store }) {
      await created(store);
      await act(store, "start");
      const ids = async (now: Date) =>
        (await store.campaigns.claim({ codes: [], limit: 10, lease: minute, now })).map(({ id }) => id);
      const first = await held(store);
      const chunk = { ...wholeChunk, ...key, templates, notifications: [] };
      await store.campaigns.load({ ...chunk, fence: first.fence, lookAt: after(10) });
      assert.deepEqual(await ids(after(9)), []);
      const second = await held(store, after(10));
      const joined = { ...chunk, notifications: audience(2), now: after(10) };
      assert.equal(await store.campaigns.load({ ...joined, fence: second.fence, lookAt: after(20) }), 2);
      assert.equal((await claimed(store, after(10))).length, 2, "it goes on sending");
      const third = await held(store, after(20));
      await store.campaigns.load({ ...chunk, fence: third.fence, now: after(20), last: false, lookAt: after(20) });
      assert.equal((await store.campaigns.get(key))!.loaded, true);
      await store.campaigns.load({ ...chunk, fence: third.fence, now: after(20) });
      assert.deepEqual(await ids(after(21)), [], "its notifications are open");
      await act(store, "cancel", { now: after(22) });
      assert.equal((await store.campaigns.get(key))!.lookAt, null);
    },
  },
];
