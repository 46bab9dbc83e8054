import { noInbox } from "../no-inbox.js";
import type { Store } from "../store.js";
import { memoryActs } from "./memory-acts.js";
import { memoryCampaigns } from "./memory-campaigns.js";
import { memoryContactImports } from "./memory-contact-imports.js";
import { memoryContacts } from "./memory-contacts.js";
import { memoryCounters } from "./memory-counters.js";
import { memoryCrossings } from "./memory-crossings.js";
import { memoryDefinitions } from "./memory-definitions.js";
import { memoryDeliveryEvents } from "./memory-delivery-events.js";
import { memoryEvents } from "./memory-events.js";
import { memoryLanes } from "./memory-lanes.js";
import { memoryLevels } from "./memory-levels.js";
import { memoryLimits } from "./memory-limits.js";
import { memoryNotices } from "./memory-notices.js";
import { memoryNotifications } from "./memory-notifications.js";
import { memoryParking } from "./memory-parking.js";
import { memoryProviders } from "./memory-providers.js";
import { memoryRecurrences } from "./memory-recurrences.js";
import { memorySubjects } from "./memory-subjects.js";
import { memorySuppressions } from "./memory-suppressions.js";
import { memoryTemplates } from "./memory-templates.js";
import { memoryVerify } from "./memory-verify.js";
import { memoryWorkers } from "./memory-workers.js";
import { Tables } from "./tables.js";

export interface MemoryStoreOptions {
  /** The store's clock; the process's own unless given. */
  readonly now?: () => Date;
}

/**
 * The reference store: the executable specification of the contract, for tests and for trying things out. Everything
 * is gone with the process, the mark together with the notification, so at-most-once holds in it.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  return storeOver(new Tables(options.now ?? (() => new Date())));
}

/** The same over tables that somebody has: what they hold is its data. */
export function storeOver(tables: Tables): Store {
  return {
    supports: { persistence: false, durableCommits: true, hostTransactions: false, effect: false, wakeUps: true },
    definitions: memoryDefinitions(tables),
    counters: memoryCounters(tables),
    parking: memoryParking(tables),
    limits: memoryLimits(tables),
    levels: memoryLevels(tables),
    inbox: noInbox(),
    events: memoryEvents(tables),
    crossings: memoryCrossings(tables),
    notices: memoryNotices(tables),
    notifications: memoryNotifications(tables),
    lanes: memoryLanes(tables),
    acts: memoryActs(tables),
    campaigns: memoryCampaigns(tables),
    recurrences: memoryRecurrences(tables),
    templates: memoryTemplates(tables),
    providers: memoryProviders(tables),
    suppressions: memorySuppressions(tables),
    deliveryEvents: memoryDeliveryEvents(tables),
    contacts: memoryContacts(tables),
    contactImports: memoryContactImports(tables),
    subjects: memorySubjects(tables),
    workers: memoryWorkers(tables),
    verify: memoryVerify(tables),
    migrate: async () => ({ applied: [] }),
    listen: tables.wakeUps.listen,
    close: async () => {},
  };
}
