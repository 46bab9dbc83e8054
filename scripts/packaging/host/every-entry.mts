// What a host writes against every public entry, with parts of its own; compiled, as ESM and as CommonJS, never run.
import { type PostgresStoreOptions, postgresStore } from "@milepost/adapter-postgres";
import { type SqliteStoreOptions, sqliteStore } from "@milepost/adapter-sqlite";
import {
  accepted,
  type Channel,
  type ConsumeOptions,
  type CounterState,
  type Crossing,
  createMilepost,
  type DeliveryMode,
  type ErrorCode,
  type Level,
  type LocalHours,
  type MemberInput,
  type Milepost,
  MilepostError,
  type MilepostEvents,
  type MilepostOptions,
  type Milestone,
  type MilestoneEvent,
  type MilestonePolicy,
  memoryNotifier,
  memoryStore,
  milestone,
  type Notification,
  type NotificationAct,
  type Notifier,
  type Outcome,
  type PassReport,
  type PolicyContext,
  type Recipient,
  type RecipientResolver,
  type RecordResult,
  type RenderedMessage,
  type ResolveContext,
  refusedPermanent,
  refusedTransient,
  type SendContext,
  type StopOptions,
  type Subjects,
  thresholds,
  type Worker,
} from "@milepost/core";
import {
  type ConformanceCase,
  checkSequentialCount,
  engineCases,
  randomScenario,
  runConformanceCase,
  type StoreHarness,
  storeCases,
} from "@milepost/core/conformance";
import {
  type CounterKey,
  type CounterRepository,
  compareCounterKeys,
  type Mark,
  type MarkResult,
  markMove,
  type NotificationRepository,
  openLane,
  planMigrations,
  type Settlement,
  type Store,
  settleMove,
  tableNamer,
} from "@milepost/core/store";
import {
  previewNotifier,
  type SmtpNotifierOptions,
  smtpNotifier,
  smtpServerOf,
  type UnsubscribeLinks,
} from "@milepost/mailer";
import { type SmtpTestServer, smtpTestServer } from "@milepost/mailer/testing";
import Database from "better-sqlite3";
import { createTransport } from "nodemailer";
import pg from "pg";

class WebhookNotifier implements Notifier {
  readonly name = "hook";
  readonly channel: Channel = "webhook";
  readonly mode: DeliveryMode = "idempotent";
  readonly keyLifetime = 3_600_000;

  async send(message: RenderedMessage, { idempotencyKey, signal }: SendContext): Promise<Outcome> {
    if (signal.aborted) return refusedTransient("stopping", 1_000);
    if (message.text === null) return refusedPermanent("no text");
    return accepted(`${idempotencyKey} to ${message.to.address}`);
  }
}

const silentNotifier: Notifier = { name: "null", channel: "own", mode: "at-least-once", send: async () => {} };

const everyHundred: MilestonePolicy = {
  key: "every(100)",
  levels({ from, to }: { from: number; to: number }, { subject }: PolicyContext): readonly Level[] {
    const first = Math.floor(from / 100) * 100;
    const count = subject === "" ? 0 : (to - first) / 100 + 2;
    return Array.from({ length: count }, (_, i) => {
      const at = first + i * 100;
      return { threshold: String(at), at, direction: "rising", rearmAt: at - 50 };
    });
  },
};

const account: RecipientResolver = {
  async resolve(crossing: Crossing, { subjects, signal }: ResolveContext): Promise<readonly Recipient[]> {
    signal.throwIfAborted();
    const members = await subjects.members({ subject: crossing.subject, roles: ["owner"] });
    return members.map(({ address, name }) => (name === null ? { address } : { address, name }));
  },
};

const streamed: RecipientResolver = {
  async *resolve(crossing) {
    yield { address: `${crossing.subject}@example.com`, locale: "de-AT", zone: "Europe/Vienna" };
  },
};

const office: LocalHours = { from: "09:00", to: "18:00", days: [1, 2, 3, 4, 5], zone: "recipient", otherwise: "UTC" };

const milestones: readonly Milestone[] = [
  milestone({
    name: "hundreds",
    metric: "order.placed",
    policy: everyHundred,
    recipients: account,
    message: {
      subject: "{{threshold}}",
      text: "{{more}}",
      data: (crossing, recipient) => ({ more: [crossing, recipient] }),
    },
    notifier: new WebhookNotifier(),
    mode: "at-most-once",
    hours: office,
  }),
  milestone({ name: "silent", metric: "order.placed", policy: thresholds(1, 10) }),
  milestone({
    name: "s",
    metric: "m",
    policy: thresholds(1),
    recipients: streamed,
    message: { text: "" },
    notifier: silentNotifier,
  }),
];

/** A real driver's objects fit the structural types, and so do their pools' and handles' subclasses. */
export function stores(url: string, file: string): readonly Store[] {
  const postgresOptions: PostgresStoreOptions = { schema: "milepost", prepare: true };
  const sqliteOptions: SqliteStoreOptions = { busyTimeout: 1_000 };
  const pool: pg.Pool = new pg.Pool({ connectionString: url });
  const db: Database.Database = new Database(file);
  return [
    postgresStore(pool, postgresOptions),
    postgresStore(new (class extends pg.Pool {})()),
    sqliteStore(db, sqliteOptions),
    memoryStore({ now: () => new Date() }),
  ];
}

