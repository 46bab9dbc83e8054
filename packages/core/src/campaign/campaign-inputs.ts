import * as z from "zod";
import { defaultTenant } from "../recording/event.js";
import { type Agrees, dateSchema, keySchema, listOf, pageFields, whySchema } from "../validation.js";
import type { AudienceMember } from "./audience-member.js";
import { type CampaignState, campaignStates } from "./campaign.js";
import { type CampaignFields, fieldSchemas } from "./definition.js";

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

/** What a call takes, by its name. */
export const campaignInputs: Readonly<
  Record<"create" | "act" | "schedule" | "launch" | "edit" | "one" | "query", z.ZodType>
> = {
  create: createSchema,
  act: actSchema,
  schedule: scheduleSchema,
  launch: launchSchema,
  edit: editSchema,
  one: oneSchema,
  query: querySchema,
};
