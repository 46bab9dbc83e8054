import * as z from "zod";
import type { Emit } from "../events.js";
import type { JsonObject } from "../json.js";
import type { Notifier } from "../notifier/notifier.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import type { NewCampaign } from "../store/campaign-repository.js";
import { recurrenceNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, pageFields, parsePresent, whySchema } from "../validation.js";
import { contentFrom } from "./content.js";
import {
  type CampaignDefinition,
  type CampaignFields,
  fieldSchemas,
  type RecurrenceTimes,
  refusedField,
  refuseFixedWindow,
  timesFields,
} from "./definition.js";
import { dueAt, firstAfter, type Recurrence, type RecurrenceKey, type Skip } from "./recurrence.js";
import type { Occurrence } from "./timetable.js";
import type { Window } from "./window.js";

/** Which recurrence, who acts on it, and why: kept with the act. */
export interface RecurrenceAct {
  readonly tenant?: string;
  readonly id: string;
  readonly by: string;
  readonly why: string;
}

/** What each of its campaigns is made of. */
export interface RecurringCampaign extends CampaignFields {
  /** For people; the recurrence's id unless said. */
  readonly name?: string;
  /** A campaign of the code, by its name: it knows the audience, and says what is not said here. */
  readonly definition: string;
  /** The name of one of the engine's notifiers. */
  readonly notifier?: string;
}

export interface RecurrenceInput extends RecurrenceAct, RecurrenceTimes {
  readonly campaign: RecurringCampaign;
}

/** A recurrence as a person sees it. */
export type RecurrenceReport = Omit<Recurrence, "definition" | "code">;

