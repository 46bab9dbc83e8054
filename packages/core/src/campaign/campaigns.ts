import * as z from "zod";
import type { Rate } from "../delivery/gate.js";
import type { NotificationState } from "../delivery/notification.js";
import type { DeliveryTiming } from "../delivery/timing.js";
import { MilepostError } from "../errors.js";
import { type JsonObject, plainObject } from "../json.js";
import { type Notifier, safeKeyLifetime } from "../notifier/notifier.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { CampaignCount, CampaignEdit } from "../store/campaign-repository.js";
import { campaignNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import {
  type Agrees,
  dateSchema,
  keySchema,
  listOf,
  pageFields,
  parseInput,
  parsePresent,
  whySchema,
} from "../validation.js";
import type { AudienceMember } from "./audience-member.js";
import { type Campaign, type CampaignKey, type CampaignState, campaignStates } from "./campaign.js";
import type { CampaignAct } from "./campaign-moves.js";
import { type CampaignContent, Composer, contentOf } from "./composing.js";
import {
  type CampaignDefinition,
  type CampaignFields,
  fieldSchemas,
  messagesOf,
  refusedField,
  refuseWiderMode,
} from "./definition.js";
import type { CampaignKeeper } from "./keeper.js";
import type { Loaded } from "./loader.js";
import { Messages } from "./messages.js";
import { beginOf } from "./window.js";

/** Who acts, and why: kept with the act. */
interface Acting {
  readonly by: string;
  readonly why: string;
}

/** Which campaign, who acts on it, and why. */
export interface CampaignActInput extends Acting {
  readonly tenant?: string;
  readonly id: string;
}

export interface NewCampaignInput extends CampaignFields, Acting {
  readonly tenant?: string;
  /** Unique to the tenant; a new one unless said. Of one that exists, that one is answered and nothing is changed. */
  readonly id?: string;
  /** For people; the id unless said. */
  readonly name?: string;
  /** A campaign of the code, by its name: it knows the audience, and says what is not said here. */
  readonly definition?: string;
  /** The name of one of the engine's notifiers. */
  readonly notifier?: string;
  /** When it begins; a draft unless said. */
  readonly at?: Date;
}

export interface LaunchInput extends CampaignActInput {
  /** Its audience, unless the code knows it. */
  readonly recipients?: AsyncIterable<AudienceMember> | Iterable<AudienceMember>;
  /** When it begins; unless said when its window does, or at once. */
  readonly at?: Date;
}

export interface ScheduleInput extends CampaignActInput {
  /** When it begins; unless said when its window does, or at once. */
  readonly at?: Date;
}

/** What an edit changes; what is not named stays. */
export interface CampaignChange extends Omit<CampaignFields, "mode" | "maxAttempts" | "scope" | "needsConsent"> {
  readonly name?: string;
}

export interface EditInput extends CampaignActInput {
  /** The revision that was looked at: of two edits at once one is refused. */
  readonly revision: number;
  readonly change: CampaignChange;
}

export interface CampaignQuery {
  readonly tenant?: string;
  readonly states?: readonly CampaignState[];
  readonly kind?: string;
  /** After the campaign of this id. */
  readonly after?: string;
  readonly limit?: number;
}

/** How many notifications of a campaign there are, of the rows and so always true. */
export interface CampaignCounts {
  /** All of them. */
  readonly recipients: number;
  /** Those that wait, or are claimed and not handed to their notifier yet. */
  readonly queued: number;
  readonly sending: number;
  readonly ambiguous: number;
  readonly sent: number;
  readonly failed: number;
  readonly unknown: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly suppressed: number;
}

/** A campaign as a person sees it. */
export interface CampaignReport
  extends Pick<
    Campaign,
    | "tenant"
    | "id"
    | "name"
    | "kind"
    | "state"
    | "detail"
    | "revision"
    | "audience"
    | "loaded"
    | "rejected"
    | "recurrence"
    | "occurrence"
    | "scheduledAt"
    | "createdAt"
    | "startedAt"
    | "endedAt"
  > {
  /** The campaign of the code that it was made of; null: of none. */
  readonly definition: string | null;
  readonly content: Omit<CampaignContent, "keyLifetime">;
  readonly rate: Rate | null;
  /** An edit or a cancel is being brought along: nothing of it goes out meanwhile. */
  readonly changing: Campaign["changing"];
  readonly counts: CampaignCounts;
}

/** One message to an audience: once, at a local time of each, or again and again. */
export interface Campaigns {
  /** Stores a draft or, with `at`, one that begins then. Throws `invalid_campaign` and `invalid_template`. */
  create(input: NewCampaignInput): Promise<CampaignReport>;
  /**
   * Loads the audience now, all of it, and lets the campaign begin. Every message is checked as if it was sent before the
   * first one goes out. Calling it again goes on where a process died: nobody is queued twice. Throws `missing_tag`,
   * `invalid_recipient` and the like, with who it is about: of a list before anything is stored; of a stream the campaign
   * has failed then, unless it says `onRefused: "skip"`.
   */
  launch(input: LaunchInput): Promise<Loaded & { readonly campaign: CampaignReport }>;
  /** Lets one begin at a time; its audience is loaded by a worker now. */
  schedule(input: ScheduleInput): Promise<CampaignReport>;
  /** Nothing of it goes out after this; what is being sent already may still arrive. */
  pause(input: CampaignActInput): Promise<CampaignReport>;
  resume(input: CampaignActInput): Promise<CampaignReport>;
  /** Nothing of it goes out after this, and what was not sent is `cancelled`. */
  cancel(input: CampaignActInput): Promise<CampaignReport>;
  /**
   * Changes what was never handed to a notifier. All of it is checked first: where the change does not fit one, as of a tag
   * without a value, nothing is changed. Throws `act_refused` for another revision.
   */
  edit(input: EditInput): Promise<CampaignReport>;
  /** Null for an unknown one. */
  get(input: { readonly tenant?: string; readonly id: string }): Promise<CampaignReport | null>;
  /** Ordered by id, bytewise. */
  list(query?: CampaignQuery): Promise<readonly CampaignReport[]>;
}

const acting = { by: keySchema, why: whySchema };
const actFields = { tenant: keySchema.default(defaultTenant), id: keySchema, ...acting };
const nameSchema = z.string().min(1).max(200);
const createSchema = z.strictObject({
  ...fieldSchemas,
  ...acting,
  tenant: keySchema.default(defaultTenant),
  id: keySchema.optional(),
  name: nameSchema.optional(),
  definition: keySchema.optional(),
  notifier: keySchema.optional(),
  at: dateSchema.optional(),
});
const actSchema = z.strictObject(actFields);
const scheduleSchema = z.strictObject({ ...actFields, at: dateSchema.optional() });
const launchSchema = z.strictObject({
  ...actFields,
  at: dateSchema.optional(),
  recipients: z
    .custom<LaunchInput["recipients"] & object>(
      (value) =>
        typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value),
      "a list or a stream of recipients",
    )
    .optional(),
});
const { mode: _, maxAttempts: __, scope: ___, needsConsent: ____, ...changeable } = fieldSchemas;
const changeSchema = z.strictObject({ ...changeable, name: nameSchema.optional() });
const editSchema = z.strictObject({ ...actFields, revision: z.int().min(1), change: changeSchema });
const oneSchema = z.strictObject({ tenant: pageFields.tenant, id: keySchema });
const querySchema = z.strictObject({
  ...pageFields,
  states: listOf(z.enum(campaignStates), campaignStates.length).optional(),
  kind: z.string().max(200).optional(),
  after: keySchema.optional(),
});

