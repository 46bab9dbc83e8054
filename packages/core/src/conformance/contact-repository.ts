import assert from "node:assert/strict";
import type { Contact } from "../contact/contact.js";
import type { ConformanceCase } from "./case.js";
import { actsOn, adding, given, ids, listed, person, replacing, stored } from "./contact-samples.js";
import { claimed, mark, notification, queued, refused as refusedCall, settlement } from "./notification-samples.js";
import { at, awkwardJson, awkwardKeys, bytewise, everyPage, minute, start, twoStores } from "./samples.js";
import { halting } from "./subject-samples.js";

const about = "contacts";

export const contactCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a contact comes back with every field, and is created once",
    async run(opened) {
      const said = {
        ...{ name: " 'A\"c\\me' é\u{1f389} ", firstName: "Ada", lastName: "L", locale: "de-AT", zone: "Europe/Vienna" },
        ...{ source: "crm", tags: bytewise(awkwardKeys), fields: awkwardJson, channel: "email" },
      };
      const contact = given("ada", { address: "Ada@Example.com", ...said });
      assert.deepEqual(await stored(opened.store, [contact]), { created: 1, changed: 0, unchanged: 0 });
      const [, other] = await twoStores(opened);
      const [found] = await listed(other);
      const { number, ...rest } = found!;
      assert.ok(number > 0);
      assert.deepEqual(rest, {
        ...{ tenant: "default", ...contact, import: null, lastEmailedAt: null, bounces: 0 },
        ...{ createdAt: start, updatedAt: start, consents: [], suppressions: [] },
      });
      assert.deepEqual(await stored(other, [contact], { now: at(5) }), { created: 0, changed: 0, unchanged: 1 });
      assert.deepEqual(await listed(opened.store), [found]);
    },
  },
  {
    about,
    name: "what is not given stays as it is, null takes it away",
    async run({ store }) {
      const all = { name: "Ada", firstName: "A", lastName: "L", locale: "en", zone: "UTC", source: "crm" };
      await stored(store, [given("ada", { ...all, tags: ["a"], fields: { plan: "pro" } })]);
      const counts = await stored(store, [given("ada", { name: null, zone: null })], { now: at(1) });
      assert.deepEqual(counts, { created: 0, changed: 1, unchanged: 0 });
      const [found] = await listed(store);
      const { name, firstName, lastName, locale, zone, source, tags, fields, createdAt, updatedAt } = found!;
      assert.deepEqual({ name, firstName, lastName, locale, zone, source }, { ...all, name: null, zone: null });
      assert.deepEqual([tags, fields, createdAt, updatedAt], [["a"], { plan: "pro" }, start, at(1)]);
    },
  },
  {
    about,
    name: "tags and fields stand in the place of those before, or beside them",
    async run({ store }) {
      const look = async () => (await listed(store)).map(({ tags, fields }) => [tags, fields]);
      await stored(store, [given("ada", { tags: ["b", "ä"], fields: { a: 1, b: { c: 2 } } })]);
      await stored(store, [given("ada", { tags: ["B", "b"], fields: { b: null, d: [1] } })], { merging: adding });
      assert.deepEqual(await look(), [[["B", "b", "ä"], { a: 1, b: null, d: [1] }]]);
      await stored(store, [given("ada", { tags: ["z"], fields: { e: 1 } })], {
        merging: { tags: "replace", fields: "merge" },
      });
      assert.deepEqual(await look(), [[["z"], { a: 1, b: null, d: [1], e: 1 }]]);
      await stored(store, [given("ada", { tags: [], fields: {} })], { merging: replacing });
      assert.deepEqual(await look(), [[[], {}]]);
      assert.deepEqual(await ids(store, { tag: "z" }), []);
    },
  },
  {
    about,
    name: "numbers rise in the order of coming, and never come again",
    async run({ store }) {
      await stored(
        store,
        ["c", "a", "b"].map((id) => given(id)),
      );
      const first = (await listed(store)).map(({ number }) => number);
      assert.deepEqual(await ids(store), ["a", "b", "c"]);
      await store.contacts.remove({ tenant: "default", filter: { id: "c" }, limit: 10, act: null });
      await stored(store, [given("0"), given("b", { name: "B" })]);
      const later = await listed(store);
      assert.deepEqual(
        later.map(({ id }) => id),
        ["a", "b", "0"],
      );
      assert.deepEqual(
        later.slice(0, 2).map(({ number }) => number),
        first.slice(0, 2),
      );
      assert.ok(later[2]!.number > first[2]!);
    },
  },
  {
    about,
    name: "who reads by number while others add misses nobody",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const seen: string[] = [];
      let after = 0;
      const read = async () => {
        for (const { id, number } of await listed(store, null, { after, limit: 7 })) {
          seen.push(id);
          after = number;
        }
      };
      const names = Array.from({ length: 24 }, (_, i) => [`${i}-a`, `${i}-b`, `${i}-c`]);
      let open = names.length;
      const writers = names.map(async (chunk, i) => {
        await stored(
          i % 2 === 0 ? store : other,
          chunk.map((id) => given(id)),
        );
        open--;
      });
      while (open > 0) await read();
      await Promise.all(writers);
      for (let before = -1; before < seen.length; ) {
        before = seen.length;
        await read();
        if (before === seen.length) break;
      }
      assert.deepEqual([...seen].sort(), names.flat().sort());
    },
  },
  {
    about,
    name: "tenants have contacts of their own, also under the same id and address",
    async run({ store }) {
      await stored(store, [given("ada", { tags: ["a"] })]);
      await stored(store, [given("ada", { tags: ["b"] }), given("bob")], { tenant: "other" });
      await store.contacts.tag({
        ...{ tenant: "other", filter: { all: [] }, add: ["c"], remove: [], after: 0, limit: 10, act: null, now: start },
      });
      await store.contacts.bounced({ tenant: "other", recipientKey: "ada@example.com" });
      const look = async (tenant: string) =>
        (await listed(store, null, { tenant })).map(({ id, tags, bounces }) => [id, tags, bounces]);
      assert.deepEqual(await look("default"), [["ada", ["a"], 0]]);
      assert.deepEqual(await look("other"), [
        ["ada", ["b", "c"], 1],
        ["bob", ["c"], 0],
      ]);
      assert.equal(await store.contacts.count({ tenant: "other", filter: { tag: "a" } }), 0);
      await store.contacts.remove({ tenant: "other", filter: { all: [] }, limit: 10, act: null, now: start });
      assert.deepEqual(await ids(store), ["ada"]);
    },
  },
  {
    about,
    name: "keys of any kind keep apart",
    async run({ store }) {
      await stored(
        store,
        awkwardKeys.map((id) => given(id, { tags: [id], recipientKey: id })),
      );
      const all = await everyPage<Contact>(7, (last, limit) =>
        listed(store, null, { after: last?.number ?? 0, limit }),
      );
      assert.deepEqual(
        all.map(({ id }) => id),
        bytewise(awkwardKeys),
      );
      for (const key of awkwardKeys) {
        assert.deepEqual(await ids(store, { id: key }), [key]);
        assert.deepEqual(await ids(store, { tag: key }), [key]);
      }
    },
  },
  {
    about,
    name: "what a person puts is recorded for each contact that it changes",
    async run({ store }) {
      await stored(store, [given("ada"), given("bob")], { act: person });
      await stored(store, [given("ada"), given("bob", { name: "Bob" })], { act: { by: "eve", why: "named" } });
      assert.deepEqual(await actsOn(store, "ada"), ["put by ann: asked for"]);
      assert.deepEqual(await actsOn(store, "bob"), ["put by ann: asked for", "put by eve: named"]);
    },
  },
  {
    about,
    name: "tags are given and taken by a filter, chunk by chunk, and recorded once",
    async run({ store }) {
      await stored(store, [
        given("a", { tags: ["x"] }),
        given("b", { tags: ["x", "y"] }),
        given("c", { tags: ["x"] }),
        given("d"),
      ]);
      const step = {
        ...{ tenant: "default", filter: { tag: "x" }, add: ["y", "z"], remove: ["w"], limit: 2, now: at(9) },
      };
      const act = { entityId: "filter:1", ...person };
      const first = await store.contacts.tag({ ...step, after: 0, act });
      const [, b] = await listed(store);
      assert.deepEqual(first, { changed: 2, last: b!.number });
      const second = await store.contacts.tag({ ...step, after: first.last!, act: null });
      assert.deepEqual(second, { changed: 1, last: null });
      const look = async () => (await listed(store)).map(({ tags, updatedAt }) => [tags.join(""), updatedAt]);
      assert.deepEqual(await look(), [
        ["xyz", at(9)],
        ["xyz", at(9)],
        ["xyz", at(9)],
        ["", start],
      ]);
      const again = await store.contacts.tag({ ...step, after: 0, limit: 10, act: null, now: at(10) });
      assert.deepEqual(again, { changed: 0, last: null });
      const all = { filter: { all: [] }, add: [], remove: ["y", "z"], after: 0, limit: 10, act: null };
      assert.equal((await store.contacts.tag({ ...step, ...all })).changed, 3);
      assert.deepEqual(await ids(store, { any: [{ tag: "y" }, { tag: "z" }] }), []);
      assert.deepEqual(await actsOn(store, "filter:1"), ["tag by ann: asked for"]);
    },
  },
  {
    about,
    name: "contacts are removed by a filter, chunk by chunk, and recorded once",
    async run({ store }) {
      await stored(
        store,
        ["a", "b", "c", "d"].map((id) => given(id, { tags: id === "d" ? [] : ["x"] })),
      );
      const step = { tenant: "default", filter: { tag: "x" }, limit: 2, now: start };
      const first = await store.contacts.remove({ ...step, act: { entityId: "filter:1", ...person } });
      assert.equal(first.removed, 2);
      assert.notEqual(first.last, null);
      assert.deepEqual(await store.contacts.remove({ ...step, act: null }), { removed: 1, last: null });
      assert.deepEqual(await ids(store), ["d"]);
      assert.deepEqual(await actsOn(store, "filter:1"), ["remove by ann: asked for"]);
    },
  },
  {
    about,
    name: "a contact shows what is known of its address, and changes none of it",
    async run({ store }) {
      await stored(store, [given("ada"), given("twin", { address: "ada@example.com" }), given("bob")]);
      const address = { tenant: "default", recipientKey: "ada@example.com", ...person, now: start };
      await store.suppressions.add({ ...address, scope: "news", reason: "unsubscribed", detail: null });
      await store.suppressions.consent({ ...address, scope: "offers", granted: true, source: "form" });
      await store.suppressions.consent({ ...address, scope: "*", granted: false, source: "call" });
      const known = {
        consents: [
          { scope: "*", granted: false, source: "call", at: start },
          { scope: "offers", granted: true, source: "form", at: start },
        ],
        suppressions: [{ scope: "news", reason: "unsubscribed" }],
      };
      const look = async (id: string) => {
        const [{ consents, suppressions } = { consents: [], suppressions: [] }] = await listed(store, { id });
        return { consents, suppressions };
      };
      assert.deepEqual([await look("ada"), await look("twin")], [known, known]);
      assert.deepEqual(await look("bob"), { consents: [], suppressions: [] });
      await store.contacts.remove({ tenant: "default", filter: { id: "ada" }, limit: 1, act: null });
      assert.equal((await store.suppressions.list({ tenant: "default", limit: 10 })).length, 1);
    },
  },
  {
    about,
    name: "a message that came back is counted for each contact with the address",
    async run({ store }) {
      await stored(store, [given("ada"), given("twin", { address: "ada@example.com" }), given("bob")]);
      assert.equal(await store.contacts.bounced({ tenant: "default", recipientKey: "ada@example.com" }), 2);
      assert.equal(await store.contacts.bounced({ tenant: "default", recipientKey: "ada@example.com" }), 2);
      assert.equal(await store.contacts.bounced({ tenant: "default", recipientKey: "who@example.com" }), 0);
      await stored(store, [given("ada", { name: "Ada" })]);
      assert.deepEqual(
        (await listed(store)).map(({ bounces }) => bounces),
        [2, 0, 2],
      );
    },
  },
  {
    about,
    name: "an email that the other side took is dated on the contacts of its address, and nothing else is",
    async run({ store }) {
      const names = ["sent", "refused", "text", "silent"];
      await stored(
        store,
        names.map((id) => given(id)),
      );
      await stored(store, [given("sent")], { tenant: "other" });
      await queued(
        store,
        names.map((id) => notification({ id, channel: id === "text" ? "sms" : "email" })),
      );
      const rows = await claimed(store, start);
      const of = (id: string) => rows.find((row) => row.id === id)!;
      await store.notifications.mark({ marks: names.slice(0, 3).map((id) => mark(of(id))), lease: minute, now: start });
      const settlements = [settlement(of("sent")), settlement(of("refused"), refusedCall), settlement(of("text"))];
      assert.deepEqual(await store.notifications.settle({ settlements, now: at(7) }), Array(3).fill("settled"));
      assert.deepEqual(
        (await listed(store)).map(({ id, lastEmailedAt, updatedAt }) => [id, lastEmailedAt, updatedAt]),
        [
          ["refused", null, start],
          ["sent", at(7), start],
          ["silent", null, start],
          ["text", null, start],
        ],
      );
      assert.deepEqual(await ids(store, { lastEmailed: "never" }), ["refused", "silent", "text"]);
      assert.equal((await listed(store, null, { tenant: "other" }))[0]!.lastEmailedAt, null);
    },
  },
  {
    about,
    name: "forgetting a subject takes the contact with its id, and its name out of the acts",
    async run({ store }) {
      await stored(store, [given("acme", { tags: ["x"] }), given("bob", { tags: ["x"] })], { act: person });
      await stored(store, [given("acme")], { tenant: "other" });
      assert.equal((await store.subjects.halt(halting())).contacts, 1);
      assert.deepEqual(await ids(store), ["bob"]);
      assert.deepEqual(await ids(store, { tag: "x" }), ["bob"]);
      assert.equal((await listed(store, null, { tenant: "other" })).length, 1);
      assert.deepEqual(await actsOn(store, "acme"), []);
      assert.deepEqual(await actsOn(store, "digest"), ["put by ann: asked for"]);
    },
  },
  {
    about,
    name: "thirty callers who put the same contacts at once leave each once, whole",
    async run(opened) {
      const stores = await twoStores(opened);
      const all = ["a", "b", "c"];
      await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          stored(
            stores[i % 2]!,
            all.map((id) => given(id, { name: `n${i}`, tags: [`t${i}`] })),
            { merging: adding },
          ),
        ),
      );
      const found = await listed(opened.store);
      assert.deepEqual(
        found.map(({ id, tags }) => [id, tags.length]),
        all.map((id) => [id, 30]),
      );
      assert.equal(new Set(found.map(({ name }) => name)).size, 1);
    },
  },
];
