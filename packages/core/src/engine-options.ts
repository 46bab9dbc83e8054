import * as z from "zod";
import type { CampaignDefinition } from "./campaign/definition.js";
import type { DeliveryTiming } from "./delivery/timing.js";
import { MilepostError } from "./errors.js";
import type { MetricOptions } from "./milestone/definition.js";
import type { Milestone } from "./milestone/milestone.js";
import type { Notifier } from "./notifier/notifier.js";
import type { Runtime } from "./runtime.js";
import type { KeyRing } from "./secret/key-ring.js";
import type { Store } from "./store/store.js";
import type { DeliveryEventOptions } from "./tracking/tracking-options.js";
import { keySchema, listOf, parseInput } from "./validation.js";

export interface MilepostOptions<Tx = never, Done extends void | Promise<void> = void | Promise<void>> {
  /** `postgresStore(pool)`, `sqliteStore(db)` or `memoryStore()`. There is no silent default. */
  readonly store: Store<Tx, Done>;
  readonly milestones?: readonly Milestone[];
  /**
   * Names of milestones that are wanted no longer. One that the code merely omits stays installed, because another
   * deployment may have it; once removed, nothing of it is evaluated or announced any more.
   */
  readonly removed?: readonly string[];
  /** Campaigns that the code knows: `milepost.campaigns.create({ definition })`. */
  readonly campaigns?: readonly CampaignDefinition[];
  /** Notifiers that no milestone or campaign names but stored notifications may, such as one a removed milestone used. */
  readonly notifiers?: readonly Notifier[];
  /** What is to be known of metrics beyond their milestones. */
  readonly metrics?: Readonly<Record<string, MetricOptions>>;
  /**
   * Whether an event of a metric that neither `milestones` nor `metrics` names is refused (`unknown_metric`) or counted, by
   * what other processes have installed for it; `"refuse"` unless said.
   */
  readonly onUnknownMetric?: "refuse" | "count";
  /** The right side of every Message-ID; your mail domain. `"milepost.invalid"` unless said. */
  readonly messageIdDomain?: string;
  /**
   * Milliseconds by which the clocks of processes and of the database may differ, the same in all processes; 300,000
   * unless said, 60,000 at least. Metrics with an
   * `eventRetention` refuse events further ahead, and remember ids for longer by it.
   */
  readonly clockTolerance?: number;
  readonly delivery?: Partial<DeliveryTiming>;
  /** Seals the credentials of `milepost.providers`; needed where accounts have any. */
  readonly keyRing?: KeyRing;
  /** How long delivery events are kept, and how many soft bounces an address may have. */
  readonly deliveryEvents?: DeliveryEventOptions;
  /** Time, randomness and ids, for tests. */
  readonly runtime?: Partial<Runtime>;
}

const optionsSchema = z.strictObject({
  store: z.custom<Store>(
    (store) => typeof store === "object" && store !== null && "counters" in store && "supports" in store,
    "a store: postgresStore(pool), sqliteStore(db) or memoryStore()",
  ),
  milestones: z
    .array(z.custom<Milestone>((m) => (m as Milestone | null)?.kind === "milestone", "made by milestone({ … })"))
    .default([]),
  campaigns: z
    .array(
      z.custom<CampaignDefinition>(
        (c) => (c as CampaignDefinition | null)?.is === "campaign",
        "made by campaign({ … })",
      ),
    )
    .default([]),
  notifiers: z.array(z.custom<Notifier>((n) => typeof (n as Notifier)?.send === "function", "a notifier")).default([]),
  removed: listOf(keySchema, 10_000).default([]),
  metrics: z
    .record(
      z.string(),
      z
        .strictObject({
          decrements: z.boolean().optional(),
          gauge: z.boolean().optional(),
          retain: z.enum(["ids", "events"]).optional(),
          eventRetention: z.int("whole milliseconds, 1 or more; or null").min(1).nullable().optional(),
        })
        .refine(({ decrements, gauge }) => !(decrements && gauge), {
          path: ["decrements"],
          error: "not together with gauge: a gauge takes values of any sign",
        }),
    )
    .default({}),
  onUnknownMetric: z.enum(["refuse", "count"]).default("refuse"),
  messageIdDomain: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i, "a domain name")
    .default("milepost.invalid"),
  // also covers how long an event may wait between its admission and its commit
  clockTolerance: z.int("whole milliseconds, 60,000 or more").min(60_000).default(300_000),
  delivery: z.unknown().optional(),
  keyRing: z
    .custom<KeyRing>((ring) => typeof (ring as KeyRing | null)?.open === "function", "keyRing({ … })")
    .optional(),
  deliveryEvents: z.unknown().optional(),
  runtime: z.unknown().optional(),
});

