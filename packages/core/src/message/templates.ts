import * as z from "zod";
import { MilepostError } from "../errors.js";
import { type JsonObject, plainObject } from "../json.js";
import { recipientFields } from "../recipient/recipient.js";
import { defaultTenant } from "../recording/event.js";
import type { Runtime } from "../runtime.js";
import { templateNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, pageFields, parseInput, parsePresent, whySchema } from "../validation.js";
import { directionOf } from "./language.js";
import {
  type StoredTemplate,
  type TemplateAct,
  type TemplateOrigin,
  type TemplateVersion,
  templateOrigins,
} from "./stored-template.js";
import { checkedVersion, type VersionInput, versionFields } from "./template-check.js";
import type { TagProblem } from "./template-tag.js";
import { templateUse } from "./template-use.js";

/** Which template. */
interface NamedTemplate {
  /** `"default"` unless said. */
  readonly tenant?: string;
  readonly name: string;
}

/** Who acts on it, and why: kept with the act. */
export interface TemplateActing extends NamedTemplate {
  readonly by: string;
  readonly why: string;
}

export interface TemplateInput extends TemplateActing, VersionInput {
  /** The host's own word for what it is for: `invoice_reminder`. */
  readonly category: string;
  /** `"custom"` unless said. */
  readonly origin?: TemplateOrigin;
  /** Where it came from: an older system, a file. */
  readonly source?: string;
}

export interface VersionEdit extends TemplateActing, VersionInput {
  /** The newest version as its author saw it. */
  readonly parent: number;
}

export interface VersionAct extends TemplateActing {
  readonly version: number;
}

/** What can be narrowed when templates are listed. Ordered by name, bytewise. */
export interface TemplateQuery {
  readonly tenant?: string;
  readonly category?: string;
  readonly origin?: TemplateOrigin;
  /** Only those that are, or are not, the default of their category. */
  readonly isDefault?: boolean;
  /** Those that were archived; those that were not unless said. */
  readonly archived?: boolean;
  /** The name of the last one of the page before. */
  readonly after?: string;
  /** 100 unless said. */
  readonly limit?: number;
}

export interface VersionQuery extends NamedTemplate {
  /** The number of the last one of the page before. */
  readonly after?: number;
  /** 100 unless said. */
  readonly limit?: number;
}

export interface PreviewInput extends NamedTemplate {
  /** The active one unless said. */
  readonly version?: number;
  /** Whose language and habits; the fallback's unless said. */
  readonly locale?: string;
  /** Whose clocks; UTC unless said. */
  readonly zone?: string;
  /** The version's sample data unless said. */
  readonly data?: Record<string, unknown>;
}

/** A version as somebody would get it. */
export interface TemplatePreview {
  readonly version: number;
  /** The variant's. */
  readonly language: string;
  readonly dir: "ltr" | "rtl";
  /** All three null where a value is of the wrong type: such a message is not sent. */
  readonly subject: string | null;
  readonly text: string | null;
  readonly html: string | null;
  /** Required tags without a value. */
  readonly missing: readonly string[];
  /** Tags whose value is of another type. */
  readonly wrong: readonly TagProblem[];
}

/** Messages that people write and keep, in several languages and in versions. */
export interface Templates {
  /** Stores a template with its first version, which is active. Throws `invalid_template`, and `act_refused` where the name is taken. */
  create(input: TemplateInput): Promise<StoredTemplate>;
  /**
   * Adds a version, which is not active yet, made from the newest one. Throws `invalid_template`, and `act_refused` where
   * `parent` is not the newest any more or the template is archived.
   */
  addVersion(input: VersionEdit): Promise<TemplateVersion>;
  /** Makes a version the one that is used from now on; what was queued keeps its own. */
  activate(input: VersionAct): Promise<StoredTemplate>;
  /** Makes it the one of its category, in the place of the one that was. */
  makeDefault(input: TemplateActing): Promise<StoredTemplate>;
  /** Nothing new may use it, and it is no default any more; what was queued is sent. */
  archive(input: TemplateActing): Promise<StoredTemplate>;
  get(input: NamedTemplate): Promise<StoredTemplate | null>;
  list(query?: TemplateQuery): Promise<readonly StoredTemplate[]>;
  /** A template's versions, the oldest first. */
  versions(query: VersionQuery): Promise<readonly TemplateVersion[]>;
  /** Renders a version without sending anything. Throws `not_found`, and `render_failed` for a message that is too large. */
  preview(input: PreviewInput): Promise<TemplatePreview>;
}

const keyFields = { tenant: keySchema.default(defaultTenant), name: keySchema };
const actFields = { ...keyFields, by: keySchema, why: whySchema };
const numberSchema = z.int().min(1);

