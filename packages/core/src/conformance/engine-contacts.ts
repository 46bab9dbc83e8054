import assert from "node:assert/strict";
import type { ContactFilter } from "../contact/contact-filter.js";
import type { Milepost } from "../milepost.js";
import type { ConformanceCase } from "./case.js";
import { actsOn } from "./contact-samples.js";
import { count, putAcme, refusal, setUp } from "./engine-setup.js";

const about = "engine: contacts";
const person = { by: "ann", why: "a test" };

const names = async (milepost: Milepost, filter?: ContactFilter) =>
  (await milepost.contacts.list({ ...(filter && { filter }) })).map(({ id }) => id);

/** A filter within as many others. */
function within(depth: number): ContactFilter {
  let filter: ContactFilter = { all: [] };
  for (let i = 1; i < depth; i++) filter = { not: filter };
  return filter;
}

export const engineContactCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a contact goes by the key of its address where the host gives none, and by what it says last",
    async run({ store }) {
      const { milepost, clock } = setUp(store);
      const { contacts } = milepost;
      const olga = {
        address: " Olga@Acme.Example ",
        firstName: "Olga",
        tags: ["b", "a", "b"],
        fields: { since: clock.now() },
      };
      assert.deepEqual(await contacts.put(olga, { source: "form" }), { created: 1, changed: 0, unchanged: 0 });
      const found = (await contacts.get({ id: "olga@acme.example" }))!;
      assert.deepEqual(
        [found.address, found.channel, found.tags, found.fields, found.source, found.createdAt],
        ["Olga@Acme.Example", "email", ["a", "b"], { since: "2026-11-01T12:00:00.000Z" }, "form", clock.now()],
      );
      clock.advance(5);
      const twice = [
        { address: "OLGA@acme.example", name: "1" },
        { address: "olga@acme.example", name: "2" },
      ];
      assert.deepEqual(await contacts.put(twice), { created: 0, changed: 1, unchanged: 0 });
      const { name, firstName, tags, updatedAt } = (await contacts.get({ id: found.id }))!;
      assert.deepEqual([name, firstName, tags, updatedAt], ["2", "Olga", ["a", "b"], clock.now()]);
      assert.equal(await contacts.get({ id: "OLGA@acme.example" }), null);
    },
  },
  {
    about,
    name: "a contact that cannot be kept is refused with its path, and none of the call is stored",
    async run({ store }) {
      const { milepost } = setUp(store);
      const phones = { channel: "sms", addressPattern: /^7\d{10}$/g };
      const refused: readonly (readonly [input: object, path: string, options?: object])[] = [
        [{}, "address"],
        [{ address: " " }, "address"],
        [{ address: "Olga <olga@acme.example>" }, "address"],
        [{ address: "79161234567" }, "address"],
        [{ address: "a@b.example", id: "" }, "id"],
        [{ address: "a@b.example", tags: [""] }, "tags[0]"],
        [{ address: "a@b.example", name: "a\nb" }, "name"],
        [{ address: "a@b.example", fields: { a: () => 1 } }, "fields.a"],
        [{ address: "a@b.example", fields: { a: "x".repeat(20_000) } }, "fields.a"],
        [{ address: "a@b.example", colour: "red" }, "colour"],
        [{ address: "89161234567" }, "address", phones],
        [{ address: "+79161234567" }, "address", phones],
      ];
      for (const [input, path, options] of refused) {
        const good = { address: options === undefined ? "good@acme.example" : "79161234567" };
        const error = await refusal(() => milepost.contacts.put([good, input as never], options));
        assert.deepEqual([error.code, error.path], ["invalid_contact", `contacts[1].${path}`]);
      }
      assert.deepEqual(await names(milepost), []);
      await milepost.contacts.put([{ address: "79161234567" }, { address: "79161234568" }], phones);
      assert.deepEqual(await names(milepost, { channel: "sms" }), ["79161234567", "79161234568"]);
    },
  },
  {
    about,
    name: "a filter that says nothing that can be meant is refused with its path",
    async run({ store }) {
      const { milepost } = setUp(store);
      const refused: readonly (readonly [filter: unknown, path: string])[] = [
        [{}, "filter"],
        [[], "filter"],
        ["vip", "filter"],
        [{ tagg: "vip" }, "filter.tagg"],
        [{ all: [{ tag: "a" }, { any: [{ tagg: "b" }] }] }, "filter.all[1].any[0].tagg"],
        [{ all: [], tag: "a" }, "filter.tag"],
        [{ not: [{ tag: "a" }] }, "filter.not"],
        [{ any: { tag: "a" } }, "filter.any"],
        [{ tag: "a", source: "b" }, "filter.source"],
        [{ tag: 5 }, "filter.tag"],
        [{ field: "plan" }, "filter"],
        [{ field: "plan", like: "x" }, "filter.like"],
        [{ field: "plan", gt: true }, "filter.gt"],
        [{ field: "plan", in: [{}] }, "filter.in[0]"],
        [{ field: "a.b.c.d.e.f.g.h.i", exists: true }, "filter.field"],
        [{ lastEmailed: "always" }, "filter.lastEmailed"],
        [{ lastEmailed: { before: "2026-02-30T00:00:00Z" } }, "filter.lastEmailed"],
        [{ bounces: { gt: 0.5 } }, "filter.bounces.gt"],
        [{ ids: Array.from({ length: 10_001 }, (_, i) => `${i}`) }, "filter.ids"],
        [within(11), `filter${".not".repeat(10)}`],
        [{ any: Array.from({ length: 200 }, () => ({ tag: "a" })) }, "filter.any[199]"],
        [{ tag: "a", toString: () => "b" }, "filter.toString"],
      ];
      for (const [filter, path] of refused) {
        const error = await refusal(() => milepost.contacts.count({ filter: filter as never }));
        assert.equal(error.code, "invalid_filter", path);
        assert.ok(error.path?.startsWith(path), `${error.path} is not ${path}`);
      }
      assert.equal(await milepost.contacts.count({ filter: within(10) }), 0);
      assert.equal(await milepost.contacts.count(), 0);
    },
  },
  {
    about,
    name: "contacts are streamed in the order they came, also from where somebody stopped, and later ones after them",
    async run({ store }) {
      const { milepost } = setUp(store);
      const some = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => ({
          id: `c${from + i + 10_000}`,
          address: `c${from + i}@a.example`,
        }));
      await milepost.contacts.put(some(0, 1_203).map((each, i) => ({ ...each, tags: i % 3 === 0 ? ["vip"] : [] })));
      const seen: string[] = [];
      let last = 0;
      for await (const { id, number } of milepost.contacts.stream({ filter: { tag: "vip" } })) {
        seen.push(id);
        last = number;
        if (seen.length === 100) break;
      }
      await milepost.contacts.put(some(1_203, 1_210).map((each) => ({ ...each, tags: ["vip"] })));
      for await (const { id } of milepost.contacts.stream({ filter: { tag: "vip" }, after: last })) seen.push(id);
      assert.equal(seen.length, 408);
      assert.deepEqual(seen, [...new Set(seen)].sort());
      let all = 0;
      for await (const _ of milepost.contacts.stream()) all++;
      assert.equal(all, 1_210);
      await milepost.close();
      await assert.rejects(milepost.contacts.stream()[Symbol.asyncIterator]().next(), { code: "closed" });
    },
  },
  {
    about,
    name: "people tag and remove the contacts of a filter, all of them, with one act",
    async run({ store }) {
      const { milepost } = setUp(store);
      const { contacts } = milepost;
      await contacts.put(Array.from({ length: 1_100 }, (_, i) => ({ address: `c${i}@a.example`, fields: { n: i } })));
      const low = { filter: { field: "n", lt: 1_050 }, ...person };
      assert.deepEqual(await contacts.tag({ ...low, add: ["low"] }), { changed: 1_050 });
      assert.deepEqual(await contacts.tag({ ...low, add: ["low"] }), { changed: 0 });
      assert.equal(await contacts.count({ filter: { tag: "low" } }), 1_050);
      assert.deepEqual(await contacts.tag({ filter: { id: "c0@a.example" }, remove: ["low"], ...person }), {
        changed: 1,
      });
      assert.deepEqual(await actsOn(store, "c0@a.example"), ["tag by ann: a test"]);
      assert.deepEqual(await contacts.remove({ filter: { tag: "low" }, ...person }), { removed: 1_049 });
      assert.equal(await contacts.count(), 51);
      for (const tags of [{}, { add: [] }, { add: ["a"], remove: ["a"] }]) {
        const error = await refusal(() => contacts.tag({ ...low, ...tags }));
        assert.deepEqual([error.code, error.path], ["invalid_options", "add"]);
      }
      assert.equal((await refusal(() => contacts.remove({ ...person } as never))).path, "filter");
    },
  },
  {
    about,
    name: "a contact that was sent mail says when, and forgetting the subject of its name erases it",
    async run({ store }) {
      const { milepost, clock } = setUp(store);
      await putAcme(milepost);
      await milepost.contacts.put([{ address: "olga@acme.example" }, { id: "acme", address: "office@acme.example" }]);
      clock.advance(1_000);
      await count(milepost, 1);
      await milepost.runOnce();
      const look = async () => (await milepost.contacts.list()).map(({ id, lastEmailedAt }) => [id, lastEmailedAt]);
      assert.deepEqual(await look(), [
        ["acme", null],
        ["olga@acme.example", clock.now()],
      ]);
      assert.equal((await milepost.forget({ subject: "acme", ...person })).erased.contacts, 1);
      assert.deepEqual(await names(milepost), ["olga@acme.example"]);
    },
  },
];
