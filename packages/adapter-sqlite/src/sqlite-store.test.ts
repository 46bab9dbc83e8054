import { expect, it } from "vitest";
import { ddl, type SqliteDatabase, type SqliteStoreOptions, sqliteStore } from "./index.js";
import { temporaryDatabase } from "./sqlite-harness.js";

it("refuses what is no database and options it does not have, with their path", () => {
  const database = temporaryDatabase();
  try {
    const refused = (make: () => unknown, path: string) =>
      expect(make).toThrow(expect.objectContaining({ code: "invalid_options", path }));
    refused(() => sqliteStore("app.db" as unknown as SqliteDatabase), "db");
    refused(() => sqliteStore(undefined as unknown as SqliteDatabase), "db");
    refused(() => sqliteStore(database.open(), { prefix: "x" } as SqliteStoreOptions), "prefix");
    refused(() => ddl({ schema: "x" } as SqliteStoreOptions), "schema");
  } finally {
    database.dispose();
  }
});
