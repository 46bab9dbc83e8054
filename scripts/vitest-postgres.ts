import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres.js";

/** Gives tests `inject("databaseUrl")`: DATABASE_URL when it is set, else a server that lives as long as the run. */
export default async function provideDatabaseUrl(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.DATABASE_URL;
  if (given) {
    project.provide("databaseUrl", given);
    return undefined;
  }
  const server = await startPostgres({ fsync: false });
  project.provide("databaseUrl", server.url);
  return () => server.stop();
}