const keyOnlySchema = z.strictObject(keyFields);
const actSchema = z.strictObject(actFields);
const versionActSchema = z.strictObject({ ...actFields, version: numberSchema });
const createSchema = z.strictObject({
  ...actFields,
  ...versionFields,
  category: keySchema,
  origin: z.enum(templateOrigins).default("custom"),
  source: whySchema.optional(),
});
const editSchema = z.strictObject({ ...actFields, ...versionFields, parent: numberSchema });
const querySchema = z.strictObject({
  ...pageFields,
  category: keySchema.optional(),
  origin: z.enum(templateOrigins).optional(),
  isDefault: z.boolean().optional(),
  archived: z.boolean().default(false),
  after: keySchema.optional(),
});
const versionQuerySchema = z.strictObject({ ...pageFields, name: keySchema, after: z.int().min(0).default(0) });
const previewSchema = z.strictObject({
  ...keyFields,
  version: numberSchema.optional(),
  locale: recipientFields.locale,
  zone: recipientFields.zone,
  data: z.custom<Record<string, unknown>>().optional(),
});

true satisfies Agrees<typeof actSchema, TemplateActing>;
true satisfies Agrees<typeof versionActSchema, VersionAct>;
true satisfies Agrees<typeof createSchema, TemplateInput>;
true satisfies Agrees<typeof editSchema, VersionEdit>;
true satisfies Agrees<typeof querySchema, TemplateQuery>;
true satisfies Agrees<typeof versionQuerySchema, VersionQuery>;
true satisfies Agrees<typeof previewSchema, PreviewInput>;

/** What of an input is the version. */
function versionOf({ variants, fallback, tags, sample, maxItems }: VersionInput): object {
  const fields = { variants, fallback, tags, sample, maxItems };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

export function templatesOver(store: Store, runtime: Runtime): Templates {
  const { templates } = store;
  const act = (name: TemplateAct) => async (input: TemplateActing) =>
    templates.act({ ...parseInput(actSchema, input, "invalid_options"), act: name, ...storeNow(runtime) });

  return {
    async create(input) {
      const parsed = parseInput(createSchema, input, "invalid_template");
      const { tenant, name, category, origin, source = null, by, why } = parsed;
      const { created, template } = await templates.create({
        template: { tenant, name, category, origin, source },
        version: checkedVersion(versionOf(parsed as VersionInput)),
        ...{ by, why },
        ...storeNow(runtime),
      });
      if (!created) {
        throw new MilepostError("act_refused", `There is a template "${name}" already: add a version to it`, {
          path: "name",
        });
      }
      return template;
    },
    async addVersion(input) {
      const parsed = parseInput(editSchema, input, "invalid_template");
      const { tenant, name, parent, by, why } = parsed;
      const version = checkedVersion(versionOf(parsed as VersionInput));
      return templates.addVersion({ tenant, name, parent, version, by, why, ...storeNow(runtime) });
    },
    async activate(input) {
      const parsed = parseInput(versionActSchema, input, "invalid_options");
      return templates.act({ ...parsed, act: "activate", ...storeNow(runtime) });
    },
    makeDefault: act("default"),
    archive: act("archive"),
    get: async (input) => templates.get(parseInput(keyOnlySchema, input, "invalid_options")),
    list: async (query = {}) => templates.list(parsePresent(querySchema, query, "invalid_options")),
    versions: async (query) => templates.versions(parseInput(versionQuerySchema, query, "invalid_options")),
    async preview(input) {
      const { tenant, name, version: number, locale, zone, data } = parseInput(previewSchema, input, "invalid_options");
      const version = await templates.version({ tenant, name, ...(number !== undefined && { number }) });
      if (version === null) throw templateNotFound(name, number);
      const merged = data === undefined ? version.sample : plainObject(data, "data", "invalid_data");
      return previewOf(version, merged, {
        ...(locale !== undefined && { locale }),
        ...(zone !== undefined && { zone }),
      });
    },
  };
}

function previewOf(
  version: TemplateVersion,
  data: JsonObject,
  reader: { readonly locale?: string; readonly zone?: string },
): TemplatePreview {
  const use = templateUse(version);
  const compiled = use.pick(reader.locale);
  const language = compiled.template.language!;
  const problems = use.problems(data);
  const wrong = problems.filter(({ problem }) => problem === "wrong");
  const parts = wrong.length > 0 ? { subject: null, text: null, html: null } : compiled.render(data, reader);
  const missing = problems.filter(({ problem }) => problem === "missing").map(({ tag }) => tag);
  return { version: version.number, language, dir: directionOf(language), ...parts, missing, wrong };
}
