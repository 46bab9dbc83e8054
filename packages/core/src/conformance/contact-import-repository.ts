import assert from "node:assert/strict";
import type { ContactImport, RejectedRow } from "../contact/contact-import.js";
import type { ImportChunk } from "../store/contact-import-repository.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { actsOn, adding, given, listed, person, replacing, stored } from "./contact-samples.js";
import { at, everyPage, start, twoStores } from "./samples.js";

const about = "contact imports";

const key = { tenant: "default", id: "imp-1" };

async function begun(store: Store, id = "imp-1") {
  return store.contactImports.begin({ tenant: "default", id, ...person, now: start });
}

function chunk(from: number, to: number, fields: Partial<ImportChunk> = {}): ImportChunk & { readonly now: Date } {
  return {
    ...{ tenant: "default", import: "imp-1", from, to, contacts: [], repeated: 0, rejected: [], merging: adding },
    ...{ consent: null, last: false, now: at(to) },
    ...fields,
  };
}

function rejection(line: number): RejectedRow {
  return { line, field: "address", code: "pattern", expected: "an é\u{1f389} 'address'", shape: '99 "a"' };
}

/** What an import counted, in its order. */
function figures(found: ContactImport): readonly number[] {
  const { line, read, created, changed, unchanged, repeated, rejected } = found;
  return [line, read, created, changed, unchanged, repeated, rejected];
}

