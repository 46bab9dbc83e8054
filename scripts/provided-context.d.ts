import "vitest";

declare module "vitest" {
  /** What `scripts/vitest-postgres.ts` hands to every test: `inject("databaseUrl")`. */
  interface ProvidedContext {
    databaseUrl: string;
  }
}
