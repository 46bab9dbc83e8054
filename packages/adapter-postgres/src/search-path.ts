import { MilepostError } from "@milepost/core/store";

/** Answers what {@link refuseUnsafeSearchPath} looks at. */
export const searchPathText = "SELECT pg_catalog.current_setting('search_path') AS path";

/**
 * Postgres searches pg_catalog before everything else unless the search_path names it later; then `public.=(text, text)`
 * would be every comparison of ours. Throws `unsafe_search_path`. The setting is read, not the schemas it leads to: one
 * that does not exist yet may be created later. pg_temp may stand anywhere, it is never searched for functions.
 */
export function refuseUnsafeSearchPath(path: string): void {
  const schemas = [...path.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(([bare, quoted]) =>
    quoted === undefined ? bare.toLowerCase() : quoted.replaceAll('""', '"'),
  );
  const before = schemas.slice(0, Math.max(0, schemas.indexOf("pg_catalog"))).find((schema) => schema !== "pg_temp");
  if (before === undefined) return;
  throw new MilepostError(
    "unsafe_search_path",
    `The connection's search_path names "${before}" before pg_catalog, so that operators made there would be taken ` +
      "for Postgres' own. Leave pg_catalog out of it, or put it first.",
    { path: "search_path", expected: "nothing before pg_catalog" },
  );
}