export async function host(store: Store, source: AsyncIterable<{ readonly row: number }>): Promise<PassReport> {
  const options: MilepostOptions = {
    store,
    milestones,
    metrics: { m: { decrements: true } },
    delivery: { lease: 60_000 },
  };
  const milepost: Milepost = createMilepost(options);
  const subjects: Subjects = milepost.subjects;
  const member: MemberInput = { address: "olga@acme.example", role: "owner" };
  await subjects.put([{ id: "acme", members: [member], fields: { plan: "gold", seats: 3 } }]);

  const event: MilestoneEvent = { id: "1", metric: "order.placed", subject: "acme", occurredAt: new Date(0) };
  const { value, crossings }: RecordResult = await milepost.record(event);
  const counter: CounterState | null = await milepost.counters.get({ metric: "order.placed", subject: "acme" });
  const reached: readonly string[] = crossings.map(({ threshold }) => threshold);
  const consuming: ConsumeOptions<{ readonly row: number }> = {
    toEvent: ({ row }) => (row > value + (counter?.value ?? 0) ? { ...event, id: `${row}` } : null),
    acknowledge: async (items, result) => void [items[0]?.row, result.counted, reached],
    onRefused: (item, error) => void [item.row, error.code],
  };
  await milepost.consume(source, consuming);

  const off: () => void = milepost.on("failed", ({ reason }: MilepostEvents["failed"]) => void reason);
  const act: NotificationAct = { id: "n", by: "me", why: "test" };
  try {
    const notification: Notification = await milepost.notifications.cancel(act);
    void notification.source.kind;
  } catch (error) {
    if (!MilepostError.is(error)) throw error;
    const code: ErrorCode = error.code;
    const where: string | undefined = error.path;
    void [code, where];
  }
  const worker: Worker = milepost.worker({ concurrency: 2 });
  const stopping: StopOptions = { grace: 100 };
  await worker.start();
  await worker.stop(stopping);
  off();
  memoryNotifier({ answer: () => accepted() }).expectSent(0, { subject: /x/ });
  return milepost.runOnce();
}

/** Over connections of the notifier's own, over the host's transport, and as files. */
export async function mailers(): Promise<readonly Notifier[]> {
  const server: SmtpTestServer = await smtpTestServer({ answer: (step) => (step === "RCPT" ? "550 no" : undefined) });
  const options: SmtpNotifierOptions = { host: server.host, port: server.port, from: "us@example.com" };
  const transport = createTransport({ ...smtpServerOf("smtp://127.0.0.1:25"), pool: true, maxRequeues: 0 });
  const unsubscribe: UnsubscribeLinks = (message, { notification }) => ({
    url: `https://example.com/u/${notification}?${message.to.address}`,
  });
  return [
    smtpNotifier(options),
    smtpNotifier({ transport, from: { name: "Us", address: "us@example.com" }, unsubscribe }),
    previewNotifier({ directory: "previews", from: "us@example.com" }),
  ];
}

export const harness: StoreHarness = {
  async open() {
    const store = memoryStore();
    return { store, reopen: async () => store, dispose: () => store.close() };
  },
};

export async function conformance(): Promise<readonly ("passed" | "skipped")[]> {
  const cases: readonly ConformanceCase[] = [...storeCases(), ...engineCases()];
  await checkSequentialCount((await harness.open()).store, randomScenario(1));
  return Promise.all(cases.map((each) => runConformanceCase(harness, each)));
}

/** As an own store would begin. */
export function repositories(
  row: Notification,
): [Pick<CounterRepository, "get">, Pick<NotificationRepository, "mark" | "settle">] {
  const now = new Date();
  const kept = new Map<CounterKey, CounterState>();
  return [
    {
      async get({ keys }) {
        return [...kept.values()].filter((state) => keys.some((key) => compareCounterKeys(key, state) === 0));
      },
    },
    {
      async mark({ marks, lease }) {
        const lane = openLane("default", "smtp");
        const about = { row, attempt: undefined, lane, campaign: null, refusal: null, lease, now };
        return marks.map((mark: Mark): MarkResult => markMove({ ...about, mark }).result);
      },
      async settle({ settlements }) {
        return settlements.map((settlement: Settlement) => settleMove(row, undefined, settlement, now).result);
      },
    },
  ];
}

export const sql: string = tableNamer({ schema: "app", tablePrefix: "" })("SELECT * FROM {counters}");
export const pending: readonly { readonly name: string }[] = planMigrations([{ version: 1, name: "ground", sql }], []);

// Where one of these lines is no error, a type has become `any`.
// @ts-expect-error
smtpNotifier({ host: "mail.example.com" });
// @ts-expect-error
smtpNotifier({ transport: "smtp://localhost", from: "us@example.com" });
// @ts-expect-error
milestone({ name: "no policy", metric: "m" });
// @ts-expect-error
createMilepost({ milestones });
// @ts-expect-error
postgresStore(new Database(":memory:"));
// @ts-expect-error
sqliteStore(new pg.Pool());
// @ts-expect-error
export const noCode: ErrorCode = "no_such_code";