/** What the engine is wired from. */
export interface CheckedOptions {
  readonly milestones: readonly Milestone[];
  readonly campaigns: readonly CampaignDefinition[];
  readonly removed: readonly string[];
  readonly metrics: Readonly<Record<string, MetricOptions>>;
  /** By name: of the milestones, and the others that were given. */
  readonly notifiers: ReadonlyMap<string, Notifier>;
  readonly onUnknownMetric: "refuse" | "count";
  readonly messageIdDomain: string;
  readonly clockTolerance: number;
}

/**
 * Throws `invalid_options` with the path of the field, `unsafe_durability` for an at-most-once notifier over a store that
 * may forget, and `unsupported` for what the store cannot do.
 */
export function checkedOptions<Tx, Done extends void | Promise<void>>(
  options: MilepostOptions<Tx, Done>,
): CheckedOptions {
  const {
    store,
    notifiers,
    metrics,
    delivery: _,
    deliveryEvents: ____,
    runtime: __,
    keyRing: ___,
    ...parsed
  } = parseInput(optionsSchema, options, "invalid_options");
  const { milestones, campaigns } = parsed;
  refuseTwice(campaigns);
  const byName = notifiersByName(milestones, [...campaigns.map(({ notifier }) => notifier), ...notifiers]);
  refuseForgetfulStore(store, milestones, campaigns, notifiers);
  refuseEffects(store, parsed.milestones);
  return { ...parsed, metrics: metrics as CheckedOptions["metrics"], notifiers: byName };
}

function refuseEffects({ supports }: Pick<Store, "supports">, milestones: readonly Milestone[]): void {
  if (supports.effect) return;
  milestones.forEach((milestone, i) => {
    const name = (["effect", "onPeriodEnd", "onLimit"] as const).find((each) => milestone[each] !== undefined);
    if (name === undefined) return;
    const expected = "a store that runs statements of the host (supports.effect)";
    throw new MilepostError("unsupported", `milestones[${i}].${name}: ${expected}`, {
      path: `milestones[${i}].${name}`,
      expected,
    });
  });
}

function refuseTwice(campaigns: readonly CampaignDefinition[]): void {
  const names = campaigns.map(({ name }) => name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice < 0) return;
  const path = `campaigns[${twice}].name`;
  throw new MilepostError("invalid_options", `${path}: a name of its own`, { path, expected: "a name of its own" });
}

function notifiersByName(milestones: readonly Milestone[], more: readonly Notifier[]): ReadonlyMap<string, Notifier> {
  const named = new Map<string, Notifier>();
  for (const notifier of [...milestones.flatMap((m) => m.announcement?.notifier ?? []), ...more]) {
    const other = named.get(notifier.name);
    if (other !== undefined && other !== notifier) {
      const message =
        `notifiers: two notifiers are named "${notifier.name}", and stored notifications name theirs: ` +
        "use one object in all milestones, or give each a name";
      throw new MilepostError("invalid_options", message, { path: "notifiers", expected: "unique names" });
    }
    if (notifier.accounts !== undefined && notifier.name.includes("/")) {
      const expected = "a name without a slash for a notifier with accounts: its lanes are <name>/<account>";
      throw new MilepostError("invalid_options", `notifiers: ${expected}`, { path: "notifiers", expected });
    }
    named.set(notifier.name, notifier);
  }
  return named;
}

/** A store that may forget a commit may forget a mark, and with it that a message was sent. */
function refuseForgetfulStore(
  store: Store,
  milestones: readonly Milestone[],
  campaigns: readonly CampaignDefinition[],
  more: readonly Notifier[],
): void {
  if (store.supports.durableCommits) return;
  const modes = [
    ...milestones.map(({ announcement }, i) => [`milestones[${i}].notifier`, announcement?.mode] as const),
    ...campaigns.map(({ mode, notifier }, i) => [`campaigns[${i}].notifier`, mode ?? notifier.mode] as const),
    ...more.map(({ mode }, i) => [`notifiers[${i}]`, mode] as const),
  ];
  const [path, mode] = modes.find(([, used]) => used !== undefined && used !== "at-least-once") ?? [];
  if (path === undefined) return;
  throw new MilepostError(
    "unsafe_durability",
    `${path} sends in mode ${mode}, but a power cut can undo commits of this store: a mark would be forgotten and the ` +
      "message sent twice. Make commits durable (SQLite: PRAGMA synchronous = FULL), or use a notifier in mode " +
      "at-least-once.",
    { path },
  );
}
