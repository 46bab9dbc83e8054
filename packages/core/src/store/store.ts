import type { ActRepository } from "./act-repository.js";
import type { CampaignRepository } from "./campaign-repository.js";
import type { ContactImportRepository } from "./contact-import-repository.js";
import type { ContactRepository } from "./contact-repository.js";
import type { CounterRepository } from "./counter-repository.js";
import type { CrossingRepository } from "./crossing-repository.js";
import type { DefinitionRepository } from "./definition-repository.js";
import type { DeliveryEventRepository } from "./delivery-event-repository.js";
import type { EventRepository } from "./event-repository.js";
import type { InboxRepository } from "./inbox-repository.js";
import type { LaneRepository } from "./lane-repository.js";
import type { LevelsRepository } from "./levels-repository.js";
import type { LimitRepository } from "./limit-repository.js";
import type { NoticeRepository } from "./notice-repository.js";
import type { NotificationRepository } from "./notification-repository.js";
import type { ParkingRepository } from "./parking-repository.js";
import type { ProviderRepository } from "./provider-repository.js";
import type { RecurrenceRepository } from "./recurrence-repository.js";
import type { SubjectRepository } from "./subject-repository.js";
import type { SuppressionRepository } from "./suppression-repository.js";
import type { TemplateRepository } from "./template-repository.js";
import type { VerifyInput, VerifyReport } from "./verify.js";
import type { Listening, WakeUpListener } from "./wake-ups.js";
import type { WorkerRepository } from "./worker-repository.js";

/** What a store can do beyond the contract; the only way in which stores may differ. */
export interface StoreSupports {
  /** What was committed is there when the database is opened again. */
  readonly persistence: boolean;
  /**
   * A commit is durable before it is acknowledged, so that a mark survives a power cut. Without it the engine refuses
   * notifiers in at-most-once mode.
   */
  readonly durableCommits: boolean;
  /** Events can be recorded inside a transaction of the host. */
  readonly hostTransactions: boolean;
  /** Statements of the host can run in the transaction that stores a crossing. */
  readonly effect: boolean;
  /** Whoever listens hears of work that another process made. */
  readonly wakeUps: boolean;
}

/**
 * The storage adapter: repositories over one database.
 *
 * Every method of a repository is one atomic step of the domain: all of it is stored or, when it throws, nothing.
 * There is no open transaction across two calls. Steps may be called by any number of engines and processes at once.
 * Each takes one object; `now`, where it is taken, is for tests: absent, the database's own clock decides. Times are
 * kept to the millisecond. Errors are `MilepostError`s, unless the method names another with the code `store_busy` (nothing
 * was stored; try again later), `store_unavailable` (whether the step was stored is unknown; try again later) or
 * `store_failed` (nothing was stored; trying again will not help).
 *
 * `Tx` is what the host hands to {@link InboxRepository.enqueue}: its transaction, as its driver has it; `Done` is void
 * where the driver is synchronous.
 */
export interface Store<Tx = never, Done extends void | Promise<void> = void | Promise<void>> {
  readonly supports: StoreSupports;
  readonly definitions: DefinitionRepository;
  readonly counters: CounterRepository;
  readonly parking: ParkingRepository;
  readonly limits: LimitRepository;
  readonly levels: LevelsRepository;
  readonly inbox: InboxRepository<Tx, Done>;
  readonly events: EventRepository;
  readonly crossings: CrossingRepository;
  readonly notices: NoticeRepository;
  readonly notifications: NotificationRepository;
  readonly lanes: LaneRepository;
  readonly acts: ActRepository;
  readonly campaigns: CampaignRepository;
  readonly recurrences: RecurrenceRepository;
  readonly templates: TemplateRepository;
  readonly providers: ProviderRepository;
  readonly suppressions: SuppressionRepository;
  readonly deliveryEvents: DeliveryEventRepository;
  readonly contacts: ContactRepository;
  readonly contactImports: ContactImportRepository;
  readonly subjects: SubjectRepository;
  readonly workers: WorkerRepository;
  /**
   * Brings the schema to what this code needs, under a lock: any number may migrate at once. A repeat does nothing.
   * Throws `schema_changed` when a migration that was applied before differs from the shipped one, `schema_newer` when
   * the database knows one that this code does not.
   */
  migrate(): Promise<MigrationReport>;
  /**
   * Looks for rows of which an invariant of delivery does not hold; see `docs/operating.md`. Changes nothing and locks
   * nothing that others wait for. Each invariant is one statement, and so of one moment; it reads whole tables, for as long
   * as that takes.
   */
  verify(input?: VerifyInput): Promise<VerifyReport>;
  /**
   * Tells a listener of work that others made: crossings, notices and notifications that are pending now, counters that
   * an `add` was told to leave due, a lane that was resumed or has other limits, a person's resend or redrive, counters that a limit or stored
   * levels made due. Never of plain recording in the quiet band. Answers at once, before anything is heard. Where
   * `supports.wakeUps` is false it throws `unsupported`.
   */
  listen(listener: WakeUpListener): Listening;
  /** Lets go of what the store itself opened. The host's pool or handle stays open. A repeat does nothing. */
  close(): Promise<void>;
}

export interface MigrationReport {
  /** Names of the migrations applied by this call, in order; empty when there was nothing to do. */
  readonly applied: readonly string[];
}
