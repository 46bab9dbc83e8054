import {
  MilepostError,
  noWakeUps,
  refuseOtherDriver,
  refuseUnknownOptions,
  type Store,
  tableNamer,
} from "@milepost/core/store";
import { actRepository } from "./act-repository.js";
import { campaignRepository } from "./campaign-repository.js";
import { contactImportRepository } from "./contact-import-repository.js";
import { contactRepository } from "./contact-repository.js";
import { counterRepository } from "./counter-repository.js";
import { crossingRepository } from "./crossing-repository.js";
import { definitionRepository } from "./definition-repository.js";
import { deliveryEventRepository } from "./delivery-event-repository.js";
import { type SqliteDatabase, sqliteDriver } from "./driver.js";
import { durabilityOf } from "./durability.js";
import { handleClosed, translateError } from "./errors.js";
import { eventRepository } from "./event-repository.js";
import { inboxRepository } from "./inbox-repository.js";
import { laneRepository } from "./lane-repository.js";
import { levelsRepository } from "./levels-repository.js";
import { limitRepository } from "./limit-repository.js";
import { migrate, migrationScript } from "./migrate.js";
import { noticeRepository } from "./notice-repository.js";
import { notificationRepository } from "./notification-repository.js";
import { parkingRepository } from "./parking-repository.js";
import { realPatience } from "./patience.js";
import { providerRepository } from "./provider-repository.js";
import { recurrenceRepository } from "./recurrence-repository.js";
import { subjectRepository } from "./subject-repository.js";
import { suppressionRepository } from "./suppression-repository.js";
import { templateRepository } from "./template-repository.js";
import { verifyStep } from "./verify.js";
import { workerRepository } from "./worker-repository.js";

export interface SqliteTableOptions {
  /** Put before every table's and index's name; `milepost_` unless given. Always quoted. */
  readonly tablePrefix?: string;
}

export interface SqliteStoreOptions extends SqliteTableOptions {
  /**
   * Milliseconds a step waits, without blocking the event loop, for the end of a transaction that the host has open on
   * the same handle, or of another connection's; then it throws `store_busy`. 5,000 unless given.
   */
  readonly busyTimeout?: number;
}

/** A host records in a transaction of its own by handing over the handle on which it has begun one. */
export type SqliteStore = Store<SqliteDatabase, void>;

/**
 * A store over the host's better-sqlite3 handle, which stays the host's: it is neither configured nor closed here.
 *
 * ```ts
 * const db = new Database("app.db", { timeout: 100 });
 * db.pragma("journal_mode = WAL");
 * db.pragma("synchronous = FULL");
 * const store = sqliteStore(db);
 * ```
 *
 * WAL is required for a file (`unsafe_durability`). `synchronous = FULL` makes commits durable; better-sqlite3's own
 * NORMAL in WAL mode does not, and the engine then refuses notifiers in at-most-once mode. Both are read here, once.
 * The handle's `timeout` is how long SQLite blocks the whole process at another process' lock, 5 s unless given: keep
 * it short, the store waits asynchronously beyond it.
 */
export function sqliteStore(db: SqliteDatabase, options: SqliteStoreOptions = {}): SqliteStore {
  refuseOtherDriver(db, ["prepare", "exec", "pragma"], "db", "a better-sqlite3 Database");
  refuseUnknownOptions(options, ["tablePrefix", "busyTimeout"]);
  const { busyTimeout = 5_000 } = options;
  if (!Number.isFinite(busyTimeout) || busyTimeout < 0) {
    const expected = "milliseconds, 0 or more";
    throw new MilepostError("invalid_options", `busyTimeout: ${expected}`, { path: "busyTimeout", expected });
  }
  const driver = sqliteDriver(db, { tablePrefix: prefixOf(options), busyTimeout, patience: realPatience });
  if (!db.open) throw handleClosed();
  return {
    supports: readSupports(db),
    definitions: definitionRepository(driver),
    counters: counterRepository(driver),
    parking: parkingRepository(driver),
    limits: limitRepository(driver),
    levels: levelsRepository(driver),
    inbox: inboxRepository(driver),
    events: eventRepository(driver),
    crossings: crossingRepository(driver),
    notices: noticeRepository(driver),
    notifications: notificationRepository(driver),
    lanes: laneRepository(driver),
    acts: actRepository(driver),
    campaigns: campaignRepository(driver),
    recurrences: recurrenceRepository(driver),
    providers: providerRepository(driver),
    suppressions: suppressionRepository(driver),
    deliveryEvents: deliveryEventRepository(driver),
    templates: templateRepository(driver),
    contacts: contactRepository(driver),
    contactImports: contactImportRepository(driver),
    subjects: subjectRepository(driver),
    workers: workerRepository(driver),
    verify: verifyStep(driver),
    migrate: () => migrate(driver),
    listen: noWakeUps,
    close: async () => driver.forget(),
  };
}

/** The schema as one SQL script, for hosts that run their own migrations; `migrate()` does nothing after it. */
export function ddl(options: SqliteTableOptions = {}): string {
  refuseUnknownOptions(options, ["tablePrefix"]);
  return migrationScript(prefixOf(options));
}

function prefixOf({ tablePrefix = "milepost_" }: SqliteTableOptions): string {
  if (/^sqlite_/i.test(tablePrefix)) {
    const expected = "any beginning but sqlite_, which SQLite keeps for itself";
    throw new MilepostError("invalid_options", `tablePrefix: ${expected}`, { path: "tablePrefix", expected });
  }
  // refuses what no quoting can make a name, here and not at the first step
  tableNamer({ tablePrefix })("{counters}");
  return tablePrefix;
}

function readSupports(db: SqliteDatabase): Store["supports"] {
  try {
    return durabilityOf(db);
  } catch (error) {
    throw translateError(error);
  }
}
