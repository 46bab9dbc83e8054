import assert from "node:assert/strict";
import type { RejectedRow } from "../contact/contact-import.js";
import type { ContactInput } from "../contact/contact-input.js";
import type { ImportProgress } from "../contact/importing.js";
import type { Store } from "../store/store.js";
import type { ConformanceCase } from "./case.js";
import { actsOn } from "./contact-samples.js";
import { refusal, setUp } from "./engine-setup.js";
import { everyPage, twoStores } from "./samples.js";

const about = "engine: imports";
const person = { by: "ann", why: "a test" };

const people = (count: number): ContactInput[] =>
  Array.from({ length: count }, (_, i) => ({ id: `p${i}`, address: `p${i}@a.example`, fields: { n: i } }));

/** The rows, and then the source fails. */
async function* broken<Row>(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* rows;
  throw new Error("the source broke");
}

/** Everything an import leaves behind. */
async function left(store: Store): Promise<unknown> {
  const contacts = await store.contacts.list({ tenant: "default", filter: null, after: 0, limit: 10_000 });
  return contacts.map(({ number: _, createdAt: __, updatedAt: ___, ...rest }) => rest);
}

export const engineContactImportCases: readonly ConformanceCase[] = [
  {
    about,
    name: "a file becomes contacts; each row that cannot be is reported with its line, and stops nothing that follows",
    async run({ store }) {
      const { milepost } = setUp(store);
      const csv = [
        "\ufeffid,address,name,tags,operator\r\n",
        "1,79161234567,Ольга,vip; new ,916\r\n2,89161234567,,,\r\n",
        '3,79161234568,"open\n4,79161234569,Max,,"two\nlines"\r\n',
        "5,,x,,\r\n6,79161234560\r\n,79161234561,,,\r\n1,79161234562,Olga,vip,\r\n",
      ];
      const told: RejectedRow[] = [];
      const progress: ImportProgress[] = [];
      const options = { channel: "sms", addressPattern: /^7\d{10}$/, source: "crm", tags: ["2026"] };
      const done = await milepost.contacts.import({
        ...{ id: "file", csv, ...options, ...person, chunk: 2 },
        onRejected: (row) => told.push(row),
        onProgress: (each) => progress.push(each),
      });
      assert.deepEqual(
        [done.read, done.created, done.changed, done.unchanged, done.repeated, done.rejected, done.line],
        [8, 3, 0, 0, 1, 4, 10],
      );
      assert.ok(done.endedAt !== null);
      assert.deepEqual(
        told.map(({ line, field, code, shape }) => [line, field, code, shape]),
        [
          [3, "address", "pattern", "99999999999"],
          [4, "", "unreadable", ""],
          [7, "address", "missing", ""],
          [8, "", "unreadable", ""],
        ],
      );
      assert.equal(told[3]!.expected, "5 cells, as the header has; there are 2");
      const found = await milepost.contacts.list();
      assert.deepEqual(
        found.map(({ id, address, name, tags, fields, source }) => [id, address, name, tags, fields, source]),
        [
          ["1", "79161234562", "Olga", ["2026", "new", "vip"], { operator: "916" }, "crm"],
          ["4", "79161234569", "Max", ["2026"], { operator: "two\nlines" }, "crm"],
          ["79161234561", "79161234561", null, ["2026"], {}, "crm"],
        ],
      );
      const stored = await everyPage<RejectedRow>(2, (last, limit) =>
        milepost.contacts.rejected({ import: "file", after: last?.line ?? 0, limit }),
      );
      assert.deepEqual(stored, told);
      assert.deepEqual(progress.at(-1)!.endedAt, done.endedAt);
      assert.ok(progress.length >= 4 && progress.every(({ perSecond }) => perSecond >= 0));
      assert.deepEqual(await actsOn(store, "file"), ["import by ann: a test"]);
    },
  },
  {
    about,
    name: "an import that broke goes on where it stopped, in another process too, and one that ended is not done again",
    async run(opened) {
      const [store, other] = await twoStores(opened);
      const rows = people(250);
      const twice = [...rows, rows[3]!, rows[240]!];
      const given = { id: "imp", chunk: 20, ...person };
      const { milepost } = setUp(store);
      await assert.rejects(milepost.contacts.import({ ...given, rows: broken(twice.slice(0, 110)) }), /source broke/);
      assert.deepEqual((await milepost.contacts.imported({ id: "imp" }))?.line, 100);
      let asked = 0;
      const again = setUp(other);
      const done = await again.milepost.contacts.import({
        ...{ ...given, rows: twice, chunk: 33 },
        toContact: (row) => {
          asked++;
          return row;
        },
      });
      assert.deepEqual([done.read, done.created, done.repeated, done.rejected], [252, 250, 2, 0]);
      assert.equal(asked, 252);
      assert.equal(((await left(store)) as unknown[]).length, 250);
      const rest = { ...given, rows: broken([]) };
      assert.deepEqual(await milepost.contacts.import(rest), done);
      assert.deepEqual(await actsOn(store, "imp"), ["import by ann: a test"]);
    },
  },
  {
    about,
    name: "two processes that import one file at once leave what one would",
    async run(opened) {
      const stores = await twoStores(opened);
      const rows: object[] = people(200).map((row, i) =>
        i % 50 === 7 ? { id: "x" } : { ...row, tags: [`t${i % 3}`] },
      );
      rows.push({ id: "p1", address: "p1@a.example", tags: ["last"] });
      const input = () => ({ id: "imp", rows: rows as ContactInput[], chunk: 9, ...person });
      const both = await Promise.all(stores.map((store) => setUp(store).milepost.contacts.import(input())));
      assert.deepEqual(both[0], both[1]);
      assert.deepEqual([both[0]!.read, both[0]!.created, both[0]!.repeated, both[0]!.rejected], [201, 196, 1, 4]);
      const page = { tenant: "default", import: "imp", after: 0, limit: 10 };
      const lines = (await opened.store.contactImports.rejected(page)).map(({ line }) => line);
      assert.deepEqual(lines, [8, 58, 108, 158]);
    },
  },
  {
    about,
    name: "the size of chunks changes nothing of what an import leaves",
    async run({ store }) {
      const rows = people(40).flatMap((row, i) => [
        { ...row, tags: ["a"], fields: { n: i, keep: true } },
        { ...row, address: `q${i}@a.example`, tags: [`b${i % 2}`], fields: { n: -i } },
      ]);
      const results: unknown[] = [];
      for (const [i, chunk] of [1, 7, 1_000].entries()) {
        const tenant = `t${i}`;
        const { milepost } = setUp(store);
        const done = await milepost.contacts.import({ tenant, id: "imp", rows, chunk, ...person });
        const contacts = await milepost.contacts.list({ tenant, limit: 100 });
        const said = contacts.map(({ id, address, tags, fields }) => [id, address, tags, fields]);
        results.push([done.read, done.created, done.repeated, said.sort()]);
      }
      assert.deepEqual(results[0], results[2]);
      assert.deepEqual(results[1], results[2]);
      assert.deepEqual((results[0] as unknown[]).slice(0, 3), [80, 40, 40]);
    },
  },
  {
    about,
    name: "consent comes with an import, and nobody's no is taken back",
    async run({ store }) {
      const { milepost } = setUp(store);
      const no = { address: "p0@a.example", scope: "news", source: "link", ...person };
      await milepost.suppressions.withdraw(no);
      const consent = { scope: "news", source: "fair 2026" };
      await milepost.contacts.import({ id: "imp", rows: people(3), consent, ...person });
      const agreed = await milepost.contacts.list({ filter: { consent: "news" } });
      assert.deepEqual(
        agreed.map(({ id, consents }) => [id, consents.map(({ granted, source }) => [granted, source])]),
        [
          ["p1", [[true, "fair 2026"]]],
          ["p2", [[true, "fair 2026"]]],
        ],
      );
    },
  },
  {
    about,
    name: "what somebody's function says of a row is that row's, and null passes over it",
    async run({ store }) {
      const { milepost } = setUp(store);
      const csv = "mail;age\nann@a.example;41\nbob@a.example;old\n;7\n";
      const done = await milepost.contacts.import<Readonly<Record<string, string>>>({
        ...{ id: "imp", csv: [Buffer.from(csv)], delimiter: ";", ...person },
        toContact({ mail, age }) {
          if (mail === "") return null;
          if (!/^\d+$/.test(age!)) throw new Error(`no age: ${age}`);
          return { address: mail!, fields: { age: Number(age) } };
        },
      });
      assert.deepEqual([done.read, done.created, done.rejected, done.line], [2, 1, 1, 4]);
      assert.equal(await milepost.contacts.count({ filter: { field: "age", gte: 18 } }), 1);
      const [row] = await milepost.contacts.rejected({ import: "imp" });
      assert.deepEqual(row, {
        ...{ line: 3, field: "", code: "invalid", expected: "a row that toContact() takes", shape: "nothing" },
      });
    },
  },
  {
    about,
    name: "an import without rows, or with two sources, is refused before it is begun",
    async run({ store }) {
      const { milepost } = setUp(store);
      for (const source of [{}, { rows: [], csv: [] }]) {
        const error = await refusal(() => milepost.contacts.import({ id: "imp", ...source, ...person }));
        assert.deepEqual([error.code, error.path], ["invalid_options", "rows"]);
      }
      assert.equal(await milepost.contacts.imported({ id: "imp" }), null);
      const empty = await milepost.contacts.import({ id: "imp", csv: [], ...person });
      assert.deepEqual([empty.read, empty.endedAt !== null], [0, true]);
    },
  },
];
