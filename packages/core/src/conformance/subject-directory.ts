import assert from "node:assert/strict";
import type { Store } from "../store/store.js";
import type { Member, Subject, SubjectRepository } from "../store/subject-repository.js";
import type { ConformanceCase } from "./case.js";
import { awkwardJson, awkwardKeys, bytewise, everyPage, twoStores } from "./samples.js";

const about = "subjects";

type Entry = Parameters<SubjectRepository["put"]>[0]["subjects"][number];

function member(fields: Partial<Member> = {}): Member {
  return {
    id: "ada",
    address: "ada@example.com",
    name: "Ada Lovelace",
    firstName: "Ada",
    lastName: "Lovelace",
    role: "owner",
    locale: "en-GB",
    zone: "Europe/London",
    ...fields,
  };
}

/** A member of whom nothing but the address is known. */
function bare(id: string): Member {
  const nothing = { name: null, firstName: null, lastName: null, role: null, locale: null, zone: null };
  return { id, address: `${id}@example.com`, ...nothing };
}

function subject(fields: Partial<Entry> = {}): Entry {
  const known = { name: "Acme", locale: "de-AT", zone: "Europe/Vienna", fields: { plan: "pro" } };
  return { tenant: "default", id: "acme", ...known, members: null, ...fields };
}

function withoutMembers({ members: _, ...rest }: Entry): Subject {
  return rest;
}

async function members(store: Store, roles?: readonly string[], tenant = "default"): Promise<readonly Member[]> {
  return store.subjects.members({ tenant, subject: "acme", ...(roles !== undefined && { roles }) });
}