export const contactImportCases: readonly ConformanceCase[] = [
  {
    about,
    name: "an import is begun once, with who did it",
    async run(opened) {
      const first = await begun(opened.store);
      assert.deepEqual(first, {
        ...{ ...key, line: 0, read: 0, created: 0, changed: 0, unchanged: 0, repeated: 0, rejected: 0, by: "ann" },
        ...{ startedAt: start, updatedAt: start, endedAt: null },
      });
      const [, other] = await twoStores(opened);
      const again = await other.contactImports.begin({ ...key, by: "eve", why: "other", now: at(5) });
      assert.deepEqual(again, first);
      assert.deepEqual(await other.contactImports.get(key), first);
      assert.equal(await other.contactImports.get({ ...key, tenant: "other" }), null);
      assert.deepEqual(await actsOn(other, "imp-1"), ["import by ann: asked for"]);
    },
  },
  {
    about,
    name: "a chunk stores contacts, rejected rows and how far it came, and every row is counted once",
    async run(opened) {
      const { store } = opened;
      await stored(store, [given("b", { name: "B" }), given("c", { name: "C" })]);
      await begun(store);
      const contacts = [given("a"), given("b", { name: "Bea" }), given("c", { name: "C" })];
      const { stored: done, import: found } = await store.contactImports.load(
        chunk(0, 7, { contacts, repeated: 2, rejected: [rejection(3), rejection(5)] }),
      );
      assert.equal(done, true);
      assert.deepEqual(figures(found), [7, 7, 1, 1, 1, 2, 2]);
      assert.deepEqual([found.updatedAt, found.endedAt], [at(7), null]);
      const [, other] = await twoStores(opened);
      assert.deepEqual(await other.contactImports.get(key), found);
      assert.deepEqual(
        (await listed(other)).map(({ id, name, import: from }) => [id, name, from]),
        [
          ["b", "Bea", "imp-1"],
          ["c", "C", "imp-1"],
          ["a", null, "imp-1"],
        ],
      );
      const pages = await everyPage<RejectedRow>(1, (last, limit) =>
        other.contactImports.rejected({ tenant: "default", import: "imp-1", after: last?.line ?? 0, limit }),
      );
      assert.deepEqual(pages, [rejection(3), rejection(5)]);
    },
  },
  {
    about,
    name: "a chunk that does not begin where the import stands stores nothing, also of two at once",
    async run(opened) {
      const stores = await twoStores(opened);
      await begun(opened.store);
      const both = await Promise.all(
        stores.map((store, i) => store.contactImports.load(chunk(0, 3, { contacts: [given(`first-${i}`)] }))),
      );
      assert.deepEqual(both.map(({ stored: done }) => done).sort(), [false, true]);
      assert.deepEqual(both[0]!.import, both[1]!.import);
      assert.equal((await listed(opened.store)).length, 1);
      const ahead = await opened.store.contactImports.load(chunk(4, 6, { contacts: [given("ahead")] }));
      assert.deepEqual([ahead.stored, figures(ahead.import)], [false, [3, 1, 1, 0, 0, 0, 0]]);
      assert.equal(
        (await opened.store.contactImports.load(chunk(3, 5, { last: true }))).import.endedAt?.getTime(),
        at(5).getTime(),
      );
      const after = await opened.store.contactImports.load(chunk(5, 9, { contacts: [given("late")] }));
      assert.equal(after.stored, false);
      assert.equal((await listed(opened.store)).length, 1);
    },
  },
  {
    about,
    name: "a contact that an earlier chunk named is repeated, and the last one wins",
    async run({ store }) {
      await begun(store);
      await store.contactImports.load(chunk(0, 2, { contacts: [given("a", { name: "1", tags: ["x"] }), given("b")] }));
      const { import: found } = await store.contactImports.load(
        chunk(2, 5, { contacts: [given("a", { name: "2", tags: ["y"] }), given("b"), given("c")] }),
      );
      assert.deepEqual(figures(found), [5, 5, 3, 0, 0, 2, 0]);
      const [a] = await listed(store, { id: "a" });
      assert.deepEqual([a!.name, a!.tags], ["2", ["x", "y"]]);
      await begun(store, "imp-2");
      const next = await store.contactImports.load(
        chunk(0, 3, { import: "imp-2", contacts: [given("a", { tags: ["z"] }), given("b")], merging: replacing }),
      );
      assert.deepEqual(figures(next.import), [3, 2, 0, 1, 1, 0, 0]);
      assert.deepEqual((await listed(store, { id: "a" }))[0]!.tags, ["z"]);
    },
  },
  {
    about,
    name: "an import says that addresses agreed, and takes back nobody's no",
    async run({ store }) {
      const no = { tenant: "default", recipientKey: "no@example.com", scope: "news", ...person, now: start };
      await store.suppressions.consent({ ...no, granted: false, source: "unsubscribe link" });
      await begun(store);
      const consent = { scope: "news", source: "fair 2026" };
      await store.contactImports.load(
        chunk(0, 3, {
          contacts: ["no", "twin", "yes"].map((id) =>
            given(id === "twin" ? "twin" : id, id === "twin" ? { address: "yes@example.com" } : {}),
          ),
          consent,
        }),
      );
      const found = await store.suppressions.consents({ tenant: "default", limit: 10 });
      assert.deepEqual(
        found.map(({ recipientKey, granted, source, by, at: time }) => [recipientKey, granted, source, by, time]),
        [
          ["no@example.com", false, "unsubscribe link", "ann", start],
          ["yes@example.com", true, "fair 2026", "ann", at(3)],
        ],
      );
    },
  },
  {
    about,
    name: "imports of two tenants have one id and nothing in common",
    async run({ store }) {
      await begun(store);
      await store.contactImports.begin({ tenant: "other", id: "imp-1", ...person, now: start });
      await store.contactImports.load(chunk(0, 2, { contacts: [given("a")], rejected: [rejection(1)] }));
      const { import: found } = await store.contactImports.load(
        chunk(0, 1, { tenant: "other", contacts: [given("a")] }),
      );
      assert.deepEqual(figures(found), [1, 1, 1, 0, 0, 0, 0]);
      const rows = { tenant: "other", import: "imp-1", after: 0, limit: 10 };
      assert.deepEqual(await store.contactImports.rejected(rows), []);
      assert.equal((await listed(store, null, { tenant: "other" })).length, 1);
    },
  },
];
