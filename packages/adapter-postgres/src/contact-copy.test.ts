import { engineCases, type StoreHarness, storeCases } from "@milepost/core/conformance";
import { from } from "pg-copy-streams";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ownDatabase, Sandbox } from "./postgres-harness.js";

let database: Awaited<ReturnType<typeof ownDatabase>>;
let harness: StoreHarness;
beforeAll(async () => {
  database = await ownDatabase(inject("databaseUrl"));
  harness = {
    async open() {
      const sandbox = new Sandbox(database.url);
      const store = sandbox.store({ copyFrom: from });
      await store.migrate();
      return {
        store,
        reopen: async () => sandbox.store({ copyFrom: from }),
        dispose: () => sandbox.dispose(),
      };
    },
  };
});
afterAll(() => database.drop());

describe("with COPY an import is the same", () => {
  const cases = [...storeCases(), ...engineCases()].filter(({ about }) => about.includes("imports"));
  it.each(cases.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const opened = await harness.open();
    try {
      await each.run(opened);
    } finally {
      await opened.dispose();
    }
  });

  it("for any text in any column", async () => {
    const opened = await harness.open();
    const texts = ["\\", "\\N", "\\.", "tab\there", '"quoted"', "{a,b}", "é\u{1f389}", "$1 ?", "NULL", ""];
    const rows = texts.map((text, i) => ({
      ...{ id: `c${i}`, address: `c${i}@a.example`, recipientKey: `c${i}@a.example`, channel: "email", name: text },
      ...{ tags: text === "" ? [] : [text], fields: { [text]: `${text}\n\r\t\\n` } },
    }));
    await opened.store.contactImports.begin({ tenant: "default", id: "imp", by: "ann", why: "w" });
    await opened.store.contactImports.load({
      ...{ tenant: "default", import: "imp", from: 0, to: rows.length, contacts: rows, repeated: 0, rejected: [] },
      ...{ merging: { tags: "merge", fields: "merge" }, consent: null, last: true },
    });
    const found = await opened.store.contacts.list({ tenant: "default", filter: null, after: 0, limit: 100 });
    expect(found.map(({ name, tags, fields }) => ({ name, tags, fields }))).toEqual(
      rows.map(({ name, tags, fields }) => ({ name, tags, fields })),
    );
    await opened.dispose();
  });
});
