import type { DeliveryTiming } from "../delivery/timing.js";
import { MilepostError } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { Notifier } from "../notifier/notifier.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { CampaignEdit } from "../store/campaign-repository.js";
import { campaignNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { parsePresent } from "../validation.js";
import type { AudienceMember } from "./audience-member.js";
import type { Campaign, CampaignKey } from "./campaign.js";
import {
  type CampaignActInput,
  type CampaignQuery,
  type EditInput,
  campaignInputs as inputs,
  type LaunchInput,
  type NewCampaignInput,
  type ScheduleInput,
} from "./campaign-inputs.js";
import type { CampaignAct } from "./campaign-moves.js";
import { type CampaignReport, reportOf } from "./campaign-report.js";
import { Composer } from "./composing.js";
import { contentFrom, contentOf, editOf } from "./content.js";
import { refusedField } from "./definition.js";
import type { CampaignKeeper } from "./keeper.js";
import type { Loaded } from "./loader.js";
import { pinned } from "./messages.js";
import { beginOf } from "./window.js";

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
    await (at <= clock() ? start(campaign, input) : act("schedule", input, at));
  }

  /** A worker, or another call, may have begun it meanwhile. */
  async function start(campaign: Campaign, input: ScheduleInput): Promise<void> {
    try {
      await act("start", input);
    } catch (error) {
      const { startedAt } = await existing(campaign);
      if (startedAt === null || !MilepostError.is(error) || error.code !== "act_refused") throw error;
    }
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
      } = parsePresent<NewCampaignInput & { readonly tenant: string }>(inputs.create, input, "invalid_campaign");
      const code = definition === undefined ? undefined : keeper.definition(definition);
      if (definition !== undefined && code === undefined) {
        throw refusedField("definition", "the name of a campaign of this engine");
      }
      const content = contentFrom(fields, code, notifiers);
      const audience = content.contacts !== null ? "contacts" : code?.audience === undefined ? "given" : "code";
      if (at !== undefined && audience === "given") {
        throw refusedField("at", "none: launch() it with its recipients, and say there when it begins");
      }
      const messages = await pinned(content.messages, store, tenant);
      const { kind = code?.kind ?? "", rate = code?.rate ?? null } = fields;
      const campaign = {
        ...({ tenant, id, name, kind, rate, audience, code: definition ?? "" } as const),
        ...{
          definition: { ...content, messages } as unknown as JsonObject,
          scheduledAt: at ?? null,
          recurrence: "",
          occurrence: "",
        },
      };
      const { campaign: stored } = await store.campaigns.create({ campaign, by, why, ...storeNow(runtime) });
      if (at !== undefined) opened();
      return report(stored);
    },

    async launch(input) {
      const { recipients, ...launch } = parsePresent<LaunchInput & { readonly tenant: string }>(
        inputs.launch,
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
        if (Array.isArray(recipients) && contentOf(campaign).onRefused === "fail") {
          await checkAll(campaign, recipients, now);
        }
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
        inputs.schedule,
        input,
        "invalid_campaign",
      );
      const campaign = await existing(given);
      await act("schedule", given, begins(campaign, given.at));
      return report(given as CampaignKey);
    },

    async pause(input) {
      return report(await act("pause", parsePresent<CampaignActInput>(inputs.act, input, "invalid_campaign")));
    },

    async resume(input) {
      return report(await act("resume", parsePresent<CampaignActInput>(inputs.act, input, "invalid_campaign")));
    },

    async cancel(input) {
      const done = await act("cancel", parsePresent<CampaignActInput>(inputs.act, input, "invalid_campaign"));
      const lease = done.changing === null ? null : await leased(done);
      if (lease !== null) await keeper.work(lease, closing);
      return report(done);
    },

    async edit(input) {
      const { change, revision, ...acting } = parsePresent<EditInput & { readonly tenant: string }>(
        inputs.edit,
        input,
        "invalid_campaign",
      );
      const campaign = await existing(acting);
      const edit = await pinnedEdit(campaign, editOf(campaign, change));
      const edited = { ...campaign, ...edit };
      if (edit.definition !== undefined) await checkOpen(edited);
      const done = await store.campaigns.edit({ ...acting, revision, change: edit, ...storeNow(runtime) });
      const lease = done.changing === null ? null : await leased(done);
      if (lease !== null) await keeper.work(lease, closing);
      opened();
      return report(done);
    },

    async get(input) {
      const campaign = await store.campaigns.get(parsePresent<CampaignKey>(inputs.one, input, "invalid_options"));
      return campaign === null ? null : report(campaign);
    },

    async list(query = {}) {
      type Query = Parameters<Store["campaigns"]["list"]>[0];
      return reported(await store.campaigns.list(parsePresent<Query>(inputs.query, query, "invalid_options")));
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
    if (state === "scheduled" && scheduledAt !== null && scheduledAt <= clock()) await start(campaign, input);
    return loaded ?? none;
  }

  /** Of a list that is given nothing is stored before all of it is known to be right. */
  async function checkAll(campaign: Campaign, recipients: readonly AudienceMember[], now: Date): Promise<void> {
    const composer = await Composer.of(campaign, keeper.definition(campaign.code) ?? {}, store, now);
    for (const [index, recipient] of recipients.entries()) composer.compose(recipient, index, () => "");
  }

  async function pinnedEdit({ tenant }: Campaign, edit: CampaignEdit): Promise<CampaignEdit> {
    if (edit.definition === undefined) return edit;
    const content = contentOf({ definition: edit.definition });
    const messages = await pinned(content.messages, store, tenant);
    return { ...edit, definition: { ...content, messages } as unknown as JsonObject };
  }

  async function checkOpen(campaign: Campaign): Promise<void> {
    const composer = await Composer.of(campaign, {}, store, clock());
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
