import * as z from "zod";
import type { Runtime } from "../runtime.js";
import type { InboxRow } from "../store/inbox-repository.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, itemsOf, keySchema, listOf, parseInput, whySchema } from "../validation.js";
import type { Admission } from "./admission.js";
import {
  defaultTenant,
  type MilestoneEvent,
  type Observation,
  type ParsedEvent,
  type ParseEvent,
  parseEvent,
  parseObservation,
} from "./event.js";

/** Recording inside a transaction of the host: counted if, and only if, it commits. */
export interface TransactionRecorder<Done extends void | Promise<void>> {
  /** Throws what `record()` throws for a bad event, and `no_transaction`; then nothing was stored. */
  record(event: MilestoneEvent): Done;
  recordMany(events: readonly MilestoneEvent[]): Done;
  /** {@link record} for a gauge. Of observations side by side the one with the higher number, which is counted last, wins. */
  observe(observation: Observation): Done;
  observeMany(observations: readonly Observation[]): Done;
}

export interface InboxQuery {
  readonly tenant?: string;
  /** Those that were set aside because they cannot be counted; false unless said: those that wait. */
  readonly refused?: boolean;
  /** Go on after the row with this number. */
  readonly after?: number;
  /** 100 unless said, 1,000 at most. */
  readonly limit?: number;
}

export interface InboxAct {
  readonly tenant?: string;
  /** Only these, 10,000 at most; all refused ones of the tenant unless said. */
  readonly numbers?: readonly number[];
  /** Who did it, and why: kept with the act. */
  readonly by: string;
  readonly why: string;
}

/** Events recorded in transactions of the host that are not counted yet. */
export interface Inbox {
  list(query?: InboxQuery): Promise<readonly InboxRow[]>;
  /** Lets refused events wait again, after their cause is gone; answers how many there were. */
  retry(act: InboxAct): Promise<number>;
  /** Gives refused events up for good; answers how many there were. One that a drain just tries may still be counted. */
  discard(act: InboxAct): Promise<number>;
}

const querySchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  refused: z.boolean().default(false),
  after: z.int().min(0).optional(),
  limit: z.int().min(1).max(1_000).default(100),
});

const actSchema = z.strictObject({
  tenant: keySchema.default(defaultTenant),
  numbers: listOf(z.int().min(1), 10_000).optional(),
  by: keySchema,
  why: whySchema,
});

true satisfies Agrees<typeof querySchema, InboxQuery>;
true satisfies Agrees<typeof actSchema, InboxAct>;

export function inboxOver(store: Store, runtime: Runtime): Inbox {
  async function decide(act: "retry" | "discard", input: InboxAct): Promise<number> {
    const { tenant, by, why, numbers } = parseInput(actSchema, input, "invalid_options");
    return store.inbox.decide({ tenant, act, by, why, ...(numbers && { numbers }), ...storeNow(runtime) });
  }
  return {
    async list(query = {}) {
      const { tenant, refused, limit, after } = parseInput(querySchema, query, "invalid_options");
      return store.inbox.list({ tenant, refused, limit, ...(after !== undefined && { after }) });
    },
    retry: (act) => decide("retry", act),
    discard: (act) => decide("discard", act),
  };
}

/** `told` hears of each call, before the host's transaction has ended. */
export function transactionRecorder<Tx, Done extends void | Promise<void>>(
  store: Store<Tx, Done>,
  tx: Tx,
  admission: Admission,
  told: () => void,
): TransactionRecorder<Done> {
  const enqueue = (events: readonly ParsedEvent[]): Done => {
    told();
    return store.inbox.enqueue(tx, events);
  };
  const enqueueAll = (inputs: unknown, path: string, parse: ParseEvent): Done => {
    const items = itemsOf(inputs, "invalid_event", path);
    return enqueue(Array.from(items, ([i, input]) => admission.check(input, `${path}[${i}]`, parse)));
  };
  return {
    record: (event) => enqueue([admission.check(event, "", parseEvent)]),
    recordMany: (events) => enqueueAll(events, "events", parseEvent),
    observe: (observation) => enqueue([admission.check(observation, "", parseObservation)]),
    observeMany: (observations) => enqueueAll(observations, "observations", parseObservation),
  };
}