/** Campaigns that are sent again and again: each date of a recurrence makes one campaign, however many processes there are. */
export interface Recurrences {
  /** Stores a recurrence, or changes it. Throws `invalid_campaign` with the path of the field. */
  put(input: RecurrenceInput): Promise<RecurrenceReport>;
  /** No campaign is made while it is paused; those that were due meanwhile are not made afterwards. */
  pause(input: RecurrenceAct): Promise<RecurrenceReport>;
  resume(input: RecurrenceAct): Promise<RecurrenceReport>;
  /** Its campaigns stay. */
  remove(input: RecurrenceAct): Promise<boolean>;
  /** Null for an unknown one. */
  get(input: { readonly tenant?: string; readonly id: string }): Promise<RecurrenceReport | null>;
  list(query?: {
    readonly tenant?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<readonly RecurrenceReport[]>;
  /** Dates that were not sent, and why; the latest first, before the date `before`. */
  skips(query: {
    readonly tenant?: string;
    readonly id: string;
    readonly before?: string;
    readonly limit?: number;
  }): Promise<readonly Skip[]>;
}

/** The id of a campaign names its occurrence, too. */
const idSchema = keySchema.refine((id) => Buffer.byteLength(id) <= 180, "at most 180 bytes");
const actFields = { tenant: keySchema.default(defaultTenant), id: idSchema, by: keySchema, why: whySchema };
const actSchema = z.strictObject(actFields);
const campaignSchema = z.strictObject({
  ...fieldSchemas,
  name: z.string().min(1).max(200).optional(),
  definition: keySchema,
  notifier: keySchema.optional(),
});
const putSchema = z.strictObject({ ...actFields, ...timesFields, campaign: z.custom<RecurringCampaign>() });
const oneSchema = z.strictObject({ tenant: pageFields.tenant, id: keySchema });
const listSchema = z.strictObject({ ...pageFields, after: keySchema.optional() });
const skipsSchema = z.strictObject({ ...pageFields, id: keySchema, before: z.string().max(40).optional() });

true satisfies Agrees<typeof actSchema, RecurrenceAct>;
true satisfies Agrees<typeof campaignSchema, RecurringCampaign>;
true satisfies Agrees<typeof putSchema, RecurrenceInput>;

const hour = 3_600_000;
/** Recurrences that one look makes campaigns of. */
const lookLimit = 100;

/** Makes the campaigns of recurrences when they are due. */
export class RecurrenceKeeper {
  readonly #store: Store;
  readonly #codes: ReadonlyMap<string, CampaignDefinition>;
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  readonly #runtime: Runtime;
  readonly #emit: Emit;
  #installed = false;

  constructor(
    store: Store,
    definitions: readonly CampaignDefinition[],
    notifiers: ReadonlyMap<string, Notifier>,
    runtime: Runtime,
    emit: Emit,
  ) {
    this.#emit = emit;
    this.#store = store;
    this.#codes = new Map(definitions.map((definition) => [definition.name, definition]));
    this.#notifiers = notifiers;
    this.#runtime = runtime;
  }

  /** Makes what is due; answers of how many recurrences. Several processes make it once. */
  async makeDue(): Promise<number> {
    await this.#install();
    const { recurrences: steps } = this.#store;
    const codes = [...this.#codes.keys()];
    const { now, recurrences } = await steps.due({ codes, limit: lookLimit, ...storeNow(this.#runtime) });
    let made = 0;
    for (const recurrence of recurrences) {
      try {
        if (await this.#occur(recurrence, now)) made++;
      } catch (error) {
        // one that cannot be made, as of a notifier that is gone, holds up no other
        this.#emit("error", { where: `recurrence ${recurrence.id}`, error });
      }
    }
    return made;
  }

  async #occur(recurrence: Recurrence, now: Date): Promise<boolean> {
    const { run, ...due } = dueAt(recurrence, now.getTime());
    const campaign = run && this.#campaignOf(recurrence, run);
    const { tenant, id, nextAt: was } = recurrence;
    const acting = { by: "milepost", why: run === null ? "its time has passed" : `due at ${run.key}` };
    return this.#store.recurrences.occur({
      ...{ tenant, id, was: was!, campaign, ...due, ...acting },
      ...storeNow(this.#runtime),
    });
  }

  /** What the code says of its own, once for each engine. */
  async #install(): Promise<void> {
    if (this.#installed) return;
    for (const { name, recurrence } of this.#codes.values()) {
      if (recurrence === undefined) continue;
      const acting = { by: "milepost", why: "the code says so" };
      await this.put({ tenant: defaultTenant, id: name, ...acting, ...recurrence, campaign: { definition: name } });
    }
    this.#installed = true;
  }

  async put(input: RecurrenceInput & { readonly tenant: string }): Promise<Recurrence> {
    const { tenant, id, by, why, cron, zone, otherwise = null, catchUp = hour, campaign } = input;
    const given = parsePresent<RecurringCampaign>(campaignSchema, campaign, "invalid_campaign", "campaign");
    const { definition: code, ...said } = given;
    if (this.#codes.get(code)?.audience === undefined) {
      throw refusedField("campaign.definition", "the name of a campaign of this engine that knows its audience");
    }
    refuseFixedWindow(said.window);
    // that it can be sent is found out now, and not on its first date
    contentFrom(said, this.#codes.get(code), this.#notifiers);
    const times = { cron, zone, otherwise, catchUp };
    const now = (this.#runtime.now ?? (() => new Date()))();
    const nextAt = firstAfter(times, now.getTime());
    const recurrence = { tenant, id, code, ...times, definition: said as unknown as JsonObject, nextAt };
    return this.#store.recurrences.put({ recurrence, by, why, ...storeNow(this.#runtime) });
  }

  /** A campaign that begins when its occurrence was due; by the recipients' clocks each has it at their own time. */
  #campaignOf({ tenant, id, code, zone, otherwise, definition }: Recurrence, { key, at }: Occurrence): NewCampaign {
    const defined = this.#codes.get(code);
    const said = definition as unknown as Omit<RecurringCampaign, "definition">;
    const content = contentFrom(said, defined, this.#notifiers);
    const own: Window = { ...content.window, zone: "recipient", start: key, ...(otherwise !== null && { otherwise }) };
    const timed = zone === "recipient" ? { ...content, window: own } : content;
    return {
      ...{ tenant, id: `${id}:${key}`, name: said.name ?? id, kind: said.kind ?? defined?.kind ?? "" },
      ...{
        definition: timed as unknown as JsonObject,
        audience: "code",
        code,
        rate: said.rate ?? defined?.rate ?? null,
      },
      ...{ scheduledAt: new Date(at), recurrence: id, occurrence: key },
    };
  }
}

export function recurrencesOver(store: Store, keeper: RecurrenceKeeper, runtime: Runtime): Recurrences {
  const clock = runtime.now ?? (() => new Date());
  const act = (input: RecurrenceAct) =>
    parsePresent<RecurrenceAct & { readonly tenant: string }>(actSchema, input, "invalid_campaign");

  async function setPaused(paused: boolean, input: RecurrenceAct): Promise<RecurrenceReport> {
    const given = act(input);
    const recurrence = await store.recurrences.get(given);
    if (recurrence === null) throw recurrenceNotFound(given.id);
    const nextAt = firstAfter(recurrence, clock().getTime());
    return reportOf(await store.recurrences.setPaused({ ...given, paused, nextAt, ...storeNow(runtime) }));
  }

  return {
    async put(input) {
      type Given = RecurrenceInput & { readonly tenant: string };
      return reportOf(await keeper.put(parsePresent<Given>(putSchema, input, "invalid_campaign")));
    },
    pause: (input) => setPaused(true, input),
    resume: (input) => setPaused(false, input),
    remove: async (input) => store.recurrences.remove({ ...act(input), ...storeNow(runtime) }),
    async get(input) {
      const recurrence = await store.recurrences.get(parsePresent<RecurrenceKey>(oneSchema, input, "invalid_options"));
      return recurrence && reportOf(recurrence);
    },
    async list(query = {}) {
      type Query = Parameters<Store["recurrences"]["list"]>[0];
      const listed = await store.recurrences.list(parsePresent<Query>(listSchema, query, "invalid_options"));
      return listed.map(reportOf);
    },
    async skips(query) {
      type Query = Parameters<Store["recurrences"]["skips"]>[0];
      return store.recurrences.skips(parsePresent<Query>(skipsSchema, query, "invalid_options"));
    },
  };
}

function reportOf({ definition: _, code: __, ...report }: Recurrence): RecurrenceReport {
  return report;
}