true satisfies Agrees<typeof createSchema, NewCampaignInput>;
true satisfies Agrees<typeof actSchema, CampaignActInput>;
true satisfies Agrees<typeof scheduleSchema, ScheduleInput>;
true satisfies Agrees<typeof changeSchema, CampaignChange>;
true satisfies Agrees<typeof querySchema, CampaignQuery>;

export interface CampaignRoom {
  readonly store: Store;
  readonly keeper: CampaignKeeper;
  readonly notifiers: ReadonlyMap<string, Notifier>;
  readonly runtime: Runtime;
  readonly timing: DeliveryTiming;
  /** Aborts when the engine closes. */
  readonly closing: AbortSignal;
  /** There is something to do for workers. */
  readonly opened: () => void;
}

export function campaignsOver({ store, keeper, notifiers, runtime, timing, closing, opened }: CampaignRoom): Campaigns {
  const clock = runtime.now ?? (() => new Date());

  async function existing({ tenant, id }: CampaignKey): Promise<Campaign> {
    const campaign = await store.campaigns.get({ tenant, id });
    if (campaign === null) throw campaignNotFound(id);
    return campaign;
  }

  async function reported(campaigns: readonly Campaign[]): Promise<readonly CampaignReport[]> {
    const [first] = campaigns;
    if (first === undefined) return [];
    const counts = await store.campaigns.counts({ tenant: first.tenant, ids: campaigns.map(({ id }) => id) });
    return campaigns.map((campaign) => reportOf(campaign, counts));
  }

  async function report(key: CampaignKey): Promise<CampaignReport> {
    const [one] = await reported([await existing(key)]);
    return one!;
  }

  async function act(name: CampaignAct, input: CampaignActInput, at: Date | null = null): Promise<Campaign> {
    const { tenant = defaultTenant, id, by, why } = input;
    const done = await keeper.act({ tenant, id }, name, why, { by, at });
    opened();
    return done;
  }

  /** This process does what it can of it at once; where another has it, or this one dies, a worker does. */
  async function leased(key: CampaignKey): Promise<Campaign | null> {
    const { tenant, id } = key;
    return store.campaigns.lease({ tenant, id, lease: timing.lease, ...storeNow(runtime) });
  }

  /** Begins when it says, when its window does, or now. */
  function begins(campaign: Campaign, at: Date | undefined): Date {
    const { window } = contentOf(campaign);
    return at ?? (window === null ? null : beginOf(window)) ?? clock();
  }

  async function begin(campaign: Campaign, input: ScheduleInput): Promise<void> {
    const at = begins(campaign, input.at);
    await (at <= clock() ? act("start", input) : act("schedule", input, at));
  }

  return {
    async create(input) {
      const {
        tenant,
        id = runtime.id(),
        name = id,
        definition,
        at,
        by,
        why,
        ...fields
      } = parsePresent<NewCampaignInput & { readonly tenant: string }>(createSchema, input, "invalid_campaign");
      const code = definition === undefined ? undefined : keeper.definition(definition);
      if (definition !== undefined && code === undefined) {
        throw refusedField("definition", "the name of a campaign of this engine");
      }
      const audience = code?.audience === undefined ? "given" : "code";
      if (at !== undefined && audience === "given") {
        throw refusedField("at", "none: launch() it with its recipients, and say there when it begins");
      }
      const content = contentFrom(fields, code, notifiers);
      const { kind = code?.kind ?? "", rate = code?.rate ?? null } = fields;
      const campaign = {
        ...({ tenant, id, name, kind, rate, audience, code: definition ?? "" } as const),
        ...{ definition: content as unknown as JsonObject, scheduledAt: at ?? null, recurrence: "", occurrence: "" },
      };
      const { campaign: stored } = await store.campaigns.create({ campaign, by, why, ...storeNow(runtime) });
      if (at !== undefined) opened();
      return report(stored);
    },

    async launch(input) {
      const { recipients, ...launch } = parsePresent<LaunchInput & { readonly tenant: string }>(
        launchSchema,
        input,
        "invalid_campaign",
      );
      const campaign = await existing(launch);
      if (campaign.audience !== "given") {
        if (recipients !== undefined) throw refusedField("recipients", "none: the campaign knows its audience");
        return { ...(await launchKnown(campaign, launch)), campaign: await report(campaign) };
      }
      let loaded: Loaded = { queued: 0, duplicates: 0, rejected: 0, refused: [] };
      if (!campaign.loaded) {
        if (recipients === undefined) throw refusedField("recipients", "a list or a stream of recipients");
        const now = begins(campaign, launch.at);
        if (Array.isArray(recipients) && contentOf(campaign).onRefused === "fail") checkAll(campaign, recipients, now);
        const lease = await leased(campaign);
        if (lease === null) throw busy(campaign);
        const done = await keeper.load(lease, recipients, now, closing).catch(async (error: unknown) => {
          await keeper.loadFailed(lease, error, launch);
          throw error;
        });
        if (done === null) throw busy(campaign);
        loaded = done;
      }
      const { state } = await existing(launch);
      if (state === "draft") await begin(campaign, launch);
      return { ...loaded, campaign: await report(campaign) };
    },

    async schedule(input) {
      const given = parsePresent<ScheduleInput & { readonly tenant: string }>(
        scheduleSchema,
        input,
        "invalid_campaign",
      );
      const campaign = await existing(given);
      await act("schedule", given, begins(campaign, given.at));
      return report(given as CampaignKey);
    },

    async pause(input) {
      return report(await act("pause", parseInput(actSchema, input, "invalid_campaign")));
    },

    async resume(input) {
      return report(await act("resume", parseInput(actSchema, input, "invalid_campaign")));
    },

    async cancel(input) {
      const done = await act("cancel", parseInput(actSchema, input, "invalid_campaign"));
      const lease = done.changing === null ? null : await leased(done);
      if (lease !== null) await keeper.work(lease, closing);
      return report(done);
    },

    async edit(input) {
      const { change, revision, ...acting } = parsePresent<EditInput & { readonly tenant: string }>(
        editSchema,
        input,
        "invalid_campaign",
      );
      const campaign = await existing(acting);
      const edit = editOf(campaign, change);
      const edited = { ...campaign, ...edit };
      if (edit.definition !== undefined) await checkOpen(edited);
      const done = await store.campaigns.edit({ ...acting, revision, change: edit, ...storeNow(runtime) });
      const lease = done.changing === null ? null : await leased(done);
      if (lease !== null) await keeper.work(lease, closing);
      opened();
      return report(done);
    },

    async get(input) {
      const campaign = await store.campaigns.get(parseInput(oneSchema, input, "invalid_options"));
      return campaign === null ? null : report(campaign);
    },

    async list(query = {}) {
      type Query = Parameters<Store["campaigns"]["list"]>[0];
      return reported(await store.campaigns.list(parsePresent<Query>(querySchema, query, "invalid_options")));
    },
  };

  /** One whose audience the code knows: loaded here and now, so that the caller hears what is wrong with it. */
  async function launchKnown(campaign: Campaign, input: ScheduleInput): Promise<Loaded> {
    if (campaign.state === "draft") await act("schedule", input, begins(campaign, input.at));
    const lease = campaign.loaded ? null : await leased(campaign);
    const none = { queued: 0, duplicates: 0, rejected: 0, refused: [] };
    if (lease === null || lease.loaded) return none;
    const loaded = await keeper.loadKnown(lease, clock(), closing).catch(async (error: unknown) => {
      await keeper.loadFailed(lease, error, input);
      throw error;
    });
    const { state, scheduledAt } = await existing(campaign);
    if (state === "scheduled" && scheduledAt !== null && scheduledAt <= clock()) await act("start", input);
    return loaded ?? none;
  }

  /** Of a list that is given nothing is stored before all of it is known to be right. */
  function checkAll(campaign: Campaign, recipients: readonly AudienceMember[], now: Date): void {
    const composer = new Composer(campaign, keeper.definition(campaign.code) ?? {}, now);
    for (const [index, recipient] of recipients.entries()) composer.compose(recipient, index, () => "");
  }

  async function checkOpen(campaign: Campaign): Promise<void> {
    const composer = new Composer(campaign, {}, clock());
    const { tenant, id } = campaign;
    for (let after: string | null = null; ; ) {
      const rows = await store.campaigns.open({ tenant, id, after, limit: pageOfRows });
      for (const row of rows) composer.recompose(row);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }
}

const pageOfRows = 1_000;

function busy({ id }: Campaign): MilepostError {
  return new MilepostError("act_refused", `Campaign "${id}" is being loaded by another process`);
}

type ContentFields = Omit<CampaignFields, "kind" | "rate"> & { readonly notifier?: string };

/** What a campaign says where it is made: its own words, then those of the code. */
function contentFrom(
  given: ContentFields,
  code: CampaignDefinition | undefined,
  notifiers: ReadonlyMap<string, Notifier>,
): CampaignContent {
  const name = given.notifier ?? code?.notifier.name;
  const notifier = name === undefined ? undefined : notifiers.get(name);
  if (name === undefined || notifier === undefined) {
    throw refusedField("notifier", "the name of one of the engine's notifiers");
  }
  const said = given.message !== undefined || given.messages !== undefined ? given : (code ?? given);
  const messages = messagesOf(said);
  new Messages(messages);
  const { mode = code?.mode } = given;
  refuseWiderMode(mode === undefined ? {} : { mode }, notifier);
  const used = mode ?? notifier.mode;
  return {
    messages,
    data: plainObject(given.data ?? code?.data ?? {}, "data", "invalid_campaign"),
    items: given.items ?? code?.items ?? "each",
    onRefused: given.onRefused ?? code?.onRefused ?? "fail",
    notifier: name,
    channel: notifier.channel,
    mode: used,
    keyLifetime: used === "idempotent" ? safeKeyLifetime(notifier.keyLifetime!) : null,
    maxAttempts: given.maxAttempts ?? code?.maxAttempts ?? 5,
    scope: given.scope ?? code?.scope ?? "default",
    needsConsent: given.needsConsent ?? code?.needsConsent ?? false,
    window: given.window ?? code?.window ?? null,
  };
}

/** Throws `invalid_template` for messages that cannot be read. */
function editOf(campaign: Campaign, change: CampaignChange): CampaignEdit {
  const { name, kind, rate, message, messages, data, items, window, onRefused } = change;
  const content = contentOf(campaign);
  const said = message !== undefined || messages !== undefined;
  const changed = {
    ...(said && { messages: messagesOf({ message, messages } as CampaignFields) }),
    ...(data && { data: plainObject(data, "change.data", "invalid_campaign") }),
    ...(items && { items }),
    ...(window && { window }),
    ...(onRefused && { onRefused }),
  };
  if (changed.messages) new Messages(changed.messages);
  const definition = { ...content, ...changed } as unknown as JsonObject;
  return {
    ...(name !== undefined && { name }),
    ...(kind !== undefined && { kind }),
    ...(rate !== undefined && { rate }),
    // its name is merged, too
    ...((Object.keys(changed).length > 0 || name !== undefined || kind !== undefined) && { definition }),
  };
}

function reportOf(campaign: Campaign, counts: readonly CampaignCount[]): CampaignReport {
  const { tenant, id, name, kind, state, detail, revision, audience, loaded, rejected, recurrence, occurrence } =
    campaign;
  const { scheduledAt, createdAt, startedAt, endedAt, code, rate, changing } = campaign;
  const { keyLifetime: _, ...content } = contentOf(campaign);
  return {
    ...{ tenant, id, name, kind, state, detail, revision, audience, loaded, rejected, recurrence, occurrence },
    ...{ scheduledAt, createdAt, startedAt, endedAt, rate, changing, content },
    definition: code === "" ? null : code,
    counts: countsOf(counts.filter((count) => count.id === id)),
  };
}

function countsOf(counts: readonly CampaignCount[]): CampaignCounts {
  const of = (...states: readonly NotificationState[]) =>
    counts.filter(({ state }) => states.includes(state)).reduce((sum, { count }) => sum + count, 0);
  return {
    recipients: counts.reduce((sum, { count }) => sum + count, 0),
    queued: of("pending", "leased"),
    sending: of("sending"),
    ambiguous: of("ambiguous"),
    sent: of("sent"),
    failed: of("failed"),
    unknown: of("unknown"),
    expired: of("expired"),
    cancelled: of("cancelled"),
    suppressed: of("suppressed"),
  };
}