export const subjectDirectoryCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a subject and its members come back with every field",
    async run(opened) {
      const given = subject({
        name: " 'A\"c\\me' é\u{1f389} ",
        fields: awkwardJson,
        members: [member(), bare("bob")],
      });
      await opened.store.subjects.put({ subjects: [given] });
      const [, other] = await twoStores(opened);
      const found = await other.subjects.get({ tenant: "default", id: "acme" });
      assert.deepEqual(found, withoutMembers(given));
      assert.deepEqual(await members(other), given.members);
      assert.deepEqual(await other.subjects.list({ tenant: "default", limit: 10 }), [withoutMembers(given)]);
    },
  },
  {
    about,
    name: "what is not known stays unknown",
    async run({ store }) {
      const given = subject({ locale: null, zone: null, fields: {}, name: "" });
      await store.subjects.put({ subjects: [given] });
      const found = await store.subjects.get({ tenant: "default", id: "acme" });
      assert.deepEqual(found, withoutMembers(given));
      assert.deepEqual(await members(store), []);
    },
  },
  {
    about,
    name: "an unknown subject is null and has no members",
    async run({ store }) {
      assert.equal(await store.subjects.get({ tenant: "default", id: "acme" }), null);
      assert.deepEqual(await members(store), []);
      assert.deepEqual(await members(store, ["owner"]), []);
      assert.deepEqual(await store.subjects.list({ tenant: "default", limit: 10 }), []);
    },
  },
  {
    about,
    name: "putting nothing changes nothing",
    async run({ store }) {
      await store.subjects.put({ subjects: [] });
      assert.deepEqual(await store.subjects.list({ tenant: "default", limit: 10 }), []);
    },
  },
  {
    about,
    name: "a subject that exists is replaced as a whole",
    async run({ store }) {
      await store.subjects.put({ subjects: [subject()] });
      const second = subject({ name: "Acme Inc", locale: null, zone: null, fields: { other: 1 } });
      await store.subjects.put({ subjects: [second] });
      const found = await store.subjects.get({ tenant: "default", id: "acme" });
      assert.deepEqual(found, withoutMembers(second));
    },
  },
  {
    about,
    name: "a repeat changes nothing",
    async run({ store }) {
      const given = subject({ members: [member(), bare("bob")] });
      await store.subjects.put({ subjects: [given] });
      await store.subjects.put({ subjects: [given] });
      assert.deepEqual(await store.subjects.list({ tenant: "default", limit: 10 }), [withoutMembers(given)]);
      assert.deepEqual(await members(store), given.members);
    },
  },
  {
    about,
    name: "a list of members is the whole list: others are removed, known ones replaced",
    async run({ store }) {
      await store.subjects.put({ subjects: [subject({ members: [member(), bare("bob"), bare("cleo")] })] });
      const changed = member({ address: "countess@example.com", role: "manager", firstName: null });
      await store.subjects.put({ subjects: [subject({ members: [bare("dan"), changed] })] });
      assert.deepEqual(await members(store), [changed, bare("dan")]);
      await store.subjects.put({ subjects: [subject({ members: [] })] });
      assert.deepEqual(await members(store), []);
    },
  },
  {
    about,
    name: "null members leave the stored ones as they are",
    async run({ store }) {
      await store.subjects.put({ subjects: [subject({ members: [member(), bare("bob")] })] });
      await store.subjects.put({ subjects: [subject({ name: "renamed", members: null })] });
      assert.deepEqual(await members(store), [member(), bare("bob")]);
      assert.equal((await store.subjects.get({ tenant: "default", id: "acme" }))?.name, "renamed");
    },
  },
  {
    about,
    name: "members are those with one of the roles, and none without a role",
    async run({ store }) {
      const all = [
        member({ id: "a", role: "owner" }),
        member({ id: "b", role: "manager" }),
        member({ id: "c", role: "member" }),
        member({ id: "d", role: "owner" }),
        bare("e"),
        member({ id: "f", role: "o'w%n_e\\r\u{1f389}" }),
      ];
      await store.subjects.put({ subjects: [subject({ members: all })] });
      const ids = async (roles?: string[]) => (await members(store, roles)).map((each) => each.id).join("");
      assert.equal(await ids(), "abcdef");
      assert.equal(await ids(["owner"]), "ad");
      assert.equal(await ids(["member", "manager"]), "bc");
      assert.equal(await ids(["nobody"]), "");
      assert.equal(await ids(["Owner", "own", "%"]), "");
      assert.equal(await ids([]), "");
      assert.equal(await ids(["o'w%n_e\\r\u{1f389}"]), "f");
    },
  },
  {
    about,
    name: "members are ordered bytewise by id, in whatever order they were put",
    async run({ store }) {
      const all = awkwardKeys.map((id) => member({ id, address: `${id}@x`.trim(), role: null }));
      await store.subjects.put({ subjects: [subject({ members: all })] });
      const ids = (await members(store)).map((each) => each.id);
      assert.deepEqual(ids, bytewise(awkwardKeys));
      await store.subjects.put({ subjects: [subject({ members: [...all].reverse() })] });
      assert.deepEqual(
        (await members(store)).map((each) => each.id),
        bytewise(awkwardKeys),
      );
    },
  },
  {
    about,
    name: "subjects are listed bytewise by id, page by page",
    async run({ store }) {
      await store.subjects.put({ subjects: awkwardKeys.map((id) => subject({ id, members: [member()] })) });
      await store.subjects.put({ subjects: [subject({ tenant: "other" })] });
      const listed = await everyPage(4, (last: Subject | undefined, limit) =>
        store.subjects.list({ tenant: "default", limit, ...(last && { after: last.id }) }),
      );
      assert.deepEqual(
        listed.map((each) => each.id),
        bytewise(awkwardKeys),
      );
      for (const id of awkwardKeys) {
        assert.equal((await store.subjects.get({ tenant: "default", id }))?.id, id);
        assert.equal((await store.subjects.members({ tenant: "default", subject: id })).length, 1);
      }
    },
  },
  {
    about,
    name: "the same subject and member ids in two tenants do not touch each other",
    async run({ store }) {
      const elsewhere = subject({ tenant: "other", name: "Other", members: [member({ name: "Other Ada" })] });
      await store.subjects.put({ subjects: [subject({ members: [member(), bare("bob")] }), elsewhere] });
      await store.subjects.put({ subjects: [subject({ members: [] })] });
      assert.deepEqual(await members(store), []);
      assert.deepEqual(await members(store, undefined, "other"), elsewhere.members);
      assert.deepEqual(await store.subjects.list({ tenant: "other", limit: 10 }), [withoutMembers(elsewhere)]);
    },
  },
  {
    about,
    name: "the same member id in two subjects is two members",
    async run({ store }) {
      const other = subject({ id: "globex", members: [member({ role: "manager" })] });
      await store.subjects.put({ subjects: [subject({ members: [member()] }), other] });
      await store.subjects.put({ subjects: [subject({ members: [] })] });
      assert.deepEqual(await members(store), []);
      assert.deepEqual(await store.subjects.members({ tenant: "default", subject: "globex" }), other.members);
    },
  },
  {
    about,
    name: "1,000 subjects with members are one step",
    async run({ store }) {
      const subjects = Array.from({ length: 1000 }, (_, i) =>
        subject({ id: `s-${String(i).padStart(4, "0")}`, members: [member(), bare("bob"), bare(`m-${i}`)] }),
      );
      await store.subjects.put({ subjects });
      assert.deepEqual(await store.subjects.list({ tenant: "default", limit: 2000 }), subjects.map(withoutMembers));
      const last = await store.subjects.members({ tenant: "default", subject: "s-0999" });
      assert.deepEqual(last, [member(), bare("bob"), bare("m-999")]);
    },
  },
  {
    about,
    name: "callers at once leave each subject as one of them put it, with that one's members",
    async run(opened) {
      const stores = await twoStores(opened);
      const ids = Array.from({ length: 20 }, (_, i) => `s-${i}`);
      await Promise.all(
        [0, 1, 2, 3].map((n) => {
          const subjects = ids.map((id) => subject({ id, name: `by ${n}`, members: [bare(`m-${n}`), bare("all")] }));
          return stores[n % 2]!.subjects.put({ subjects: n < 2 ? subjects : subjects.reverse() });
        }),
      );
      const names = new Set<string>();
      for (const id of ids) {
        const found = await opened.store.subjects.get({ tenant: "default", id });
        names.add(found!.name);
        const all = await opened.store.subjects.members({ tenant: "default", subject: id });
        const winner = found!.name.replace("by ", "m-");
        assert.deepEqual(all, [bare("all"), bare(winner)]);
      }
      assert.equal(names.size, 1, "a put is atomic over all its subjects");
    },
  },
  {
    about,
    name: "subjects are there when the database is opened again",
    requires: "persistence",
    async run(opened) {
      const given = subject({ members: [member()] });
      await opened.store.subjects.put({ subjects: [given] });
      const again = await opened.reopen!();
      assert.deepEqual(await again.subjects.list({ tenant: "default", limit: 10 }), [withoutMembers(given)]);
      assert.deepEqual(await members(again), [member()]);
    },
  },
];
