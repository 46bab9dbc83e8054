import assert from "node:assert/strict";
import { checkedVersion } from "../message/template-check.js";
import { actsOf } from "./acts-of.js";
import type { ConformanceCase } from "./case.js";
import {
  assertOwnClock,
  assertRefused,
  at,
  awkwardJson,
  awkwardKeys,
  bytewise,
  everyPage,
  start,
  twoStores,
} from "./samples.js";
import { act, actsOnTemplate, added, created, key, person, reminder, template, version } from "./template-samples.js";

const about = "templates";

export const templateCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a template is stored once, with its first version, which is active, and with who made it",
    async run(opened) {
      const { store } = opened;
      const given = checkedVersion(reminder);
      const stored = await created(store, { origin: "imported", source: "the old shop" }, given);
      const expected = {
        ...{ ...key, category: "invoices", origin: "imported", source: "the old shop", newest: 1, active: 1 },
        ...{ isDefault: false, archivedAt: null, createdAt: start },
      };
      assert.deepEqual(stored, expected);
      const again = { template: template({ category: "other" }), version: version("Other"), ...person, now: at(1) };
      assert.deepEqual(await store.templates.create(again), { created: false, template: stored });
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.templates.get(key), expected);
      const first = { ...key, number: 1, parent: null, ...given, createdAt: start };
      assert.deepEqual(await other.templates.version(key), first);
      assert.deepEqual(await other.templates.versions({ ...key, after: 0, limit: 10 }), [first]);
      const acts = await actsOf(other, { tenant: "default", entity: "template", entityId: key.name });
      const made = { tenant: "default", entity: "template", entityId: key.name, act: "create", ...person, at: start };
      assert.deepEqual(acts, [made]);
    },
  },
  {
    about,
    name: "of two who create one template at once the second finds it, and writes nothing",
    async run(opened) {
      const [one, other] = await twoStores(opened);
      const create = (store: typeof one, text: string) =>
        store.templates.create({ template: template(), version: version(text), ...person, now: start });
      const results = await Promise.all([create(one, "One"), create(other, "Two")]);
      assert.deepEqual(results.map((result) => result.created).sort(), [false, true]);
      assert.equal((await one.templates.versions({ ...key, after: 0, limit: 10 })).length, 1);
      assert.deepEqual(await actsOnTemplate(one), ["create"]);
    },
  },
  {
    about,
    name: "a version is added to the newest one and is used once it is active; versions before it stay as they were",
    async run(opened) {
      const { store } = opened;
      await created(store);
      const before = await store.templates.version(key);
      const second = await added(store, 1, { version: checkedVersion(reminder), now: at(1) });
      assert.deepEqual(second, { ...key, number: 2, parent: 1, ...checkedVersion(reminder), createdAt: at(1) });
      assert.deepEqual(await store.templates.version(key), before, "not active yet");
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.templates.version({ ...key, number: 2 }), second);
      const moved = await act(other, "activate", { version: 2, now: at(2) });
      assert.deepEqual([moved.newest, moved.active], [2, 2]);
      assert.deepEqual(await store.templates.version(key), second);
      assert.equal((await act(store, "activate", { version: 1 })).active, 1);
      const all = await store.templates.versions({ ...key, after: 0, limit: 10 });
      assert.deepEqual(all, [before, second]);
      assert.deepEqual(await store.templates.versions({ ...key, after: 1, limit: 10 }), [second]);
      assert.deepEqual(await store.templates.versions({ ...key, after: 0, limit: 1 }), [before]);
      assert.deepEqual(await actsOnTemplate(store), ["create", "version", "activate", "activate"]);
    },
  },
  {
    about,
    name: "of two versions that were made from one at once the second is refused, and is not lost in silence",
    async run(opened) {
      const [one, other] = await twoStores(opened);
      await created(one);
      const results = await Promise.allSettled([
        added(one, 1, { version: version("One") }),
        added(other, 1, { version: version("Two") }),
      ]);
      const refused = results.filter((result) => result.status === "rejected");
      assert.equal(refused.length, 1);
      assert.deepEqual([refused[0]!.reason.code, refused[0]!.reason.path], ["act_refused", "parent"]);
      assert.equal((await one.templates.get(key))!.newest, 2);
      assert.deepEqual(await actsOnTemplate(one), ["create", "version"]);
      await assertRefused(added(one, 1), "act_refused");
      await assertRefused(added(one, 3), "act_refused");
      assert.equal((await added(one, 2)).number, 3);
    },
  },
  {
    about,
    name: "exactly one version is active, however many are made so at once",
    async run(opened) {
      const [one, other] = await twoStores(opened);
      await created(one);
      for (const parent of [1, 2, 3]) await added(one, parent, { version: version(`Text ${parent}`) });
      const results = await Promise.all(
        [1, 2, 3, 4].map((number) => act(number % 2 === 0 ? one : other, "activate", { version: number })),
      );
      assert.deepEqual(
        results.map(({ active }) => active),
        [1, 2, 3, 4],
      );
      const { active } = (await one.templates.get(key))!;
      assert.ok(active >= 1 && active <= 4);
      assert.equal((await one.templates.version(key))!.number, active);
      await assertRefused(act(one, "activate", { version: 5 }), "not_found");
      await assertRefused(act(one, "activate", { version: 0 }), "not_found");
      await assertRefused(act(one, "activate", { name: "other", version: 1 }), "not_found");
      assert.equal((await actsOnTemplate(one)).length, 8);
    },
  },
  {
    about,
    name: "a category has one default at most, however many are made so at once",
    async run(opened) {
      const [one, other] = await twoStores(opened);
      const names = ["a", "b", "c", "d"];
      for (const name of names) await created(one, { name });
      await created(one, { name: "e", category: "receipts" });
      const defaults = async () => {
        const list = await one.templates.list({ tenant: "default", isDefault: true, limit: 10 });
        return list.map(({ name }) => name);
      };
      assert.equal((await act(one, "default", { name: "a" })).isDefault, true);
      assert.equal((await act(one, "default", { name: "e" })).isDefault, true);
      assert.equal((await act(other, "default", { name: "b" })).isDefault, true);
      assert.deepEqual(await defaults(), ["b", "e"]);
      assert.equal((await other.templates.get({ tenant: "default", name: "a" }))!.isDefault, false);
      await Promise.all(names.map((name, i) => act(i % 2 === 0 ? one : other, "default", { name })));
      const [chosen, last] = await defaults();
      assert.ok(names.includes(chosen!));
      assert.equal(last, "e");
      assert.equal((await defaults()).length, 2);
      const rest = await one.templates.list({ tenant: "default", isDefault: false, category: "invoices", limit: 10 });
      assert.deepEqual(
        rest.map(({ name }) => name),
        names.filter((name) => name !== chosen),
      );
    },
  },
  {
    about,
    name: "an archived template is no default, takes no new version or act, and what was queued of it stays",
    async run({ store }) {
      await created(store);
      await act(store, "default");
      const archived = await act(store, "archive", { now: at(5) });
      assert.deepEqual([archived.archivedAt, archived.isDefault], [at(5), false]);
      assert.deepEqual(await store.templates.get(key), archived);
      assert.deepEqual(await store.templates.list({ tenant: "default", isDefault: true, limit: 10 }), []);
      for (const name of ["archive", "default", "activate"] as const) {
        await assertRefused(act(store, name, { version: 1 }), "act_refused");
      }
      await assertRefused(added(store, 1), "act_refused");
      assert.deepEqual(await store.templates.list({ tenant: "default", archived: false, limit: 10 }), []);
      assert.deepEqual(await store.templates.list({ tenant: "default", archived: true, limit: 10 }), [archived]);
      assert.equal((await store.templates.version(key))!.number, 1);
      assert.deepEqual(await actsOnTemplate(store), ["create", "default", "archive"]);
    },
  },
  {
    about,
    name: "tenants' templates of one name know nothing of each other",
    async run({ store }) {
      await created(store);
      await created(store, { tenant: "other", category: "theirs" }, version("Theirs"));
      await added(store, 1);
      await act(store, "default");
      await act(store, "archive", { tenant: "other" });
      const own = (await store.templates.get(key))!;
      assert.deepEqual([own.newest, own.isDefault, own.archivedAt], [2, true, null]);
      const theirs = (await store.templates.get({ ...key, tenant: "other" }))!;
      assert.deepEqual([theirs.newest, theirs.isDefault, theirs.category], [1, false, "theirs"]);
      assert.equal((await store.templates.versions({ ...key, tenant: "other", after: 0, limit: 10 })).length, 1);
      const [variant] = (await store.templates.version({ ...key, tenant: "other" }))!.variants.slice(-1);
      assert.equal(variant!.content.text, "Theirs");
      assert.equal(await store.templates.get({ ...key, tenant: "third" }), null);
      assert.equal(await store.templates.version({ ...key, tenant: "third" }), null);
      assert.deepEqual(await store.templates.list({ tenant: "third", limit: 10 }), []);
      assert.deepEqual(await actsOnTemplate(store, "other"), ["create", "archive"]);
      await assertRefused(added(store, 1, { tenant: "third" }), "not_found");
      await assertRefused(act(store, "archive", { tenant: "third" }), "not_found");
    },
  },
  {
    about,
    name: "templates are listed by name, bytewise, page by page and by each filter",
    async run({ store }) {
      for (const name of awkwardKeys) await created(store, { name });
      await created(store, { name: "z-1", category: "receipts", origin: "system" });
      await created(store, { name: "z-2", category: "receipts", origin: "imported", source: "a file" });
      const paged = await everyPage<{ readonly name: string }>(7, (last, limit) =>
        store.templates.list({ tenant: "default", ...(last && { after: last.name }), limit }),
      );
      assert.deepEqual(
        paged.map(({ name }) => name),
        bytewise([...awkwardKeys, "z-1", "z-2"]),
      );
      const names = async (filter: object) =>
        (await store.templates.list({ tenant: "default", limit: 100, ...filter })).map(({ name }) => name);
      assert.deepEqual(await names({ category: "receipts" }), ["z-1", "z-2"]);
      assert.deepEqual(await names({ category: "receipts", origin: "imported" }), ["z-2"]);
      assert.deepEqual(await names({ origin: "system", archived: false, isDefault: false }), ["z-1"]);
      assert.deepEqual(await names({ origin: "system", isDefault: true }), []);
    },
  },
  {
    about,
    name: "what a version says comes back as it was given, also of two that share a variant",
    async run(opened) {
      const { store } = opened;
      const texts = [
        " ",
        "{{! a }}é e\u0301 \u{1f389} \u2028 \ufeff \uffff",
        "'\"\\%_{counters}$1?\r\n\t",
        "x".repeat(20_000),
      ];
      const variants = Object.fromEntries(texts.map((text, i) => [["en", "de", "fr", "ar-EG"][i]!, { text }]));
      const given = checkedVersion({ variants, fallback: "en", sample: awkwardJson as Record<string, unknown> });
      await created(store, {}, given);
      await added(store, 1, { version: { ...given, fallback: "de" } });
      const [, other] = await twoStores(opened);
      const [first, second] = await other.templates.versions({ ...key, after: 0, limit: 10 });
      assert.deepEqual(first, { ...key, number: 1, parent: null, ...given, createdAt: start });
      assert.deepEqual([second!.variants, second!.fallback], [given.variants, "de"]);
    },
  },
  {
    about,
    name: "without a given time the store's own clock decides",
    async run({ store }) {
      await assertOwnClock(async () => {
        const { template: stored } = await store.templates.create({
          template: template(),
          version: version(),
          ...person,
        });
        return stored.createdAt;
      });
      const edit = { ...key, ...person, parent: 1, version: version("Later") };
      await assertOwnClock(async () => (await store.templates.addVersion(edit)).createdAt);
      await assertOwnClock(async () => (await store.templates.act({ ...key, ...person, act: "archive" })).archivedAt);
    },
  },
];
