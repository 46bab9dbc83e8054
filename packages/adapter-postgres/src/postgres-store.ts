import { MilepostError, noWakeUps, refuseOtherDriver, refuseUnknownOptions, type Store } from "@milepost/core/store";
import { actRepository } from "./act-repository.js";
import { campaignRepository } from "./campaign-repository.js";
import { contactImportRepository } from "./contact-import-repository.js";
import { contactRepository } from "./contact-repository.js";
import { counterRepository } from "./counter-repository.js";
import { crossingRepository } from "./crossing-repository.js";
import { definitionRepository } from "./definition-repository.js";
import { deliveryEventRepository } from "./delivery-event-repository.js";
import {
  type CopyFrom,
  Database,
  type DatabaseOptions,
  type PostgresPool,
  type PostgresTransaction,
} from "./driver.js";
import { eventRepository } from "./event-repository.js";
import { inboxRepository } from "./inbox-repository.js";
import { laneRepository } from "./lane-repository.js";
import { levelsRepository } from "./levels-repository.js";
import { limitRepository } from "./limit-repository.js";
import { ddlText, migrateDatabase } from "./migrate.js";
import { noticeRepository } from "./notice-repository.js";
import { notificationRepository } from "./notification-repository.js";
import { parkingRepository } from "./parking-repository.js";
import { providerRepository } from "./provider-repository.js";
import { recurrenceRepository } from "./recurrence-repository.js";
import { subjectRepository } from "./subject-repository.js";
import { suppressionRepository } from "./suppression-repository.js";
import { templateRepository } from "./template-repository.js";
import { verifyStep } from "./verify.js";
import { WakeUps } from "./wake-ups.js";
import { workerRepository } from "./worker-repository.js";

export interface PostgresNaming {
  /** Created by `migrate()` if it is missing; `milepost` unless given. Always quoted. */
  readonly schema?: string;
  /** Put before each table's and index's name; none unless given. Always quoted. */
  readonly tablePrefix?: string;
}

export interface PostgresStoreOptions extends PostgresNaming {
  /**
   * Use named prepared statements (default). False for a pooler that hands each transaction another connection and does
   * not follow them, such as PgBouncer before 1.21 in transaction mode; recording then costs about twice as much.
   */
  readonly prepare?: boolean;
  /**
   * Whether a worker hears at once of work that other processes make, by LISTEN, and the store tells it, by NOTIFY. It takes
   * one connection of the pool while a worker runs, and costs each commit that makes work a lock that the whole cluster
   * shares. Unless given it is done wherever it can work: not with a pool of one connection, and without listening behind a
   * pooler, which may hand each transaction another connection. `true` listens there too: behind one that pools sessions.
   * Without it workers find everything by polling.
   */
  readonly listen?: boolean;
  /**
   * `from` of `pg-copy-streams`: imports of contacts then go by COPY into a temporary table, a third faster. Without it, and
   * for every other step, they are parameters of plain statements.
   */
  readonly copyFrom?: CopyFrom;
}

/** A store over the host's pool; see {@link postgresStore}. */
export interface PostgresStore extends Store<PostgresTransaction, Promise<void>> {}

/**
 * A store over a `pg.Pool` that the host made and closes. Connections are used for one step at a time and never held
 * across two, save the one that listens while a worker runs. The promise of durable commits relies on the server's `synchronous_commit = on`, its default.
 */
export function postgresStore(pool: PostgresPool, options: PostgresStoreOptions = {}): PostgresStore {
  refuseOtherDriver(pool, ["connect"], "pool", "a pg.Pool");
  refuseUnknownOptions(options, ["schema", "tablePrefix", "prepare", "listen", "copyFrom"]);
  const { prepare = true, listen, copyFrom } = options;
  const isSingle = pool.options?.max === 1;
  if (listen === true && isSingle) {
    const expected = "a pool of two connections or more: the one that listens is not there for anything else";
    throw new MilepostError("invalid_options", `listen: ${expected}`, { path: "listen", expected });
  }
  const database = new Database(pool, { ...named(options), prepare, notify: listen !== false, copyFrom });
  const wakeUps = new WakeUps(database, { throughPooler: listen === true });
  const listens = listen !== false && !isSingle;
  return {
    supports: { persistence: true, durableCommits: true, hostTransactions: true, effect: true, wakeUps: listens },
    definitions: definitionRepository(database),
    counters: counterRepository(database),
    parking: parkingRepository(database),
    limits: limitRepository(database),
    levels: levelsRepository(database),
    inbox: inboxRepository(database),
    events: eventRepository(database),
    crossings: crossingRepository(database),
    notices: noticeRepository(database),
    notifications: notificationRepository(database),
    lanes: laneRepository(database),
    acts: actRepository(database),
    campaigns: campaignRepository(database),
    recurrences: recurrenceRepository(database),
    providers: providerRepository(database),
    suppressions: suppressionRepository(database),
    deliveryEvents: deliveryEventRepository(database),
    templates: templateRepository(database),
    contacts: contactRepository(database),
    contactImports: contactImportRepository(database),
    subjects: subjectRepository(database),
    workers: workerRepository(database),
    verify: verifyStep(database),
    migrate: () => migrateDatabase(database),
    listen: listens ? (listener) => wakeUps.listen(listener) : noWakeUps,
    // The pool is the host's, and nothing else is open between two steps.
    async close() {
      await wakeUps.close();
      await database.close();
    },
  };
}

/** The whole schema as SQL text, for hosts that run their own migrations; afterwards `migrate()` finds nothing to do. */
export function ddl(options: PostgresNaming = {}): string {
  refuseUnknownOptions(options, ["schema", "tablePrefix"]);
  return ddlText(named(options));
}

function named({
  schema = "milepost",
  tablePrefix = "",
}: PostgresNaming): Pick<DatabaseOptions, "schema" | "tablePrefix"> {
  if (typeof schema === "string" && /^(pg_|information_schema$)/.test(schema)) {
    const expected = "any but information_schema and names that begin with pg_, which Postgres keeps for itself";
    throw new MilepostError("invalid_options", `schema: ${expected}`, { path: "schema", expected });
  }
  return { schema, tablePrefix };
}
