// the store

// what it calls of the host's driver
export type {
  CopyFrom,
  CopyStream,
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresTransaction,
} from "./driver.js";
export type { PostgresNaming, PostgresStore, PostgresStoreOptions } from "./postgres-store.js";
export { ddl, postgresStore } from "./postgres-store.js";
